import { describe, expect, it } from "vitest";
import { ApiError } from "../src/lib/api/client";
import { wantedOf, type Block } from "../src/lib/bookings/apply";
import { BookingFormat, DayNames } from "../src/lib/bookings/booking-format";
import { rejection } from "../src/lib/bookings/client";
import { arrow, create, drag, hold, step, type Grid } from "../src/lib/bookings/drag";
import { closedOn, percent, roomFor, segmentsOf, shownHours, spanOn } from "../src/lib/bookings/layout";
import { moved } from "../src/lib/bookings/moved";
import { ruleOf } from "../src/lib/bookings/repeat";
import { bookingTexts, type BookingKey } from "../src/lib/bookings/texts";
import { guestLines, parseGuests } from "../src/lib/bookings/wish.svelte";
import {
  clock,
  DAY,
  dayOf,
  instantOf,
  isoDay,
  isoWall,
  MINUTE,
  monthSheet,
  monthStart,
  offset,
  parseClock,
  parseDay,
  toInstant,
  toWall,
  weekday,
} from "../src/lib/bookings/zoned";
import type { Policy, Quota } from "../src/lib/bookings/types";
import { links, parseRoute } from "../src/lib/router.svelte";
import {
  localText,
  memberOf,
  policyOf,
  policyValues,
  resourceOf,
  resourceValues,
} from "../src/pages/bookings/resources/forms";
import { booking, plain, PARIS } from "./booking-samples";

const wall = (text: string) => Date.parse(`${text}Z`);
const iso = (at: number) => new Date(at).toISOString().slice(0, 16);

describe("wall clocks", () => {
  it("read times of clock changes as the server does", () => {
    // The same cases as crates/booking/src/zone.rs.
    expect(iso(toInstant(wall("2026-10-25T02:30"), PARIS))).toBe("2026-10-25T00:30");
    expect(iso(toInstant(wall("2026-11-01T01:30"), "America/New_York"))).toBe("2026-11-01T05:30");
    expect(iso(toInstant(wall("2026-04-05T01:45"), "Australia/Lord_Howe"))).toBe("2026-04-04T14:45");
    expect(iso(toInstant(wall("2026-03-29T02:30"), PARIS))).toBe("2026-03-29T01:30");
    expect(iso(toInstant(wall("2026-03-08T02:30"), "America/New_York"))).toBe("2026-03-08T07:30");
    expect(iso(toInstant(wall("2026-10-04T02:15"), "Australia/Lord_Howe"))).toBe("2026-10-03T15:45");
  });

  it.each([PARIS, "America/New_York", "Australia/Lord_Howe", "Asia/Kathmandu"])(
    "agree both ways for every quarter of a year in %s",
    (zone) => {
      const start = Date.UTC(2026, 0, 1);
      let [last, gaps] = [0, 0];
      for (let at = start; at < start + 366 * DAY; at += 15 * MINUTE) {
        const shown = toWall(at, zone);
        const back = toInstant(shown, zone);
        // A time that comes twice is its first coming; all others are themselves.
        if (back !== at) expect(toWall(back, zone)).toBe(shown);
        if (back !== at) gaps++;
        if (back === at) expect(at).toBeGreaterThan(last);
        last = at;
      }
      expect(gaps).toBe(zone === "Asia/Kathmandu" ? 0 : zone === "Australia/Lord_Howe" ? 2 : 4);
    },
    60_000,
  );

  it("name days, weeks and months", () => {
    const day = parseDay("2026-11-21")!;
    expect([isoDay(day), weekday(day), isoDay(monthStart(day)), isoDay(monthStart(day, 2))]).toEqual([
      "2026-11-21",
      5,
      "2026-11-01",
      "2027-01-01",
    ]);
    const sheet = monthSheet(day);
    expect([sheet.length % 7, isoDay(sheet[0]!), isoDay(sheet.at(-1)!)]).toEqual([0, "2026-10-26", "2026-12-06"]);
    expect([parseDay("2026-02-30"), parseDay("tomorrow"), parseDay(undefined)]).toEqual([null, null, null]);
    expect([clock(5), clock(1440), parseClock("08:30:00"), parseClock("x")]).toEqual([
      "00:05",
      "24:00",
      510,
      Number.NaN,
    ]);
    expect(isoWall(wall("2026-11-21T10:00"))).toBe("2026-11-21T10:00:00");
    expect(offset(Date.parse("2026-07-01T00:00Z"), "Mars/Olympus")).toBe(0);
  });
});

describe("the calendar's geometry", () => {
  const day = parseDay("2026-11-24")!;
  const open = [spanOn(day, 8 * 60, 12 * 60, PARIS), spanOn(day, 13 * 60, 18 * 60 + 20, PARIS)];

  it("shows whole hours around what is open or booked", () => {
    expect(shownHours(open, [], [day], PARIS)).toEqual({ from: 480, to: 1140 });
    expect(shownHours([], [], [day], PARIS)).toEqual({ from: 480, to: 1080 });
    const night = [spanOn(day, 22 * 60, 26 * 60, PARIS)];
    expect(shownHours(open, night, [day], PARIS)).toEqual({ from: 480, to: 1440 });
    expect(shownHours(open, night, [day, day + 1], PARIS)).toEqual({ from: 0, to: 1440 });
  });

  it("marks what is closed, and cuts what lasts over midnight", () => {
    const hours = { from: 480, to: 1140 };
    expect(closedOn(open, day, hours, PARIS)).toEqual([
      { from: 720, to: 780 },
      { from: 1100, to: 1140 },
    ]);
    const span = spanOn(day, 17 * 60, 26 * 60, PARIS);
    const block = { ...span, key: "x", resource: "r", kind: "taken" as const, booking: null };
    expect(segmentsOf([block], day, hours, PARIS)).toEqual([
      { block, from: 1020, to: 1140, cutStart: false, cutEnd: true },
    ]);
    expect(segmentsOf([block], day + 1, { from: 0, to: 600 }, PARIS)).toMatchObject([
      { from: 0, to: 120, cutStart: true },
    ]);
    expect(percent(810, hours)).toBe(50);
  });

  it("keeps the local hour over a clock change", () => {
    const change = parseDay("2026-10-25")!;
    const span = spanOn(change, 0, 10 * 60, PARIS);
    expect((span.end - span.start) / 3_600_000).toBe(11);
    expect(toWall(span.end, PARIS)).toBe(instantOf(change, 600, "UTC"));
  });
});

describe("dragging", () => {
  const grid: Grid = { step: 15, least: 15, hours: { from: 480, to: 1080 }, lanes: 3 };
  const span = ({ from, to, lane }: { from: number; to: number; lane: number }) => [lane, from, to];

  it("makes a stretch downwards and upwards, on the grid and within the hours", () => {
    const made = create(1, 607, grid);
    expect(span(made)).toEqual([1, 600, 615]);
    expect(span(drag(made, 1, 668, grid))).toEqual([1, 600, 675]);
    expect(span(drag(made, 1, 560, grid))).toEqual([1, 555, 615]);
    expect(span(drag(made, 1, 99_999, grid))).toEqual([1, 600, 1080]);
    expect(span(drag(made, 1, 0, grid))).toEqual([1, 480, 615]);
    expect(span(create(0, 1079, { ...grid, least: 60 }))).toEqual([0, 1065, 1080]);
  });

  it("moves between lanes with what it held, and keeps its length", () => {
    const held = hold("move", 0, 600, 690, 630);
    expect(span(drag(held, 2, 757, grid))).toEqual([2, 720, 810]);
    expect(span(drag(held, 2, 2_000, grid))).toEqual([2, 990, 1080]);
  });

  it("resizes either end, never to nothing", () => {
    expect(span(drag(hold("end", 0, 600, 690, 690), 0, 641, grid))).toEqual([0, 600, 645]);
    expect(span(drag(hold("end", 0, 600, 690, 690), 0, 0, grid))).toEqual([0, 600, 615]);
    expect(span(drag(hold("start", 0, 600, 690, 600), 0, 700, grid))).toEqual([0, 675, 690]);
  });

  it("follows the arrow keys in both directions of time", () => {
    expect([arrow("ArrowDown", true), arrow("ArrowDown", false), arrow("a", true)]).toEqual([
      { time: 1, lane: 0 },
      { time: 0, lane: 1 },
      null,
    ]);
    const held = hold("move", 2, 600, 690, 600);
    expect(span(step(held, { time: -1, lane: 0 }, false, grid))).toEqual([2, 585, 675]);
    expect(span(step(held, { time: 0, lane: 1 }, false, grid))).toEqual([2, 600, 690]);
    expect(span(step(held, { time: 1, lane: 0 }, true, grid))).toEqual([2, 600, 705]);
  });

  it("exchanges only the place that was dragged", () => {
    const two = booking({ resources: ["a", "b"], items: [{ pool: "desks" }, { resource: "b" }] });
    expect(moved(two, "a", "c")).toEqual([{ resource: "c" }, { resource: "b" }]);
    expect(moved(two, "a", "a")).toBeNull();
  });
});

describe("repetitions", () => {
  const tuesday = parseDay("2026-11-24")!;
  const rule = (repeat: Partial<Parameters<typeof ruleOf>[0]>) =>
    ruleOf({ frequency: "weekly", days: [], count: 10, until: null, ...repeat }, tuesday);

  it("become rules with an end", () => {
    expect(rule({ frequency: "none" })).toBeNull();
    expect(rule({})).toBe("FREQ=WEEKLY;BYDAY=TU;COUNT=10");
    expect(rule({ days: [3, 0] })).toBe("FREQ=WEEKLY;BYDAY=MO,TU,TH;COUNT=10");
    expect(rule({ frequency: "biweekly", until: tuesday + 70 })).toBe(
      "FREQ=WEEKLY;INTERVAL=2;BYDAY=TU;UNTIL=20270202T235959",
    );
    expect(rule({ frequency: "monthly" })).toBe("FREQ=MONTHLY;BYDAY=4TU;COUNT=10");
    expect(ruleOf({ frequency: "monthly", days: [], count: 3, until: null }, parseDay("2026-11-30")!)).toBe(
      "FREQ=MONTHLY;BYDAY=-1MO;COUNT=3",
    );
  });
});

describe("what is read and written", () => {
  it("guests, a line each", () => {
    const guests = parseGuests("Ada Lovelace <ada@example.org>\n\n bob@example.org ; Blaise");
    expect(guests).toEqual([
      { name: "Ada Lovelace", email: "ada@example.org" },
      { name: "bob@example.org", email: "bob@example.org" },
      { name: "Blaise", email: null },
    ]);
    expect(parseGuests(guestLines(guests))).toEqual(guests);
  });

  it("what rules refuse, by the end of the problem's type", () => {
    const error = new ApiError(409, "Taken", null, [], "taken", { suggestions: [{ resource: "a" }] });
    expect(rejection(error)).toMatchObject({ slug: "taken", suggestions: [{ resource: "a" }], refusals: [] });
    expect(rejection(new ApiError(503, "Down", null))).toBeNull();
    expect(rejection(new TypeError("network"))).toBeNull();
  });

  it("resources and policies survive their forms", () => {
    const values = {
      ...resourceValues(),
      name: "Ada",
      site: "s",
      policy: "p",
      features: "screen, , board",
      hour: 1200,
    };
    const made = resourceOf("ada", { ...values, plan_x: 10, plan_y: 0, sensor_place: "x" }, null);
    expect(made).toMatchObject({ features: ["screen", "board"], plan: { x: 10, y: 0 }, sensor: null, pool: null });
    expect(made.rates).toMatchObject({ standard: { hour: 1200, day: null }, member: null, vat: 2000 });
    expect(resourceOf("ada", resourceValues(made), null)).toEqual(made);
    expect(resourceOf("x", resourceValues(), null).rates).toBeNull();
    const quotas: Quota[] = [{ group: null, shared: false, scope: "policy", period: "week", limit: { minutes: 600 } }];
    const rules = { ...policyValues(), name: "P", check_in: true, cancellation: "1440 50\n60 0" };
    const policy = policyOf(rules, { quotas, peak_hours: [] });
    expect(policy).toMatchObject({
      check_in: { opens_minutes_before: 10, window_minutes: 10, needs_code: false },
      cancellation: [
        { minutes_before: 1440, refund_percent: 50 },
        { minutes_before: 60, refund_percent: 0 },
      ],
      quotas,
      peak_hours: [],
    });
    const until = "2031-01-31T23:00:00.000Z";
    expect(new Date(localText(until)).toISOString()).toBe(until);
    expect(memberOf({ plan: "a", plan_until: until, credits: 3 })).toEqual({
      plan: "a",
      plan_until: until,
      credits: 3,
    });
    // Without a plan there is nothing to end.
    expect(memberOf({ plan: "", plan_until: until, credits: 3 })).toEqual({ plan: null, plan_until: null, credits: 3 });
    expect(Object.keys(policy)).not.toContain("check_in_opens");
  });

  it("routes with what they show", () => {
    const query = { site: "a b", view: "week" };
    expect(parseRoute(links.bookings("calendar", { ...query, kind: "" }))).toEqual({ page: "calendar", query });
    expect(parseRoute(links.bookings("mine"))).toEqual({ page: "mine", query: {} });
    expect(parseRoute("#/check-in?resource=room-1&code=a_b-c")).toEqual({
      page: "check-in",
      query: { resource: "room-1", code: "a_b-c" },
    });
    expect(parseRoute("#/unsubscribe?token=a.b_c-d")).toEqual({ page: "unsubscribe", options: { token: "a.b_c-d" } });
    expect(parseRoute("#/stop?t=a.b_c-d")).toEqual({ page: "unsubscribe", options: { token: "a.b_c-d" } });
    expect(parseRoute("#/bookings/nonsense")).toEqual({ page: "calendar", query: {} });
  });

  it("texts with the same placeholders in both languages", () => {
    const names = (text: unknown) => [...new Set(JSON.stringify(text).match(/\{\w+\}/g) ?? [])].sort();
    for (const key of Object.keys(bookingTexts.en) as BookingKey[])
      expect([key, names(bookingTexts.fr[key])]).toEqual([key, names(bookingTexts.en[key])]);
  });

  it("days, lengths and amounts", () => {
    const format = new BookingFormat("en", PARIS);
    const slot = { start: "2026-11-24T09:00:00Z", end: "2026-11-24T10:30:00Z" };
    expect(plain(format.slot(slot))).toBe("Tue 24 Nov, 10:00 – 11:30");
    expect(plain(format.slot({ ...slot, end: "2026-11-25T09:00:00Z" }))).toContain("Wed 25 Nov, 10:00");
    expect(plain(new BookingFormat("fr", PARIS).money({ cents: 123456, currency: "EUR" }))).toBe("1 234,56 €");
    expect(new DayNames("en").weekday(0, "long")).toBe("Monday");
    expect(new DayNames("fr").month(dayOf(wall("2026-11-24T00:00")))).toBe("novembre 2026");
  });
});

describe("what others have", () => {
  const at = (hour: number, minute: number) => Date.UTC(2026, 10, 24, hour, minute);
  const block = (kind: Block["kind"], from: number, to: number): Block => {
    return { key: "k", resource: "a", kind, booking: null, start: from, end: to };
  };
  const rules = (more: Partial<Policy>) => policyOf({ ...policyValues(more) }, { quotas: [], peak_hours: [] }) as never;

  it("is wanted without the buffers around it", () => {
    const longer = rules({ buffer_before_minutes: 10, buffer_after_minutes: 15 });
    const taken = block("taken", at(9, 0), at(10, 15));
    expect(wantedOf(taken, longer)).toEqual({ start: at(9, 0), end: at(10, 0) });
    const stacked = rules({ buffer_before_minutes: 10, buffer_after_minutes: 15, buffers_stack: true });
    expect(wantedOf(block("tentative", at(8, 50), at(10, 15)), stacked)).toEqual({ start: at(9, 0), end: at(10, 0) });
  });

  it("is wanted as it is where there is no buffer, or none is left", () => {
    const policy = rules({ buffer_after_minutes: 15 });
    const whole = { start: at(9, 0), end: at(10, 15) };
    expect(wantedOf(block("unavailable", at(9, 0), at(10, 15)), policy)).toEqual(whole);
    expect(wantedOf(block("taken", at(9, 0), at(10, 15)), undefined)).toEqual(whole);
    expect(wantedOf(block("taken", at(9, 0), at(9, 20)), policy)).toEqual({ start: at(9, 0), end: at(9, 20) });
  });
});

describe("lengths", () => {
  it("are told exactly, without parts that are nothing", () => {
    const [en, fr] = [new BookingFormat("en", PARIS), new BookingFormat("fr", PARIS)];
    const told = [0, 30, 60, 90, 480, 1440, 1505, 44_640].map((minutes) => en.minutes(minutes));
    expect(told).toEqual(["0 min", "30 min", "1 h", "1 h 30", "8 h", "1 d", "1 d 1 h 05", "31 d"]);
    expect(fr.minutes(2 * 1440 + 15)).toBe("2 j 15 min");
  });
});

describe("a plan", () => {
  it("has room for its seats side by side", () => {
    expect(roomFor([])).toEqual({ x: 1, y: 1 });
    const rows = [10, 30, 50].flatMap((x) => [20, 60].map((y) => ({ x, y })));
    expect(roomFor(rows)).toEqual({ x: 5, y: 2.5 });
    // What is at one point cannot be drawn apart, and what is nearly there not without end.
    expect(
      roomFor([
        { x: 5, y: 5 },
        { x: 5, y: 5 },
      ]),
    ).toEqual({ x: 1, y: 1 });
    expect(
      roomFor([
        { x: 5, y: 5 },
        { x: 5.1, y: 5 },
      ]),
    ).toEqual({ x: 24, y: 1 });
  });
});
