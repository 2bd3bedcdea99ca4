/** How busy times, bookings and live messages make up what a calendar shows. No Svelte, MQTT or HTTP in here. */
import {
  LIVE,
  type Booking,
  type BookingMessage,
  type BookingState,
  type Busy,
  type Policy,
  type ResourceTimes,
  type Slot,
} from "./types";

export interface Span {
  start: number;
  end: number;
}

/** A busy time; messages name the booking that it is of, answers do not. */
type KnownBusy = Busy & { booking?: string };

export type BlockKind = "booking" | "taken" | "tentative" | "unavailable" | "buffer";

/** A stretch of a resource's time that is drawn. */
export interface Block extends Span {
  key: string;
  resource: string;
  kind: BlockKind;
  /** The booking, where the one who looks may know of it. */
  booking: Booking | null;
}

export function spanOf(slot: Slot): Span {
  return { start: Date.parse(slot.start), end: Date.parse(slot.end) };
}

export function slotOf(span: Span): Slot {
  return { start: new Date(span.start).toISOString(), end: new Date(span.end).toISOString() };
}

export function overlaps(a: Span, b: Span): boolean {
  return a.start < b.end && b.start < a.end;
}

function covers(outer: Slot, inner: Slot): boolean {
  const [a, b] = [spanOf(outer), spanOf(inner)];
  return a.start <= b.start && a.end >= b.end;
}

/** `spans` without what `gone` covers; both in any order, the answer sorted. */
export function without(spans: Span[], gone: Span[]): Span[] {
  let left = spans.toSorted((a, b) => a.start - b.start);
  for (const hole of gone) {
    left = left.flatMap((span) => {
      if (!overlaps(span, hole)) return [span];
      const parts = [
        { start: span.start, end: hole.start },
        { start: hole.end, end: span.end },
      ];
      return parts.filter((part) => part.start < part.end);
    });
  }
  return left;
}

/** Milliseconds of `spans` within `range`. */
export function lengthWithin(spans: Span[], range: Span): number {
  return spans.reduce((sum, span) => {
    return sum + Math.max(0, Math.min(span.end, range.end) - Math.max(span.start, range.start));
  }, 0);
}

/** When a resource is open and not taken. */
export function freeOf(times: ResourceTimes): Span[] {
  return without(times.open.map(spanOf), times.busy.map(spanOf));
}

/** The time that somebody who clicks on a block of others wants: without the buffers that its rules keep free around it. */
export function wantedOf(block: Block, policy: Policy | undefined): Span {
  const span = { start: block.start, end: block.end };
  // Busy times of imported calendars have no buffers.
  if (!policy || block.kind === "unavailable") return span;
  const { buffer_before_minutes: before, buffer_after_minutes: after, buffers_stack } = policy;
  const [head, tail] = buffers_stack ? [before, after] : [0, Math.max(before, after)];
  const wanted = { start: span.start + head * 60_000, end: span.end - tail * 60_000 };
  // What ended early has given back its buffer.
  return wanted.end - wanted.start >= policy.min_minutes * 60_000 ? wanted : span;
}

/** Whether `span` can be had; `except` is a booking's own time, which does not stand in its own way. */
export function isFree(times: ResourceTimes, span: Span, except: Span | null = null): boolean {
  const busy = times.busy.map(spanOf).filter((one) => !(except && one.start <= except.start && one.end >= except.end));
  return without([span], without([span], busy)).length === 0 && without([span], times.open.map(spanOf)).length === 0;
}

/** What is drawn of one resource: bookings that are known, the buffers around them, and what others have. */
export function blocksOf(times: ResourceTimes, bookings: Booking[]): Block[] {
  const known = bookings.filter((one) => LIVE.has(one.state) && one.resources.some((given) => given.id === times.id));
  const blocks: Block[] = [];
  const rest = times.busy.filter((busy) => !known.some((booking) => covers(busy, booking.slot)));
  for (const booking of known) {
    const span = spanOf(booking.slot);
    blocks.push({ ...span, key: booking.id, resource: times.id, kind: "booking", booking });
    const padded = times.busy.find((busy) => covers(busy, booking.slot));
    for (const buffer of padded ? without([spanOf(padded)], [span]) : []) {
      blocks.push({
        ...buffer,
        key: `${booking.id}-${buffer.start}`,
        resource: times.id,
        kind: "buffer",
        booking: null,
      });
    }
  }
  const kinds = { busy: "taken", busy_tentative: "tentative", busy_unavailable: "unavailable" } as const;
  for (const busy of rest) {
    const span = spanOf(busy);
    const key = (busy as KnownBusy).booking ?? `${busy.start}-${busy.end}`;
    blocks.push({ ...span, key: `taken-${key}`, resource: times.id, kind: kinds[busy.type], booking: null });
  }
  return blocks.sort((a, b) => a.start - b.start);
}

function busyType(state: BookingState): Busy["type"] {
  return state === "held" || state === "pending" ? "busy_tentative" : "busy";
}

/** The times after what a message tells; the same array when nothing of it is shown. */
export function applyMessage(all: ResourceTimes[], message: BookingMessage): ResourceTimes[] {
  let changed = false;
  const next = all.map((times) => {
    const busy = patched(times.busy, message, message.resources.includes(times.id));
    if (busy === times.busy) return times;
    changed = true;
    return { ...times, busy };
  });
  return changed ? next : all;
}

function patched(all: KnownBusy[], message: BookingMessage, here: boolean): KnownBusy[] {
  const of = (busy: KnownBusy) => busy.booking === message.booking;
  const { before, slot } = message;
  const stays = here && LIVE.has(message.state);
  // Without a name, a time is known by what it covers: the exclusion in the database leaves only one.
  const gone = (busy: KnownBusy) =>
    of(busy) || (here && !busy.booking && ((before && covers(busy, before)) || (!stays && covers(busy, slot))));
  const present = all.find((busy) => covers(busy, slot) && (of(busy) || !busy.booking));
  const kept = all.filter((busy) => busy === present || !gone(busy));
  const type = busyType(message.state);
  if (!stays) {
    const left = all.filter((busy) => !gone(busy));
    return left.length === all.length ? all : left;
  }
  if (present?.type === type && present.booking === message.booking && kept.length === all.length) return all;
  const named: KnownBusy = { ...(present ?? slot), type, booking: message.booking };
  return [...kept.filter((busy) => busy !== present), named];
}

/** Bookings by start, each once, the newest version of each. */
export function mergeBookings(shown: Booking[], answered: Booking[]): Booking[] {
  const all = new Map(shown.map((booking) => [booking.id, booking]));
  for (const booking of answered) {
    const known = all.get(booking.id);
    if (!known || known.version <= booking.version) all.set(booking.id, booking);
  }
  return [...all.values()].sort((a, b) => Date.parse(a.slot.start) - Date.parse(b.slot.start));
}
