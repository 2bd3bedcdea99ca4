/** Forecasts as a chart draws them: columns of numbers over one time axis. */
import type { Step } from "./types";

/** What was or will be at a moment (epoch ms); null where it is not known. */
export interface BandPoint {
  at: number;
  median: number;
  low80: number;
  high80: number;
  low95: number | null;
  high95: number | null;
}

/** The columns of a chart: observed values, and the forecast with its bands. */
export interface Columns {
  at: number[];
  value: (number | null)[];
  median: (number | null)[];
  low80: (number | null)[];
  high80: (number | null)[];
  low95: (number | null)[];
  high95: (number | null)[];
}

/** Steps as they are told. */
export function pointsOf(steps: Step[]): BandPoint[] {
  return steps.map((step) => ({
    at: Date.parse(step.at),
    median: step.median,
    low80: step.band_80.low,
    high80: step.band_80.high,
    low95: step.band_95.low,
    high95: step.band_95.high,
  }));
}

/** Free places as the occupancy in percent: what is free at most is taken at least. */
export function ratesOf(steps: Step[], capacity: number): BandPoint[] {
  const rate = (free: number) => (capacity > 0 ? (100 * (capacity - free)) / capacity : 0);
  return steps.map((step) => ({
    at: Date.parse(step.at),
    median: rate(step.median),
    low80: rate(step.band_80.high),
    high80: rate(step.band_80.low),
    low95: rate(step.band_95.high),
    high95: rate(step.band_95.low),
  }));
}

/** One point per hour: the mean of its steps. */
export function hourly(points: BandPoint[]): BandPoint[] {
  const HOUR = 3_600_000;
  const hours = new Map<number, BandPoint[]>();
  for (const point of points) {
    const hour = Math.floor(point.at / HOUR) * HOUR;
    hours.set(hour, [...(hours.get(hour) ?? []), point]);
  }
  return [...hours].map(([at, all]) => {
    const mean = (of: (point: BandPoint) => number) => all.reduce((sum, point) => sum + of(point), 0) / all.length;
    const wide = (of: (point: BandPoint) => number | null) =>
      all.every((point) => of(point) !== null) ? mean((point) => of(point) as number) : null;
    return {
      at,
      median: mean((point) => point.median),
      low80: mean((point) => point.low80),
      high80: mean((point) => point.high80),
      low95: wide((point) => point.low95),
      high95: wide((point) => point.high95),
    };
  });
}

/** Observed values and forecast points over one axis, in the order of time. */
export function columns(values: { at: number; value: number | null }[], points: BandPoint[]): Columns {
  const byTime = new Map<number, { value: number | null; point: BandPoint | null }>();
  for (const { at, value } of values) byTime.set(at, { value, point: null });
  for (const point of points) byTime.set(point.at, { value: byTime.get(point.at)?.value ?? null, point });
  const rows = [...byTime].sort(([a], [b]) => a - b);
  const column = (of: (point: BandPoint) => number | null) => rows.map(([, { point }]) => (point ? of(point) : null));
  return {
    at: rows.map(([at]) => at),
    value: rows.map(([, { value }]) => value),
    median: column((point) => point.median),
    low80: column((point) => point.low80),
    high80: column((point) => point.high80),
    low95: column((point) => point.low95),
    high95: column((point) => point.high95),
  };
}
