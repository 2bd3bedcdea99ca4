import type { Level, Occupancy, Thresholds, Zone } from "../api/types";

const RANK: Record<Level, number> = { normal: 0, busy: 1, saturated: 2 };
const DEFAULT_THRESHOLDS: Thresholds = { busy: 70, saturated: 85, hysteresis: 5 };

/**
 * How full a rate is. Without hysteresis, as the API tells it: hysteresis is for alerts, which remember, and a reader is told how
 * full it is now.
 */
export function levelOf(rate: number, thresholds: Thresholds = DEFAULT_THRESHOLDS): Level {
  if (rate >= thresholds.saturated) return "saturated";
  return rate >= thresholds.busy ? "busy" : "normal";
}

/** The sum over open zones; `rate` is occupied in percent of total, as the server has it. */
export function sumOccupancy(zones: Zone[]): Occupancy {
  const sum: Occupancy = { total: 0, free: 0, occupied: 0, unknown: 0, rate: 0, updated_at: null };
  for (const zone of zones) {
    if (zone.status !== "open") continue;
    sum.total += zone.occupancy.total;
    sum.free += zone.occupancy.free;
    sum.occupied += zone.occupancy.occupied;
    sum.unknown += zone.occupancy.unknown;
    sum.updated_at = later(sum.updated_at, zone.occupancy.updated_at);
  }
  sum.rate = sum.total > 0 ? (100 * sum.occupied) / sum.total : 0;
  return sum;
}

function later(a: string | null, b: string | null): string | null {
  if (a === null || b === null) return a ?? b;
  return Date.parse(a) >= Date.parse(b) ? a : b;
}

/** Order for sorting: saturated above busy above normal. */
export function levelRank(level: Level): number {
  return RANK[level];
}
