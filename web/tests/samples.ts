/** Small, complete answers for tests. */
import type { LiveMessage, Place, Space, SummaryMessage, Zone } from "../src/lib/api/types";

export const T0 = Date.parse("2026-03-02T09:00:00Z");

export function iso(seconds: number): string {
  return new Date(T0 + seconds * 1000).toISOString();
}

export function space(number: number, change: Partial<Space> = {}): Space {
  return {
    zone: "Zone_A",
    number,
    label: null,
    kind: "standard",
    status: "free",
    since: iso(0),
    seen_at: iso(0),
    confidence: 0.95,
    battery: 80,
    connectivity: "online",
    closed: false,
    x: null,
    y: null,
    lat: null,
    lon: null,
    ...change,
  };
}

export function zone(id: string, total: number, occupied: number, change: Partial<Zone> = {}): Zone {
  const rate = (100 * occupied) / total;
  const occupancy = { total, occupied, free: total - occupied, unknown: 0, rate, updated_at: iso(0) };
  return { id, name: id, source: "spaces", status: "open", level: "normal", occupancy, ...change };
}

export function place(zones: Zone[], change: Partial<Place> = {}): Place {
  return {
    id: "default",
    name: "Default",
    timezone: "Europe/Paris",
    location: null,
    address: null,
    status: "open",
    enrolment: "open",
    version: 1,
    thresholds: { busy: 70, saturated: 85, hysteresis: 5 },
    occupancy: { total: 0, free: 0, occupied: 0, unknown: 0, rate: 0, updated_at: null },
    level: "normal",
    zones,
    ...change,
  };
}

export function summary(total: number, occupied: number, seconds: number, zone?: string): SummaryMessage {
  const occupancy_rate = (100 * occupied) / total;
  const timestamp = iso(seconds);
  return {
    place: "default",
    zone,
    total_places: total,
    occupied,
    free: total - occupied,
    unknown: 0,
    occupancy_rate,
    timestamp,
  };
}

export function live(spaces: Partial<Space>[], seconds: number, zoneId = "Zone_A"): LiveMessage {
  return {
    place: "default",
    zone: zoneId,
    version: 1,
    at: iso(seconds),
    spaces: spaces.map((one) => {
      const { number, status, since, seen_at, confidence, battery, connectivity } = space(one.number ?? 1, one);
      return { number, status, since, seen_at, confidence, battery, connectivity };
    }),
  };
}
