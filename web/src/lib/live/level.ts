import type { Level, Occupancy, Place, Thresholds } from "../api/types";

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

/** The sum over what is open, zones or places; `rate` is occupied in percent of total, as the server has it. */
export function sumOccupancy(parts: Pick<Place, "status" | "occupancy">[]): Occupancy {
  const sum: Occupancy = { total: 0, free: 0, occupied: 0, unknown: 0, rate: 0, updated_at: null };
  for (const { status, occupancy } of parts) {
    if (status !== "open") continue;
    sum.total += occupancy.total;
    sum.free += occupancy.free;
    sum.occupied += occupancy.occupied;
    sum.unknown += occupancy.unknown;
    sum.updated_at = later(sum.updated_at, occupancy.updated_at);
  }
  sum.rate = sum.total > 0 ? (100 * sum.occupied) / sum.total : 0;
  return sum;
}

/** What several places show together: one place's own figures, else the sum of the open ones; null when all are closed. */
export function togetherOf(places: Place[]): { occupancy: Occupancy; level: Level } | null {
  const open = places.filter((place) => place.status === "open");
  const [only] = open;
  if (!only) return null;
  // Never from the zones: a live summary changes the place alone.
  if (open.length === 1) return { occupancy: only.occupancy, level: only.level };
  const occupancy = sumOccupancy(open);
  return { occupancy, level: levelOf(occupancy.rate) };
}

function later(a: string | null, b: string | null): string | null {
  if (a === null || b === null) return a ?? b;
  return Date.parse(a) >= Date.parse(b) ? a : b;
}

/** Order for sorting: saturated above busy above normal. */
export function levelRank(level: Level): number {
  return RANK[level];
}
