/** The bookings of the one who is logged in, wherever they are, with the offers that wait for an answer. */
import type { Feed } from "../live/link.svelte";
import { mergeBookings } from "./apply";
import type { BookingsApi } from "./client";
import type { Booking, BookingMessage, Profile } from "./types";
import { DAY } from "./zoned";

const BACK_MS = 60 * DAY;
const AHEAD_MS = 400 * DAY;
const REREAD_MS = 400;

export class OwnFeed implements Feed {
  bookings = $state.raw<Booking[]>([]);
  profile = $state.raw<Profile | null>(null);
  loaded = $state(false);
  readFailed = $state(false);
  /** Places offered from the waitlist, which lapse. */
  offers = $derived(this.bookings.filter((booking) => booking.state === "held" && booking.waited));

  readonly filters = ["live/bookings/+"];
  #api: BookingsApi;
  #reread: ReturnType<typeof setTimeout> | undefined;
  /** Readings that were begun, and bookings that were written here. */
  #asked = 0;
  #written = 0;

  constructor(api: BookingsApi) {
    this.#api = api;
  }

  async refresh(): Promise<void> {
    const [asked, written] = [++this.#asked, this.#written];
    const now = Date.now();
    const from = new Date(now - BACK_MS).toISOString();
    const to = new Date(now + AHEAD_MS).toISOString();
    const [bookings, profile] = await Promise.all([this.#api.bookings({ from, to }), this.#api.profile()]);
    // An answer to an older question would undo what is shown; what was written meanwhile may not be in it.
    if (asked !== this.#asked) return;
    if (written !== this.#written) return this.refresh();
    this.bookings = mergeBookings([], bookings);
    this.profile = profile;
    this.loaded = true;
  }

  /** Messages name no person: only those about bookings that are known here matter, and what they say is read from the API. */
  message(_topic: string, payload: unknown): void {
    const { booking } = payload as BookingMessage;
    if (!this.bookings.some((one) => one.id === booking)) return;
    clearTimeout(this.#reread);
    this.#reread = setTimeout(() => void this.refresh().catch(() => undefined), REREAD_MS);
  }

  put(...bookings: Booking[]): void {
    this.#written += 1;
    this.bookings = mergeBookings(
      this.bookings,
      bookings.filter((booking) => booking.mine),
    );
  }

  isFavourite(resource: string): boolean {
    return this.profile?.favourites.includes(resource) ?? false;
  }

  async setFavourite(resource: string, wanted: boolean): Promise<void> {
    await this.#api.setFavourite(resource, wanted);
    if (!this.profile) return;
    const others = this.profile.favourites.filter((id) => id !== resource);
    this.profile = { ...this.profile, favourites: wanted ? [...others, resource] : others };
  }

  /** Forgets everything: another may log in. */
  clear(): void {
    clearTimeout(this.#reread);
    this.#asked += 1;
    this.bookings = [];
    this.profile = null;
    this.loaded = false;
  }
}
