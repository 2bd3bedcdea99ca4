/** The calendar's geometry: lanes of one resource's one day, and the minutes of that day at which things are drawn. */
import type { Block, Span } from "./apply";
import { DAY, dayOf, instantOf, MINUTE, minuteOf, toWall } from "./zoned";

/** A day of a resource, drawn as a column or a row. */
export interface Lane {
  key: string;
  resource: string;
  day: number;
  /** What stands at its head. */
  title: string;
  note: string;
}

/** The part of the day that is drawn, in minutes. */
export interface Hours {
  from: number;
  to: number;
}

/** A block's part within a lane, in minutes of its day. */
export interface Segment {
  block: Block;
  from: number;
  to: number;
  /** It begins before, or goes on after what is drawn. */
  cutStart: boolean;
  cutEnd: boolean;
}

const WHOLE_DAY = 24 * 60;
const USUAL: Hours = { from: 8 * 60, to: 18 * 60 };

/** Minutes of `day` by the place's clock; below 0 or above a day for what is on other days. */
export function minutesOn(at: number, day: number, zone: string): number {
  return Math.round((toWall(at, zone) - day * DAY) / MINUTE);
}

/** The hours that show everything open on any of the days, and everything booked; whole hours. */
export function shownHours(open: Span[], blocks: Span[], days: number[], zone: string): Hours {
  const wanted = new Set(days);
  let [from, to] = [Infinity, -Infinity];
  for (const span of [...open, ...blocks]) {
    const first = toWall(span.start, zone);
    const last = toWall(span.end, zone) - MINUTE;
    for (const day of wanted) {
      if (dayOf(last) < day || dayOf(first) > day) continue;
      from = Math.min(from, dayOf(first) < day ? 0 : minuteOf(first));
      to = Math.max(to, dayOf(last) > day ? WHOLE_DAY : minuteOf(last) + 1);
    }
  }
  if (from >= to) return USUAL;
  return { from: Math.floor(from / 60) * 60, to: Math.ceil(to / 60) * 60 };
}

/** The parts of blocks that fall into a lane. */
export function segmentsOf(blocks: Block[], day: number, hours: Hours, zone: string): Segment[] {
  return blocks.flatMap((block) => {
    const start = minutesOn(block.start, day, zone);
    const end = minutesOn(block.end, day, zone);
    const [from, to] = [Math.max(start, hours.from), Math.min(end, hours.to)];
    return from < to ? [{ block, from, to, cutStart: start < from, cutEnd: end > to }] : [];
  });
}

/** What of a lane is closed, in minutes. */
export function closedOn(open: Span[], day: number, hours: Hours, zone: string): Hours[] {
  const spans = open
    .map((span) => ({ from: minutesOn(span.start, day, zone), to: minutesOn(span.end, day, zone) }))
    .filter((span) => span.to > hours.from && span.from < hours.to)
    .sort((a, b) => a.from - b.from);
  const closed: Hours[] = [];
  let at = hours.from;
  for (const span of spans) {
    if (span.from > at) closed.push({ from: at, to: span.from });
    at = Math.max(at, span.to);
  }
  if (at < hours.to) closed.push({ from: at, to: hours.to });
  return closed;
}

/** Full hours between the ends, for the axis. */
export function hourMarks(hours: Hours): number[] {
  const marks = [];
  for (let minute = Math.ceil(hours.from / 60) * 60; minute < hours.to; minute += 60) marks.push(minute);
  return marks;
}

/** Where a minute is, in percent of the hours drawn. */
export function percent(minute: number, hours: Hours): number {
  return ((minute - hours.from) / (hours.to - hours.from)) * 100;
}

/** The instants of a stretch of a lane. */
export function spanOn(day: number, from: number, to: number, zone: string): Span {
  return { start: instantOf(day, from, zone), end: instantOf(day, to, zone) };
}

/** Two places at nearly the same point must not make a plan of endless size. */
const MOST_SEATS_ACROSS = 24;

/** How many seats wide and high a plan has to be, so that none lies over its neighbour; points are percent of the plan. */
export function roomFor(points: { x: number; y: number }[]): { x: number; y: number } {
  const room = { x: 1, y: 1 };
  for (const [at, a] of points.entries()) {
    for (const b of points.slice(at + 1)) {
      const [dx, dy] = [Math.abs(a.x - b.x), Math.abs(a.y - b.y)];
      // One of the two directions has to keep them apart: that in which they are further from each other.
      if (dx >= dy && dx > 0) room.x = Math.max(room.x, 100 / dx);
      else if (dy > 0) room.y = Math.max(room.y, 100 / dy);
    }
  }
  return { x: Math.min(room.x, MOST_SEATS_ACROSS), y: Math.min(room.y, MOST_SEATS_ACROSS) };
}
