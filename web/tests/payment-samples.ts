import type { ParkingSession, Prices } from "../src/lib/payments/types";

export const PARIS = "Europe/Paris";

/** A curve of `count` steps of `unit` minutes at ten cents a minute. */
export function curve(start: string, unit: number, count: number): Prices {
  const at = (minutes: number) => new Date(Date.parse(start) + minutes * 60_000).toISOString();
  const points = Array.from({ length: count }, (_, index) => {
    const minutes = (index + 1) * unit;
    return { minutes, end: at(minutes), covered_until: at(minutes), price: { cents: minutes * 10, currency: "EUR" } };
  });
  return { start, latest_end: at(unit * count), points };
}

/** A stay from 09:00 to 10:00 in Paris, paid. */
export function stay(id: string, more: Partial<ParkingSession> = {}): ParkingSession {
  return {
    id,
    version: 1,
    state: "active",
    zone: "Zone_A",
    plate: "AB123CD",
    vehicle: { class: "car", electric: false, critair: null },
    qualification: "visitor",
    start: "2026-11-24T08:00:00Z",
    end: "2026-11-24T09:00:00Z",
    segments: [],
    paid: { cents: 240, currency: "EUR" },
    refunds: [],
    actions: ["extend", "stop"],
    created_at: "2026-11-24T08:00:00Z",
    now: "2026-11-24T08:00:00Z",
    ...more,
  };
}
