/** Bookings and times for tests. */
import type { Booking, BookingMessage, ResourceTimes } from "../src/lib/bookings/types";

export const PARIS = "Europe/Paris";

/** Narrow and unbreakable spaces, which Intl uses, as plain ones. */
export const plain = (text: string) => text.replace(/\s/g, " ");

export const at = (hour: number, minute = 0) => new Date(Date.UTC(2026, 10, 24, hour, minute)).toISOString();
export const slot = (from: number, to: number) => ({ start: at(from), end: at(to) });

const nothing = { cents: 0, currency: "EUR" };

export function booking({
  resources = ["a"],
  ...more
}: Partial<Omit<Booking, "resources">> & { resources?: string[] } = {}): Booking {
  return {
    id: "one",
    state: "booked",
    mine: true,
    site: "house",
    timezone: PARIS,
    items: resources.map((resource) => ({ resource })),
    resources: resources.map((id) => ({ id, name: id, floor: null })),
    slot: slot(9, 10),
    title: "Plan",
    participants: 1,
    guests: [],
    charge: { pay_with: "money", total: nothing, vat: nothing, deposit: nothing, credits: 0, included_minutes: 0 },
    refund: null,
    expires_at: null,
    check_in: null,
    check_in_opens_at: null,
    series: null,
    occurrence: null,
    waited: false,
    waitlist: null,
    actions: ["change", "cancel"],
    version: 1,
    created_at: at(0),
    modified_at: at(0),
    ...more,
  };
}

export function times(more: Partial<ResourceTimes> = {}): ResourceTimes {
  return {
    id: "a",
    name: "Ada",
    kind: "room",
    site: "house",
    timezone: PARIS,
    floor: null,
    section: null,
    capacity: 4,
    features: [],
    accessible: true,
    pool: null,
    plan: null,
    open: [slot(7, 17)],
    busy: [],
    free: [],
    ...more,
  };
}

export function message(more: Partial<BookingMessage> = {}): BookingMessage {
  return {
    event: "e",
    type: "parvis.booking.confirmed",
    at: at(0),
    booking: "other",
    state: "booked",
    site: "house",
    resources: ["a"],
    slot: slot(11, 12),
    before: null,
    version: 1,
    ...more,
  };
}
