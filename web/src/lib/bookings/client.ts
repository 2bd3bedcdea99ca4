/** The bookings API. Every write carries a key, so that a repetition after a lost answer books nothing twice. */
import { ApiError, newKey, type Api } from "../api/client";
import type {
  Action,
  BookedPlate,
  Booking,
  Item,
  Member,
  NewBooking,
  PayWith,
  Plan,
  Policy,
  Pool,
  Preferences,
  Profile,
  Quote,
  Recommendation,
  Recurrence,
  Refusal,
  Resource,
  ResourceTimes,
  SeriesResult,
  Site,
  Slot,
  Suggestion,
  UseReport,
} from "./types";

type Query = Record<string, string | number | null | undefined>;

const STEPS: Partial<Record<Action, string>> = {
  confirm: "confirm",
  cancel: "cancel",
  approve: "approve",
  reject: "reject",
  check_in: "check-in",
  mark_no_show: "no-show",
  release: "release",
  finish: "finish",
};

/** Pages of a list that are read at most. */
const MOST_PAGES = 20;

export interface NewSeries {
  recurrence: Recurrence;
  items: Item[];
  title: string;
  participants: number;
  guests: NewBooking["guests"];
  pay_with: PayWith;
  mode: "all_or_nothing" | "free_only";
}

export interface SeriesChange {
  from?: string;
  local_time?: string;
  minutes?: number;
  title?: string;
  items?: Item[];
}

export interface ImportCounts {
  created: number;
  changed: number;
  unchanged: number;
}

const platePath = (id: string) => `/v1/parking/bookings/${id}/plate`;

export class BookingsApi {
  #api: Api;

  constructor(api: Api) {
    this.#api = api;
  }

  sites = async () => (await this.#api.get<{ sites: Site[] }>("/v1/sites")).sites;
  policies = async () => (await this.#api.get<{ policies: Policy[] }>("/v1/policies")).policies;
  pools = async () => (await this.#api.get<{ pools: Pool[] }>("/v1/pools")).pools;
  plans = async () => (await this.#api.get<{ plans: Plan[] }>("/v1/plans")).plans;
  /** For staff. */
  members = async () => (await this.#api.own<{ members: Member[] }>("/v1/members")).members;
  resources = async (query: Query = {}) =>
    (await this.#api.get<{ resources: Resource[] }>("/v1/resources", query)).resources;
  availability = async (query: Query) =>
    (await this.#api.get<{ resources: ResourceTimes[] }>("/v1/availability", query)).resources;
  suggestions = async (query: Query) =>
    (await this.#api.get<{ suggestions: Suggestion[] }>("/v1/suggestions", query)).suggestions;

  /** All bookings that fit; for the caller alone unless `all` is asked for, which only staff may. */
  async bookings(query: Query): Promise<Booking[]> {
    const found: Booking[] = [];
    let cursor: string | null = null;
    for (let page = 0; page < MOST_PAGES; page++) {
      const answer: { bookings: Booking[]; next_cursor: string | null } = await this.#api.own("/v1/bookings", {
        ...query,
        cursor,
      });
      found.push(...answer.bookings);
      cursor = answer.next_cursor;
      if (cursor === null) break;
    }
    return found;
  }

  booking = (id: string) => this.#api.own<Booking>(`/v1/bookings/${id}`);
  profile = () => this.#api.own<Profile>("/v1/me/bookings-profile");
  recommendations = async () =>
    (await this.#api.own<{ recommendations: Recommendation[] }>("/v1/me/recommendations")).recommendations;
  report = (query: Query) => this.#api.own<UseReport>("/v1/reports/bookings", query);

  /** What it costs; if it `repeats`, each date of it. */
  quote = (items: Item[], slot: Slot, participants: number, pay_with: PayWith, repeats: boolean) =>
    this.#post<Quote>("/v1/quotes", { items, slot, participants, pay_with, repeats });

  book = (wish: NewBooking, key: string) => this.#post<Booking>("/v1/bookings", wish, key);

  async change(
    booking: Booking,
    change: Partial<Pick<NewBooking, "slot" | "items" | "title" | "participants" | "guests">>,
  ) {
    const sent = { body: change, version: booking.version, key: newKey() };
    return (await this.#api.send<Booking>("PATCH", `/v1/bookings/${booking.id}`, sent)).body!;
  }

  act = (id: string, action: Action, code?: string) =>
    this.#post<Booking>(`/v1/bookings/${id}/${STEPS[action]}`, code ? { code } : {}, newKey());

  checkInAtDoor = (resource: string, code: string) => this.#post<Booking>("/v1/check-in", { resource, code }, newKey());

  /** What would become of each occurrence; writes nothing. */
  trySeries = (series: NewSeries) => this.#post<SeriesResult>("/v1/series", { ...series, dry_run: true }, newKey());
  bookSeries = (series: NewSeries, key: string) => this.#post<SeriesResult>("/v1/series", series, key);

  async changeSeries(id: string, change: SeriesChange): Promise<SeriesResult> {
    return (await this.#api.send<SeriesResult>("PATCH", `/v1/series/${id}`, { body: change, key: newKey() })).body!;
  }

  cancelSeries = (id: string, from?: string) =>
    this.#post<SeriesResult>(`/v1/series/${id}/cancel`, from ? { from } : {}, newKey());

  setFavourite = (resource: string, wanted: boolean) =>
    this.#api.send(wanted ? "PUT" : "DELETE", `/v1/me/favourites/${encodeURIComponent(resource)}`);
  plateOf = (id: string) => this.#api.own<BookedPlate>(platePath(id));
  /** Null takes it off again. */
  namePlate = (id: string, plate: string | null) =>
    plate === null
      ? this.#api.send("DELETE", platePath(id))
      : this.#api.send("PUT", platePath(id), { body: { plate } });
  setPreferences = (preferences: Preferences) => this.#api.send("PUT", "/v1/me/preferences", { body: preferences });
  newCalendarLink = async () => (await this.#post<{ path: string }>("/v1/me/calendar-link", undefined)).path;
  endCalendarLink = () => this.#api.send("DELETE", "/v1/me/calendar-link");
  doorCode = (resource: string) =>
    this.#api.own<{ code: string; path: string }>(`/v1/resources/${encodeURIComponent(resource)}/check-in-code`);

  /** Writes an entry of the catalogue; without the version that was read, it must be new. */
  put = <T>(path: string, body: unknown, version?: number) =>
    this.#api.send<T>("PUT", path, { body, version, fresh: version === undefined });
  remove = (path: string) => this.#api.send("DELETE", path);
  importResources = (text: string) => this.#importCsv("/v1/resources/import", text);
  importMembers = (text: string) => this.#importCsv("/v1/members/import", text);
  importBusy = async (resource: string, text: string) =>
    (
      await this.#api.send<{ imported: number; conflicts: (Slot & { uid: string })[] }>(
        "PUT",
        `/v1/resources/${encodeURIComponent(resource)}/busy-calendar`,
        { raw: { body: text, type: "text/calendar" } },
      )
    ).body!;

  url = (path: string, query: Query = {}) => new URL(this.#api.url(path, query), location.href).toString();
  file = (path: string, query: Query = {}) => this.#api.ownFile(this.url(path, query), new AbortController().signal);

  async #importCsv(path: string, text: string): Promise<ImportCounts> {
    return (await this.#api.send<ImportCounts>("POST", path, { raw: { body: text, type: "text/csv" } })).body!;
  }

  async #post<T>(path: string, body: unknown, key?: string): Promise<T> {
    return (await this.#api.send<T>("POST", path, { body, key })).body!;
  }
}

/** What the rules refused, as the problem document tells it. */
export interface Rejection {
  slug: string;
  suggestions: Suggestion[];
  refusals: Refusal[];
  occurrences: SeriesResult["occurrences"];
}

export function rejection(error: unknown): Rejection | null {
  if (!(error instanceof ApiError) || error.status >= 500) return null;
  const { suggestions = [], refusals = [], occurrences = [] } = error.members as Partial<Rejection>;
  return { slug: error.slug, suggestions, refusals, occurrences };
}
