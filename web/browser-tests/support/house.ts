/** A site of one's own on the stack for a test file, and other people who book there through the API. */
import { randomBytes } from "node:crypto";
import type { Page } from "playwright-core";
import type { Booking, Slot } from "../../src/lib/bookings/types";
import { instantOf, isoDay } from "../../src/lib/bookings/zoned";
import { as } from "./api";

export const ZONE = "Europe/Paris";
/** The site's hours, in minutes; what its calendar shows. */
export const HOURS = { from: 8 * 60, to: 18 * 60 };

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

/** The quarter of an hour that has begun, and the next ones. */
export function slotNow(minutes: number): Slot {
  const start = Math.floor(Date.now() / 900_000) * 900_000;
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
