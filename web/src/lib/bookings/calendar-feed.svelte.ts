/** What one site's calendar shows for a range: read once, kept current by live messages, read again where they do not say it all. */
import type { Feed } from "../live/link.svelte";
import { applyMessage, mergeBookings, overlaps, spanOf, type Span } from "./apply";
import type { BookingsApi } from "./client";
import type { Booking, BookingMessage, ResourceTimes } from "./types";

/** After a message, buffers and what else it does not tell are read again, once for all that come together. */
const REREAD_MS = 1_200;

export interface Viewer {
  loggedIn: boolean;
  staff: boolean;
}

export class CalendarFeed implements Feed {
  times = $state.raw<ResourceTimes[]>([]);
  bookings = $state.raw<Booking[]>([]);
  /** Whether the present range was read. */
  loaded = $state(false);
  readFailed = $state(false);

  readonly filters: string[];
  #api: BookingsApi;
  #site: string;
  #viewer: () => Viewer;
  #range: Span;
  #asked = 0;
  #written = 0;
  #versions = new Map<string, number>();
  #reread: ReturnType<typeof setTimeout> | undefined;

  constructor(api: BookingsApi, site: string, range: Span, viewer: () => Viewer) {
    this.#api = api;
    this.#site = site;
    this.#range = range;
    this.#viewer = viewer;
    this.filters = [`live/bookings/${site}`];
  }

  /** Shows another range. */
  async show(range: Span): Promise<void> {
    if (range.start === this.#range.start && range.end === this.#range.end) return;
    this.#range = range;
    this.loaded = false;
    await this.tryRefresh();
  }

  /** Reads again where nobody waits for the outcome; the link notices an outage by itself. */
  async tryRefresh(): Promise<void> {
    try {
      await this.refresh();
      this.readFailed = false;
    } catch {
      this.readFailed = true;
    }
  }

  async refresh(): Promise<void> {
    const [asked, written] = [++this.#asked, this.#written];
    const from = new Date(this.#range.start).toISOString();
    const to = new Date(this.#range.end).toISOString();
    const { loggedIn, staff } = this.#viewer();
    const all = staff ? { all: "true" } : {};
    const [times, bookings] = await Promise.all([
      this.#api.availability({ site: this.#site, from, to }),
      loggedIn ? this.#api.bookings({ from, to, site: this.#site, ...all }) : [],
    ]);
    // An answer to an older question would undo what is shown.
    if (asked !== this.#asked) return;
    // What was written meanwhile may not be in it.
    if (written !== this.#written) return this.refresh();
    this.times = times;
    this.bookings = bookings;
    this.loaded = true;
  }

  message(_topic: string, payload: unknown): void {
    const message = payload as BookingMessage;
    const seen = this.#versions.get(message.booking) ?? 0;
    if (message.version < seen) return;
    this.#versions.set(message.booking, message.version);
    const touched = [message.slot, ...(message.before ? [message.before] : [])].some((slot) =>
      overlaps(spanOf(slot), this.#range),
    );
    if (!touched) return;
    this.times = applyMessage(this.times, message);
    this.bookings = this.bookings.map((booking) => {
      if (booking.id !== message.booking || booking.version > message.version) return booking;
      const given = (id: string) => booking.resources.find((one) => one.id === id) ?? { id, name: id, floor: null };
      return { ...booking, state: message.state, slot: message.slot, resources: message.resources.map(given) };
    });
    this.#rereadSoon();
  }

  /** What a write of this page answered, before any message tells it. */
  put(booking: Booking): void {
    this.#written += 1;
    const before = this.bookings.find((one) => one.id === booking.id);
    const ids = ({ resources }: Booking) => resources.map((one) => one.id);
    const told = { event: "", type: "", at: "", booking: booking.id, site: this.#site, before: null };
    if (before) {
      const gone = { slot: before.slot, resources: ids(before), state: "cancelled" as const, version: before.version };
      this.times = applyMessage(this.times, { ...told, ...gone });
    }
    const { slot, state, version } = booking;
    this.times = applyMessage(this.times, { ...told, slot, state, version, resources: ids(booking) });
    if (booking.site !== this.#site || !overlaps(spanOf(booking.slot), this.#range)) {
      this.bookings = this.bookings.filter((one) => one.id !== booking.id);
    } else this.bookings = mergeBookings(this.bookings, [booking]);
    this.#rereadSoon();
  }

  dispose(): void {
    clearTimeout(this.#reread);
  }

  #rereadSoon(): void {
    clearTimeout(this.#reread);
    this.#reread = setTimeout(() => void this.tryRefresh(), REREAD_MS);
  }
}
