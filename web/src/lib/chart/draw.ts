/** uPlot with the page's colours, language and time zone. Loaded after the first paint, with the chart's own style sheet. */
import uPlot from "uplot";
import "uplot/dist/uPlot.min.css";
import type { Thresholds } from "../api/types";
import type { Columns } from "../forecasts/bands";
import type { Format } from "../format";

export interface ChartOptions {
  kind: "line" | "bars";
  /** Observed values, and a forecast with its bands where there is one. */
  data: Columns;
  /** Shown range in epoch ms. */
  range: { from: number; to: number };
  /** Where "busy" and "saturated" begin, if it is about that. */
  thresholds: Thresholds | null;
  /** The vertical axis: from 0 to `top`, or to what there is; occupancy in percent without it. */
  axis?: { top: number | null; text: (value: number) => string };
  format: Format;
  size: { width: number; height: number };
  /** The point under the pointer, or null. */
  onhover: (index: number | null) => void;
}

const MINUTE = 60;
const HOUR = 3600;
const DAY = 24 * HOUR;
/** Steps of the time axis by the length of what is shown. */
const STEPS: [longest: number, steps: number[]][] = [
  [2 * HOUR, [MINUTE, 5 * MINUTE, 10 * MINUTE, 15 * MINUTE, 30 * MINUTE]],
  [2 * DAY, [HOUR, 3 * HOUR, 6 * HOUR]],
  [Infinity, [DAY, 2 * DAY, 7 * DAY]],
];

function color(name: string): string {
  return getComputedStyle(document.documentElement).getPropertyValue(name).trim();
}

export function draw(target: HTMLElement, options: ChartOptions): uPlot {
  const accent = color("--accent");
  const forecast = color("--forecast");
  const muted = color("--muted");
  const font = `12px ${getComputedStyle(document.body).fontFamily}`;
  const axis: uPlot.Axis = { stroke: muted, font, ticks: { show: false }, grid: { stroke: color("--line"), width: 1 } };
  const bars = options.kind === "bars";
  const stepped = uPlot.paths.stepped!({ align: 1 });
  const observed: uPlot.Series = bars
    ? {
        stroke: accent,
        fill: accent,
        width: 0,
        paths: uPlot.paths.bars!({ size: [0.72, 40], align: 1, radius: 0.18 }),
        points: { show: false },
      }
    : {
        stroke: accent,
        fill: options.axis ? undefined : `${accent}26`,
        width: 2.5,
        paths: stepped,
        points: { show: false },
      };
  const edge: uPlot.Series = { width: 0, paths: stepped, points: { show: false } };
  const median: uPlot.Series = { stroke: forecast, width: 2, dash: [6, 3], paths: stepped, points: { show: false } };
  const { axis: values, range } = options;
  const seconds = (range.to - range.from) / 1000;
  const incrs = STEPS.find(([longest]) => seconds <= longest)![1];
  return new uPlot(
    {
      ...options.size,
      padding: [8, 20, 0, 0],
      legend: { show: false },
      tzDate: (at) => uPlot.tzDate(new Date(at * 1000), options.format.zone),
      cursor: { y: false, points: { size: 8, fill: accent }, drag: { x: false, y: false } },
      scales: {
        x: { time: true, range: [range.from / 1000, range.to / 1000] },
        y: { range: values ? (_, __, most) => [0, values.top ?? Math.max(1, most * 1.05)] : [0, 100] },
      },
      axes: [
        {
          ...axis,
          grid: { show: false },
          size: 28,
          space: 52,
          incrs,
          values: (_, splits) =>
            splits.map((at) => (incrs[0] === DAY ? options.format.day(at * 1000) : options.format.time(at * 1000))),
        },
        {
          ...axis,
          size: values ? 78 : 46,
          splits: values ? undefined : [0, 25, 50, 75, 100],
          values: (_, splits) => splits.map((value) => (values ? values.text(value) : options.format.percent(value))),
        },
      ],
      series: [{}, observed, median, edge, edge, edge, edge],
      bands: [
        { series: [6, 5], fill: `${forecast}26` },
        { series: [4, 3], fill: `${forecast}40` },
      ],
      hooks: {
        draw: [(plot) => options.thresholds && thresholdLines(plot, options.thresholds)],
        setCursor: [(plot) => options.onhover(plot.cursor.idx ?? null)],
      },
    },
    toPlot(options.data),
    target,
  );
}

export function toPlot({ at, value, median, low80, high80, low95, high95 }: Columns): uPlot.AlignedData {
  return [at.map((ms) => ms / 1000), value, median, low80, high80, low95, high95];
}

/** Dashed lines where "busy" and "saturated" begin, with the colours of the levels. */
function thresholdLines(plot: uPlot, thresholds: Thresholds): void {
  const { ctx, bbox } = plot;
  ctx.save();
  ctx.lineWidth = devicePixelRatio;
  ctx.setLineDash([5 * devicePixelRatio, 4 * devicePixelRatio]);
  for (const [rate, name] of [
    [thresholds.busy, "--busy"],
    [thresholds.saturated, "--saturated"],
  ] as const) {
    const y = Math.round(plot.valToPos(rate, "y", true)) + 0.5;
    ctx.strokeStyle = color(name);
    ctx.beginPath();
    ctx.moveTo(bbox.left, y);
    ctx.lineTo(bbox.left + bbox.width, y);
    ctx.stroke();
  }
  ctx.restore();
}
