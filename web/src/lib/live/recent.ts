/** The last half hour as a line: per-minute values of the history, continued by what was seen live. */
import type { HistoryPoint, Occupancy } from "../api/types";

export interface RecentPoint {
  /** Epoch ms. */
  at: number;
  occupied: number;
  total: number;
  rate: number;
  /** Seen by this page, not yet a minute of the history. */
  live: boolean;
}

export const RECENT_MS = 30 * 60_000;
const MINUTE_MS = 60_000;
/** Two changes closer than this are one point: a chart has no room for more. */
const MERGE_MS = 1_000;

/** Whole minutes, so that a repeated read within a minute is the same conditional request. */
export function recentRange(now: number): { from: number; to: number } {
  const to = Math.ceil((now + 1) / MINUTE_MS) * MINUTE_MS;
  return { from: to - RECENT_MS - MINUTE_MS, to };
}

export function addRecent(points: RecentPoint[], now: number, occupancy: Occupancy): RecentPoint[] {
  const kept = points.filter((point) => point.at >= now - RECENT_MS - MINUTE_MS);
  const last = kept.at(-1);
  if (last?.live && now - last.at < MERGE_MS) kept.pop();
  kept.push({ at: now, occupied: occupancy.occupied, total: occupancy.total, rate: occupancy.rate, live: true });
  return kept;
}

/** The history's minutes replace what was seen live in them; the present, unfinished minute stays live. */
export function mergeRecent(points: RecentPoint[], history: HistoryPoint[], now: number): RecentPoint[] {
  const minute = Math.floor(now / MINUTE_MS) * MINUTE_MS;
  const past = history
    .map((point) => ({
      at: Date.parse(point.at),
      occupied: point.occupied,
      total: point.total,
      rate: point.rate,
      live: false,
    }))
    .filter((point) => point.at < minute && point.at >= now - RECENT_MS - MINUTE_MS);
  const covered = (past.at(-1)?.at ?? -Infinity) + MINUTE_MS;
  return [...past, ...points.filter((point) => point.live && point.at >= covered)];
}
