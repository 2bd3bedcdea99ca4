/** What may be done to what is drawn, and what it is called. */
import type { Segment } from "../../../lib/bookings/layout";
import type { BookingKey } from "../../../lib/bookings/texts";

/** A booking that its viewer may change, drawn as a whole. */
export function mayMove({ block, cutStart, cutEnd }: Segment): boolean {
  return !cutStart && !cutEnd && (block.booking?.actions.includes("change") ?? false);
}

export const BLOCK_NAMES = {
  booking: "block.booking",
  taken: "block.taken",
  tentative: "block.tentative",
  unavailable: "block.unavailable",
  buffer: "block.buffer",
} satisfies Record<string, BookingKey>;
