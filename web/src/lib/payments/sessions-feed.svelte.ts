/** The driver's stays: read with the page's link, so that what another device did is seen, and put together with answers to writes. */
import { now } from "../clock.svelte";
import type { Feed } from "../live/link.svelte";
import type { PaymentsApi } from "./client";
import type { ParkingSession } from "./types";

/** What comes of knowing some sessions and reading others: each in its latest version, the latest start first. */
export function mergeSessions(known: readonly ParkingSession[], read: readonly ParkingSession[]): ParkingSession[] {
  const byId = new Map(known.map((session) => [session.id, session]));
  for (const session of read) {
    const before = byId.get(session.id);
    const older =
      before !== undefined &&
      (before.version > session.version || (before.version === session.version && before.now > session.now));
    if (!older) byId.set(session.id, session);
  }
  return [...byId.values()].sort((a, b) => b.created_at.localeCompare(a.created_at) || a.id.localeCompare(b.id));
}

/** Whether a session still wants something of its driver: it runs, or waits for its payment. */
export function isOpen(session: ParkingSession, at: number): boolean {
  if (session.state === "pending") return true;
  return session.state === "active" && (Date.parse(session.end) > at || session.payment !== undefined);
}

/** A stay whose time has run out is told for a while: its driver may not have seen it. */
const TOLD_MS = 10 * 60_000;

/** Whether a session stands on top of the pages: open, or over since a moment ago. */
export function isTold(session: ParkingSession, at: number): boolean {
  const ranOut = session.state === "active" || session.state === "ended";
  return isOpen(session, at) || (ranOut && at - Date.parse(session.end) < TOLD_MS);
}

export class SessionsFeed implements Feed {
  sessions = $state.raw<ParkingSession[]>([]);
  loaded = $state(false);
  readFailed = $state(false);
  /** Where earlier ones begin; null when all are here. */
  more = $state<string | null>(null);

  /** No topic names a person's stays: they are read. */
  readonly filters: string[] = [];
  #api: PaymentsApi;
  /** How far the server's clock is ahead of the device's, in milliseconds. */
  #ahead = $state(0);

  constructor(api: PaymentsApi) {
    this.#api = api;
  }

  async refresh(): Promise<void> {
    const { sessions, next_cursor: next } = await this.#api.sessions();
    if (!this.loaded) this.more = next ?? null;
    this.put(...sessions);
    this.loaded = true;
  }

  async readMore(): Promise<void> {
    if (this.more === null) return;
    const { sessions, next_cursor: next } = await this.#api.sessions(this.more);
    this.more = next ?? null;
    this.put(...sessions);
  }

  message(): void {}

  put(...sessions: ParkingSession[]): void {
    const told = sessions.map((session) => Date.parse(session.now)).filter((at) => !Number.isNaN(at));
    if (told.length > 0) this.#ahead = Math.max(...told) - Date.now();
    this.sessions = mergeSessions(this.sessions, sessions);
  }

  /** The server's present (epoch ms), renewed every second: paid time does not depend on the device's clock. */
  now(): number {
    return now() + this.#ahead;
  }

  /** Forgets everything: another may log in. */
  clear(): void {
    this.sessions = [];
    this.loaded = false;
    this.more = null;
  }
}
