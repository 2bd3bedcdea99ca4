/**
 * Wall clocks. A "wall" time is what the place's clock shows, as the milliseconds that UTC would have if it showed the same: days and
 * minutes of it can be reckoned without clock changes, and only the result becomes an instant again.
 */
import { knownZone } from "../format";

export const MINUTE = 60_000;
export const DAY = 86_400_000;
/** Clock changes happen at whole quarters of an hour, so an offset holds for one. */
const QUARTER = 15 * MINUTE;
/** Offsets kept per zone; a month of quarters. */
const KEPT = 3_000;

const formats = new Map<string, Intl.DateTimeFormat>();
const offsets = new Map<string, Map<number, number>>();

/** How far the zone's clock is ahead of UTC at an instant, in milliseconds. */
export function offset(at: number, zone: string): number {
  const quarter = Math.floor(at / QUARTER);
  let known = offsets.get(zone);
  if (!known || known.size > KEPT) offsets.set(zone, (known = new Map()));
  let value = known.get(quarter);
  if (value === undefined) known.set(quarter, (value = read(quarter * QUARTER, zone)));
  return value;
}

function read(at: number, zone: string): number {
  let format = formats.get(zone);
  if (!format) {
    format = new Intl.DateTimeFormat("en-US", {
      timeZone: knownZone(zone),
      hourCycle: "h23",
      year: "numeric",
      month: "numeric",
      day: "numeric",
      hour: "numeric",
      minute: "numeric",
      second: "numeric",
    });
    formats.set(zone, format);
  }
  const part: Record<string, number> = {};
  for (const { type, value } of format.formatToParts(at)) part[type] = Number(value);
  const shown = Date.UTC(part.year!, part.month! - 1, part.day, part.hour, part.minute, part.second);
  return shown - Math.floor(at / 1000) * 1000;
}

/** What the zone's clock shows at an instant. */
export function toWall(at: number, zone: string): number {
  return at + offset(at, zone);
}

/**
 * The instant at which the zone's clock shows `wall`, as RFC 5545 (3.3.5) and the server read it: a time that comes twice is its first
 * coming, one that is left out is counted with the offset before the gap.
 */
export function toInstant(wall: number, zone: string): number {
  const before = offset(wall - DAY, zone);
  const first = wall - before;
  if (offset(first, zone) === before) return first;
  const second = wall - offset(wall + DAY, zone);
  return toWall(second, zone) === wall ? second : first;
}

/** Number of a day of the calendar; 0 is 1 January 1970. */
export function dayOf(wall: number): number {
  return Math.floor(wall / DAY);
}

/** Minutes since midnight. */
export function minuteOf(wall: number): number {
  return Math.floor((wall - dayOf(wall) * DAY) / MINUTE);
}

/** The instant at which a day begins, or a minute of it (which may be on another day). */
export function instantOf(day: number, minute: number, zone: string): number {
  return toInstant(day * DAY + minute * MINUTE, zone);
}

/** 0 for Monday to 6 for Sunday. */
export function weekday(day: number): number {
  return (((day + 3) % 7) + 7) % 7;
}

export function mondayOf(day: number): number {
  return day - weekday(day);
}

/** 2026-11-21 */
export function isoDay(day: number): string {
  return new Date(day * DAY).toISOString().slice(0, 10);
}

/** The day of `2026-11-21`; null for anything else. */
export function parseDay(text: string | null | undefined): number | null {
  if (!text || !/^\d{4}-\d\d-\d\d$/.test(text)) return null;
  const at = Date.parse(`${text}T00:00:00Z`);
  return Number.isNaN(at) || isoDay(at / DAY) !== text ? null : at / DAY;
}

/** 08:05; 24:00 is the end of a day. */
export function clock(minute: number): string {
  const hours = Math.floor(minute / 60);
  return `${String(hours).padStart(2, "0")}:${String(minute % 60).padStart(2, "0")}`;
}

/** Minutes of `08:05` or `08:05:00`; NaN for anything else. */
export function parseClock(text: string): number {
  const match = /^(\d{1,2}):(\d\d)(?::\d\d)?$/.exec(text);
  return match ? Number(match[1]) * 60 + Number(match[2]) : Number.NaN;
}

/** `2026-11-21T10:00:00`, as the server names local times. */
export function isoWall(wall: number): string {
  return new Date(wall).toISOString().slice(0, 19);
}

/** The first day of the month that is `months` away from that of `day`. */
export function monthStart(day: number, months = 0): number {
  const date = new Date(day * DAY);
  return Date.UTC(date.getUTCFullYear(), date.getUTCMonth() + months, 1) / DAY;
}

/** The days of a month's sheet, Monday first, in whole weeks. */
export function monthSheet(day: number): number[] {
  const first = mondayOf(monthStart(day));
  const last = mondayOf(monthStart(day, 1) - 1) + 6;
  return Array.from({ length: last - first + 1 }, (_, at) => first + at);
}
