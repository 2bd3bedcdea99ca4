/** A site of one's own on the stack for a test file, and other people who book there through the API. */
import { createHash, randomBytes, randomUUID } from "node:crypto";
import type { Page } from "playwright-core";
import { inject } from "vitest";
import type { Booking, Slot } from "../../src/lib/bookings/types";
import { instantOf, isoDay } from "../../src/lib/bookings/zoned";

export const ZONE = "Europe/Paris";
/** The site's hours, in minutes; what its calendar shows. */
export const HOURS = { from: 8 * 60, to: 18 * 60 };

const tokens = new Map<string, string>();

/** Logs a demo user in as a browser would: code and PKCE. */
async function tokenOf(user: string): Promise<string> {
  const known = tokens.get(user);
  if (known) return known;
  const url = inject("url");
  const issuer = `${url}/_local/identity`;
  const discovery = (await (await fetch(`${issuer}/.well-known/openid-configuration`)).json()) as Record<
    string,
    string
  >;
  const verifier = randomBytes(32).toString("base64url");
  const redirect = `${url}/`;
  const query = new URLSearchParams({
    response_type: "code",
    client_id: "parvis-web",
    redirect_uri: redirect,
    scope: "openid email profile",
    state: "test",
    code_challenge: createHash("sha256").update(verifier).digest("base64url"),
    code_challenge_method: "S256",
  });
  const form = await fetch(`${discovery.authorization_endpoint}?${query}`);
  const action = /<form[^>]*action="([^"]*)"/.exec(await form.text())?.[1]?.replaceAll("&amp;", "&") ?? "";
  const answered = await fetch(new URL(action, form.url), {
    method: "POST",
    redirect: "manual",
    body: new URLSearchParams({ demo: user }),
  });
  const code = new URL(answered.headers.get("location") ?? "", url).searchParams.get("code");
  if (!code) throw new Error(`no code for ${user}: ${answered.status} ${await answered.text()}`);
  const request = { grant_type: "authorization_code", client_id: "parvis-web", redirect_uri: redirect, code };
  const response = await fetch(discovery.token_endpoint!, {
    method: "POST",
    body: new URLSearchParams({ ...request, code_verifier: verifier }),
  });
  const { access_token: token } = (await response.json()) as { access_token: string };
  tokens.set(user, token);
  return token;
}

/** A request to the API by a demo user; throws with what the API said when it is refused. */
export async function as<T = unknown>(user: string, method: string, path: string, body?: unknown): Promise<T> {
  const headers: Record<string, string> = {
    authorization: `Bearer ${await tokenOf(user)}`,
    "idempotency-key": randomUUID(),
  };
  if (body !== undefined) headers["content-type"] = "application/json";
  const sent = { method, headers, body: body === undefined ? undefined : JSON.stringify(body) };
  const response = await fetch(`${inject("url")}${path}`, sent);
  const text = await response.text();
  if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${text}`);
  return (text ? JSON.parse(text) : null) as T;
}

export interface House {
  site: string;
  /** Three rooms of the site's hours. */
  rooms: [string, string, string];
  /** Open day and night, with check-in. */
  lounge: string;
  /** Approved by managers. */
  hall: string;
}

const WEEK = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"];

export async function buildHouse(): Promise<House> {
  const tag = randomBytes(4).toString("hex");
  const site = `house-${tag}`;
  const id = (name: string) => `${name}-${tag}`;
  await as("manager", "PUT", `/v1/policies/${id("usual")}`, {
    name: "Usual",
    max_minutes: 600,
    cancellation: [{ minutes_before: 60, refund_percent: 100 }],
  });
  const checkIn = { opens_minutes_before: 30, window_minutes: 60, needs_code: false };
  await as("manager", "PUT", `/v1/policies/${id("watched")}`, { name: "With check-in", check_in: checkIn });
  await as("manager", "PUT", `/v1/policies/${id("asked")}`, { name: "Approved", requires_approval: true });
  await as("manager", "PUT", `/v1/sites/${site}`, {
    name: `House ${tag}`,
    timezone: ZONE,
    address: "1 rue du Parvis, Montpellier",
    opening: { weekly: [{ days: WEEK, from: "08:00:00", until: "18:00:00" }] },
  });
  const rates = { standard: { hour: 1200 }, vat: 2000 };
  const place = (name: string, more: object) =>
    as("manager", "PUT", `/v1/resources/${id(name)}`, { site, policy: id("usual"), floor: "1", ...more });
  const names = ["ada", "blaise", "curie"] as const;
  const features = [["screen"], ["screen", "whiteboard"], []];
  for (const [at, name] of names.entries()) {
    await place(name, {
      name: name[0]!.toUpperCase() + name.slice(1),
      kind: "room",
      capacity: 4 + 2 * at,
      features: features[at],
      rates,
      plan: { x: 20 + 30 * at, y: 35 },
    });
  }
  const always = { weekly: [{ days: WEEK, from: "00:00:00", until: "00:00:00" }] };
  const lounge = { name: "Lounge", kind: "shared", policy: id("watched"), capacity: 20, opening: always };
  await place("lounge", { ...lounge, plan: { x: 30, y: 75 } });
  await place("hall", { name: "Hall", kind: "shared", policy: id("asked"), capacity: 80, opening: always });
  return { site, rooms: [id("ada"), id("blaise"), id("curie")], lounge: id("lounge"), hall: id("hall") };
}

/** The day of the calendar that is `days` from today by the house's clock. */
export function dayFromToday(days: number): number {
  const today = new Intl.DateTimeFormat("en-CA", { timeZone: ZONE }).format(new Date());
  return Date.parse(`${today}T00:00:00Z`) / 86_400_000 + days;
}

/** A slot of the house's clock, in minutes of a day. */
export function slotAt(day: number, from: number, to: number): Slot {
  const at = (minute: number) => new Date(instantOf(day, minute, ZONE)).toISOString();
  return { start: at(from), end: at(to) };
}

export function book(user: string, resource: string, slot: Slot, title: string): Promise<Booking> {
  return as<Booking>(user, "POST", "/v1/bookings", { items: [{ resource }], slot, title, suggest: false });
}

/** From the next quarter of an hour on: soon enough for checking in, and not over before the request arrives. */
export function slotSoon(minutes: number): Slot {
  const start = Math.ceil(Date.now() / 900_000) * 900_000;
  return { start: new Date(start).toISOString(), end: new Date(start + minutes * 60_000).toISOString() };
}

export function calendarHash(house: House, day: number, more: Record<string, string> = {}): string {
  return `#/bookings?${new URLSearchParams({ site: house.site, date: isoDay(day), ...more })}`;
}

/** Where a minute of a lane is on the screen. */
export async function pointOf(
  page: Page,
  resource: string,
  minute: number,
  day?: number,
): Promise<{ x: number; y: number }> {
  const lane = page.locator(`[data-testid="lane-${resource}"]${day === undefined ? "" : `[data-day="${day}"]`}`);
  await lane.waitFor();
  const vertical = (await page.getByTestId("lanes").getAttribute("class"))?.includes("vertical") ?? true;
  // What is dragged over must be in sight.
  await page.getByTestId("lanes").evaluate((area) => area.scrollTo(0, 0));
  const box = (await lane.boundingBox())!;
  const share = (minute - HOURS.from) / (HOURS.to - HOURS.from);
  return vertical
    ? { x: box.x + box.width / 2, y: box.y + box.height * share }
    : { x: box.x + box.width * share, y: box.y + box.height / 2 };
}

/** Presses at one place, lets go at another, with steps between as a hand makes them. */
export async function dragMouse(
  page: Page,
  from: { x: number; y: number },
  to: { x: number; y: number },
): Promise<void> {
  await page.mouse.move(from.x, from.y);
  await page.mouse.down();
  await page.mouse.move((from.x + to.x) / 2, (from.y + to.y) / 2, { steps: 4 });
  await page.mouse.move(to.x, to.y, { steps: 4 });
  await page.mouse.up();
}
