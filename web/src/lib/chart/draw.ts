/** uPlot with the page's colours, language and time zone. Loaded after the first paint, with the chart's own style sheet. */
import uPlot from "uplot";
import "uplot/dist/uPlot.min.css";
import type { Thresholds } from "../api/types";
import type { Format } from "../format";

export interface ChartData {
  /** Epoch ms. */
  at: number[];
  /** Percent, or null where nothing is known. */
  rate: (number | null)[];
}

export interface ChartOptions {
  kind: "line" | "bars";
  data: ChartData;
  /** Shown range in epoch ms. */
  range: { from: number; to: number };
  thresholds: Thresholds;
  format: Format;
  size: { width: number; height: number };
  /** The point under the pointer, or null. */
  onhover: (index: number | null) => void;
}

const MINUTE = 60;
const HOUR = 3600;

function color(name: string): string {
  return getComputedStyle(document.documentElement).getPropertyValue(name).trim();
}

export function draw(target: HTMLElement, options: ChartOptions): uPlot {
  const accent = color("--accent");
  const muted = color("--muted");
  const font = `12px ${getComputedStyle(document.body).fontFamily}`;
  const axis: uPlot.Axis = { stroke: muted, font, ticks: { show: false }, grid: { stroke: color("--line"), width: 1 } };
  const bars = options.kind === "bars";
  const series: uPlot.Series = bars
    ? {
        stroke: accent,
        fill: accent,
        width: 0,
        paths: uPlot.paths.bars!({ size: [0.72, 40], align: 1, radius: 0.18 }),
        points: { show: false },
      }
    : {
        stroke: accent,
        fill: `${accent}26`,
        width: 2.5,
        paths: uPlot.paths.stepped!({ align: 1 }),
        points: { show: false },
      };
  return new uPlot(
    {
      ...options.size,
      padding: [8, 20, 0, 0],
      legend: { show: false },
      tzDate: (seconds) => uPlot.tzDate(new Date(seconds * 1000), options.format.zone),
      cursor: { y: false, points: { size: 8, fill: accent }, drag: { x: false, y: false } },
      scales: {
        x: { time: true, range: [options.range.from / 1000, options.range.to / 1000] },
        y: { range: [0, 100] },
      },
      axes: [
        {
          ...axis,
          grid: { show: false },
          size: 28,
          space: 52,
          incrs: bars ? [HOUR, 3 * HOUR, 6 * HOUR] : [MINUTE, 5 * MINUTE, 10 * MINUTE, 15 * MINUTE],
          values: (_, splits) => splits.map((second) => options.format.time(second * 1000)),
        },
        {
          ...axis,
          size: 46,
          splits: [0, 25, 50, 75, 100],
          values: (_, splits) => splits.map((rate) => options.format.percent(rate)),
        },
      ],
      series: [{}, series],
      hooks: {
        draw: [(plot) => thresholdLines(plot, options.thresholds)],
        setCursor: [(plot) => options.onhover(plot.cursor.idx ?? null)],
      },
    },
    toPlot(options.data),
    target,
  );
}

export function toPlot(data: ChartData): uPlot.AlignedData {
  return [data.at.map((ms) => ms / 1000), data.rate];
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
