/** The one door to the HTTP API: conditional reads, the bearer token where there is one, and problem+json errors. */
import type { Alert, EventsAnswer, Finding, HistoryAnswer, Place, SpacesAnswer } from "./types";

export interface FieldError {
  field: string;
  message: string;
}

/** What a write answered; `version` is what the next change of the same thing starts from. */
export interface Written<T> {
  body: T | null;
  version: number | null;
}

/** An answer other than 2xx or 304; everything but the status comes from the problem document (RFC 9457) when there is one. */
export class ApiError extends Error {
  constructor(
    readonly status: number,
    readonly title: string,
    readonly detail: string | null,
    readonly errors: FieldError[] = [],
    /** The end of the problem's type, which tells refusals apart; empty when there is none. */
    readonly slug: string = "",
    /** All members of the problem document, for what only some problems have. */
    readonly members: Record<string, unknown> = {},
  ) {
    super(detail ?? title);
    this.name = "ApiError";
  }
}

interface Cached {
  etag: string;
  body: unknown;
}

/** How many conditional answers are kept; a page needs about ten, and export-like queries never repeat. */
const CACHE_SIZE = 64;
const TIMEOUT_MS = 15_000;
/** Above what the API itself allows an answer: a file may have to wait for the database to wake up. */
const FILE_TIMEOUT_MS = 60_000;

type Query = Record<string, string | number | null | undefined>;

/** A key for one thing to be done, kept while it is tried. */
export function newKey(): string {
  return crypto.randomUUID();
}

/** A path with what of a query is not empty. */
export function withQuery(path: string, query: Query): string {
  const pairs = Object.entries(query).filter(([, value]) => value !== null && value !== undefined && value !== "");
  const search = new URLSearchParams(pairs.map(([key, value]) => [key, String(value)])).toString();
  return `${path}${search ? `?${search}` : ""}`;
}

export interface ApiOptions {
  base: string;
  /** Gives the present access token, or null for a visitor. */
  token?: () => Promise<string | null>;
  fetch?: typeof fetch;
}

export class Api {
  #cache = new Map<string, Cached>();
  #base: string;
  #token: () => Promise<string | null>;
  #fetch: typeof fetch;

  constructor(options: ApiOptions) {
    this.#base = options.base.replace(/\/$/, "");
    this.#token = options.token ?? (async () => null);
    this.#fetch = options.fetch ?? ((...args) => fetch(...args));
  }

  /** The address of an API path. */
  url(path: string, query: Query = {}): string {
    return `${this.#base}${withQuery(path, query)}`;
  }

  /** GET with If-None-Match; a 304 gives the very object of the earlier answer, so that callers can compare by identity. */
  async get<T>(path: string, query: Query = {}): Promise<T> {
    const url = this.url(path, query);
    const cached = this.#cache.get(url);
    const headers: Record<string, string> = { accept: "application/json" };
    if (cached) headers["if-none-match"] = cached.etag;
    // Our own cache answers, so that a 304 is seen as such and the browser's cache cannot serve an old page offline.
    const response = await this.#fetch(url, { headers, cache: "no-store", signal: AbortSignal.timeout(TIMEOUT_MS) });
    if (response.status === 304 && cached) return cached.body as T;
    if (!response.ok) throw await toError(response);
    const body = (await response.json()) as T;
    const etag = response.headers.get("etag");
    this.#cache.delete(url);
    if (etag) this.#remember(url, { etag, body });
    return body;
  }

  /** GET of what belongs to the one who is logged in; nothing of it is kept. */
  async own<T>(path: string, query: Query = {}): Promise<T> {
    const headers = { accept: "application/json", ...(await this.#login()) };
    const signal = AbortSignal.timeout(TIMEOUT_MS);
    const response = await this.#fetch(this.url(path, query), { headers, cache: "no-store", signal });
    if (!response.ok) throw await toError(response);
    return (await response.json()) as T;
  }

  /** A file that only the one who is logged in may have. */
  async ownFile(url: string, signal: AbortSignal): Promise<Response> {
    return this.file(url, signal, await this.#login());
  }

  async #login(): Promise<Record<string, string>> {
    const token = await this.#token();
    return token ? { authorization: `Bearer ${token}` } : {};
  }

  /** A file, by its whole address; nothing of it is kept. */
  async file(url: string, signal: AbortSignal, headers?: Record<string, string>): Promise<Response> {
    const timeout = AbortSignal.timeout(FILE_TIMEOUT_MS);
    const response = await this.#fetch(url, { headers, cache: "no-store", signal: AbortSignal.any([signal, timeout]) });
    if (!response.ok) throw await toError(response);
    return response;
  }

  /** A write with the login's token; `version` becomes If-Match, `key` makes repetitions harmless. */
  async send<T>(
    method: "POST" | "PUT" | "PATCH" | "DELETE",
    path: string,
    options: {
      body?: unknown;
      raw?: { body: string; type: string };
      version?: number;
      fresh?: boolean;
      key?: string;
    } = {},
  ): Promise<Written<T>> {
    const headers: Record<string, string> = { accept: "application/json", ...(await this.#login()) };
    // A creation must not overwrite what is there.
    if (options.fresh) headers["if-none-match"] = "*";
    if (options.key) headers["idempotency-key"] = options.key;
    if (options.version !== undefined) headers["if-match"] = `"${options.version}"`;
    let body: string | undefined;
    if (options.raw) {
      headers["content-type"] = options.raw.type;
      body = options.raw.body;
    } else if (options.body !== undefined) {
      headers["content-type"] = "application/json";
      body = JSON.stringify(options.body);
    }
    const response = await this.#fetch(this.url(path), {
      method,
      headers,
      body,
      signal: AbortSignal.timeout(TIMEOUT_MS),
    });
    if (!response.ok) throw await toError(response);
    const text = await response.text();
    const version = Number.parseInt((response.headers.get("etag") ?? "").replace(/\D/g, ""), 10);
    return { body: text ? (JSON.parse(text) as T) : null, version: Number.isNaN(version) ? null : version };
  }

  #remember(url: string, entry: Cached): void {
    this.#cache.set(url, entry);
    if (this.#cache.size > CACHE_SIZE) {
      const oldest = this.#cache.keys().next().value;
      if (oldest !== undefined) this.#cache.delete(oldest);
    }
  }

  places = () => this.get<{ places: Place[] }>("/v1/places");
  place = (id: string) => this.get<Place>(placePath(id));
  spaces = (id: string) => this.get<SpacesAnswer>(`${placePath(id)}/spaces`);
  events = (id: string, limit: number) => this.get<EventsAnswer>(`${placePath(id)}/events`, { limit });
  alerts = (id: string, limit: number) => this.get<{ alerts: Alert[] }>(`${placePath(id)}/alerts`, { limit });
  findings = (id: string) => this.get<{ findings: Finding[] }>(`${placePath(id)}/findings`);
  history = (id: string, query: { step: "minute" | "hour" | "day"; from: string; to: string }) =>
    this.get<HistoryAnswer>(`${placePath(id)}/history`, query);
}

/** `/v1/places/<id>`. */
export function placePath(id: string): string {
  return `/v1/places/${encodeURIComponent(id)}`;
}

interface Problem extends Record<string, unknown> {
  type?: string;
  title?: string;
  detail?: string;
  errors?: FieldError[];
}

async function toError(response: Response): Promise<ApiError> {
  let problem: Problem = {};
  try {
    problem = (await response.json()) as Problem;
  } catch {
    // Not a problem document (a proxy's page, an empty body): the status says enough.
  }
  const title = problem.title ?? (response.statusText || `HTTP ${response.status}`);
  const slug = problem.type?.split(/[/:#]/).at(-1) ?? "";
  return new ApiError(response.status, title, problem.detail ?? null, problem.errors ?? [], slug, problem);
}

/** `/v1/places/<id>/zones/<zone>`. */
export function zonePath(place: string, zone: string): string {
  return `${placePath(place)}/zones/${encodeURIComponent(zone)}`;
}
