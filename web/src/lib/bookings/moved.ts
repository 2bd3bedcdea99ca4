/** The wishes of a booking of which one resource is exchanged for another. */
import type { Booking, Item } from "./types";

/** Null when it stays where it is. */
export function moved(booking: Booking, from: string, to: string): Item[] | null {
  if (from === to) return null;
  return booking.items.map((item, at) => (booking.resources[at]?.id === from ? { resource: to } : item));
}
