/** Everything the dashboard of one place shows, kept current by reads and live messages. */
import { ApiError, type Api } from "../api/client";
import type {
  Alert,
  AlertMessage,
  Finding,
  HistoryPoint,
  LiveMessage,
  ParkingEvent,
  Place,
  Space,
  SummaryMessage,
} from "../api/types";
import { alertOf, applyLive, applyZoneSummary, JOURNAL_SIZE, mergeAlerts, mergeEvents, mergeSnapshot } from "./apply";
import type { Feed } from "./link.svelte";
import { sumOccupancy } from "./level";
import { addRecent, mergeRecent, recentRange, type RecentPoint } from "./recent";

const ALERTS_SHOWN = 20;
const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
/** How long a changed space stays marked as such. */
const HIGHLIGHT_MS = 2_500;
/** A message about something unknown reads the place again, but not more often than this. */
const RELOAD_MS = 2_000;

/** A part of the page that can be missing while the rest works (the history database may be down). */
export type Part = "events" | "alerts" | "findings" | "recent" | "hourly";

export class PlaceFeed implements Feed {
  place = $state.raw<Place | null>(null);
  spaces = $state.raw<Space[]>([]);
  events = $state.raw<ParkingEvent[]>([]);
  alerts = $state.raw<Alert[]>([]);
  findings = $state.raw<Finding[]>([]);
  /** Rate over the last half hour: the server's minutes, then what was seen live. */
  recent = $state.raw<RecentPoint[]>([]);
  hourly = $state.raw<HistoryPoint[]>([]);
  changed = $state.raw<ReadonlySet<string>>(new Set());
  failed = $state.raw<ReadonlySet<Part>>(new Set());
  loaded = $state.raw<ReadonlySet<Part>>(new Set());
  readFailed = $state(false);
  notFound = $state(false);
  /** The newest alert that arrived while the page was open, for announcing it. */
  newAlert = $state.raw<Alert | null>(null);

  readonly filters: string[];
  #api: Api;
  #id: string;
  #reload: ReturnType<typeof setTimeout> | undefined;
  #highlights = new Map<string, ReturnType<typeof setTimeout>>();
  /** When each zone's summary last came live (epoch ms), so that an answer asked for earlier does not undo it. */
  #liveAt = new Map<string, number>();

  constructor(api: Api, id: string) {
    this.#api = api;
    this.#id = id;
    // On AWS IoT `summary/x/#` does not cover `summary/x` itself, unlike in the MQTT standard.
    this.filters = [`live/${id}/#`, `summary/${id}`, `summary/${id}/#`, `alerts/${id}`, `alerts/${id}/#`];
  }

  async refresh(): Promise<void> {
    const asked = Date.now();
    const parts = this.#refreshParts();
    try {
      const [place, spaces] = await Promise.all([this.#api.place(this.#id), this.#api.spaces(this.#id)]);
      this.notFound = false;
      this.#setPlace(place, asked);
      this.spaces = mergeSnapshot(this.spaces, spaces.spaces);
      this.recent = addRecent(this.recent, Date.now(), this.place?.occupancy ?? place.occupancy);
    } catch (error) {
      if (!(error instanceof ApiError) || error.status !== 404) throw error;
      this.notFound = true;
    }
    await parts;
  }

  message(topic: string, payload: unknown): void {
    const kind = topic.slice(0, topic.indexOf("/"));
    if (kind === "live") this.#live(payload as LiveMessage);
    else if (kind === "summary") this.#summary(payload as SummaryMessage);
    else if (kind === "alerts") this.#alert(payload as AlertMessage);
  }

  dispose(): void {
    clearTimeout(this.#reload);
    for (const timer of this.#highlights.values()) clearTimeout(timer);
  }

  #setPlace(place: Place, asked: number): void {
    let next = place;
    for (const zone of this.place?.zones ?? []) {
      if ((this.#liveAt.get(zone.id) ?? 0) < asked) continue;
      next = { ...next, zones: next.zones.map((answered) => (answered.id === zone.id ? zone : answered)) };
    }
    // Cards and zones never disagree, also when a zone is newer than the rest.
    if (next !== place) next = { ...next, occupancy: sumOccupancy(next.zones) };
    this.place = next;
  }

  #live(message: LiveMessage): void {
    const result = applyLive(this.spaces, message);
    this.spaces = result.spaces;
    if (result.events.length > 0) this.events = mergeEvents(this.events, result.events);
    this.#highlight(result.changed);
    if (message.summary) this.#summary({ ...message.summary, zone: message.zone });
    if (result.unknown) this.#reloadSoon();
  }

  #summary(summary: SummaryMessage): void {
    if (!this.place || !summary.zone) return;
    if (!this.place.zones.some((zone) => zone.id === summary.zone)) return this.#reloadSoon();
    const now = Date.now();
    this.#liveAt.set(summary.zone, now);
    this.place = applyZoneSummary(this.place, summary.zone, summary);
    this.recent = addRecent(this.recent, now, this.place.occupancy);
  }

  #alert(message: AlertMessage): void {
    const alert = alertOf(message);
    if (!alert || this.alerts.some((known) => known.id === alert.id)) return;
    this.alerts = mergeAlerts(this.alerts, [alert]);
    this.newAlert = alert;
  }

  #highlight(keys: string[]): void {
    if (keys.length === 0) return;
    this.changed = new Set([...this.changed, ...keys]);
    for (const key of keys) {
      clearTimeout(this.#highlights.get(key));
      this.#highlights.set(
        key,
        setTimeout(() => {
          this.#highlights.delete(key);
          this.changed = new Set([...this.changed].filter((other) => other !== key));
        }, HIGHLIGHT_MS),
      );
    }
  }

  #reloadSoon(): void {
    this.#reload ??= setTimeout(() => {
      this.#reload = undefined;
      // A failure here is the link's business: its next read says so.
      void this.refresh().catch(() => undefined);
    }, RELOAD_MS);
  }

  async #refreshParts(): Promise<void> {
    const now = Date.now();
    const { from, to } = recentRange(now);
    const hour = Math.floor(now / HOUR_MS) * HOUR_MS;
    const day = { from: iso(hour - 23 * HOUR_MS), to: iso(hour + HOUR_MS) };
    await Promise.all([
      this.#part("events", this.#api.events(this.#id, JOURNAL_SIZE), (answer) => {
        this.events = mergeEvents(this.events, answer.events);
      }),
      this.#part("alerts", this.#api.alerts(this.#id, ALERTS_SHOWN), (answer) => {
        this.alerts = mergeAlerts(this.alerts, answer.alerts);
      }),
      this.#part("findings", this.#api.findings(this.#id), (answer) => (this.findings = answer.findings)),
      this.#part("recent", this.#api.history(this.#id, { step: "minute", from: iso(from), to: iso(to) }), (answer) => {
        this.recent = mergeRecent(this.recent, answer.points, now);
      }),
      this.#part("hourly", this.#api.history(this.#id, { step: "hour", ...day }), (answer) => {
        this.hourly = answer.points;
      }),
    ]);
  }

  async #part<T>(part: Part, request: Promise<T>, apply: (answer: T) => void): Promise<void> {
    let ok = true;
    try {
      apply(await request);
      if (!this.loaded.has(part)) this.loaded = new Set([...this.loaded, part]);
    } catch (error) {
      // Without any answer the whole connection is in doubt, and the link says so once for all parts.
      if (!(error instanceof ApiError)) return;
      ok = false;
    }
    if (this.failed.has(part) !== ok) return;
    const failed = new Set(this.failed);
    if (ok) failed.delete(part);
    else failed.add(part);
    this.failed = failed;
  }
}

function iso(ms: number): string {
  return new Date(ms).toISOString();
}
