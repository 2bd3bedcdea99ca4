/** The figures of several resources together. */
import type { Money, ResourceUse } from "../../../lib/bookings/types";

export interface Sums {
  openMinutes: number;
  bookedMinutes: number;
  /** Booked of open, 0 to 1. */
  booked: number;
  /** Of what has a sensor: seen of open; null where nothing has one. */
  sensed: number | null;
  withSensor: number;
  bookings: number;
  noShows: number;
  /** Of all that were to be used. */
  noShowRate: number;
  givenUp: number;
  /** By currency. */
  revenue: Money[];
}

const add = (all: ResourceUse[], pick: (one: ResourceUse) => number) => all.reduce((sum, one) => sum + pick(one), 0);
const share = (part: number, whole: number) => (whole > 0 ? part / whole : 0);

export function sums(all: ResourceUse[]): Sums {
  const openMinutes = add(all, (one) => one.open_minutes);
  const bookedMinutes = add(all, (one) => one.booked_minutes);
  const seen = all.filter((one) => one.sensed_minutes !== null);
  const bookings = add(all, (one) => one.bookings);
  const noShows = add(all, (one) => one.no_shows);
  const revenue = new Map<string, number>();
  for (const { revenue: money } of all) revenue.set(money.currency, (revenue.get(money.currency) ?? 0) + money.cents);
  return {
    openMinutes,
    bookedMinutes,
    booked: share(bookedMinutes, openMinutes),
    sensed:
      seen.length === 0
        ? null
        : share(
            add(seen, (one) => one.sensed_minutes ?? 0),
            add(seen, (one) => one.open_minutes),
          ),
    withSensor: seen.length,
    bookings,
    noShows,
    noShowRate: share(noShows, bookings + noShows),
    givenUp: add(all, (one) => one.given_up),
    revenue: [...revenue].map(([currency, cents]) => ({ currency, cents })).filter((money) => money.cents !== 0),
  };
}
