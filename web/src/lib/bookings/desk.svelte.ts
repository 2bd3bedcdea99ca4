/** What all booking pages share: the API, the catalogue, one's own bookings, and what is said after a write. */
import { getContext, setContext } from "svelte";
import { ApiError } from "../api/client";
import type { App } from "../app";
import { Notices } from "../notices.svelte";
import { Catalog } from "./catalog.svelte";
import { BookingsApi, rejection } from "./client";
import { OwnFeed } from "./own-feed.svelte";
import { refusalText } from "./sentences";
import { tb } from "./texts";
import type { Booking } from "./types";

const KEY = Symbol("desk");

export class Desk extends Notices {
  readonly api: BookingsApi;
  readonly catalog: Catalog;
  readonly own: OwnFeed;

  /** Told of every booking that a write answered. */
  #listeners = new Set<(booking: Booking) => void>();

  constructor(app: App) {
    super();
    this.api = new BookingsApi(app.api);
    this.catalog = new Catalog(this.api);
    this.own = new OwnFeed(this.api);
  }

  complain(error: unknown): void {
    this.say(failureText(error), true);
  }

  /** Hands a booking that was written to all that show bookings. */
  written(booking: Booking): void {
    this.own.put(booking);
    for (const listener of this.#listeners) listener(booking);
  }

  onWritten(listener: (booking: Booking) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }
}

/** Why a write did not go through, in the page's language. */
export function failureText(error: unknown): string {
  if (!(error instanceof ApiError)) return tb("fail.unreachable");
  const told = rejection(error);
  if (told?.refusals.length) return told.refusals.map(refusalText).join(" ");
  const slugs = { taken: "fail.taken", "wrong-state": "fail.state", "precondition-failed": "fail.changed" } as const;
  const key = slugs[error.slug as keyof typeof slugs];
  if (key) return tb(key);
  if (error.slug.startsWith("quote-")) return tb("fail.quote");
  if (error.slug === "check-in") return checkInText(error);
  if (error.status === 401) return tb("fail.login");
  if (error.status === 403) return tb("fail.forbidden");
  return tb("fail.other", { text: error.message });
}

function checkInText(error: ApiError): string {
  const { opens_at: opensAt } = error.members as { opens_at?: string };
  if (opensAt) return tb("checkin.early");
  return tb(error.detail?.includes("code") ? "checkin.wrongCode" : "checkin.nothing");
}

export function provideDesk(desk: Desk): void {
  setContext(KEY, desk);
}

export function useDesk(): Desk {
  return getContext<Desk>(KEY);
}
