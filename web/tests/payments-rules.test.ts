import { beforeEach, describe, expect, it } from "vitest";
import { ApiError } from "../src/lib/api/client";
import { Format } from "../src/lib/format";
import {
  angleOf,
  ARC,
  freeUntil,
  indexAt,
  indexOf,
  keyStep,
  lengthOf,
  lengthText,
  marks,
  onCircle,
  shortcuts,
} from "../src/lib/payments/dial";
import { laterThan, paidMinutes } from "../src/lib/payments/extension.svelte";
import { byDistance, codeOf, distance, matching, spotsOf, withSpaces } from "../src/lib/payments/nearest";
import { offsetOf, rangeOf, revenueCsv, shownRows } from "../src/lib/payments/revenue";
import { failureText, mayRepeat } from "../src/lib/payments/sentences";
import { isOpen, isTold, mergeSessions } from "../src/lib/payments/sessions-feed.svelte";
import { providerOf } from "../src/lib/payments/test-provider";
import { paymentTexts, type PaymentKey } from "../src/lib/payments/texts";
import { clockText } from "../src/lib/payments/timer";
import type { RevenueRow } from "../src/lib/payments/types";
import { isPlate, plateText, Vehicles } from "../src/lib/payments/vehicles.svelte";
import { prefs } from "../src/lib/prefs.svelte";
import { isPayment, links, parseRoute } from "../src/lib/router.svelte";
import { curve, PARIS, stay } from "./payment-samples";
import { place, space, zone } from "./samples";

const quarter = curve("2026-11-24T08:00:00Z", 15, 96);

describe("the dial", () => {
  it("reads back every step that it draws", () => {
    for (const count of [2, 5, 48, 96, 200]) {
      for (let index = 0; index < count; index++) {
        const { x, y } = onCircle(angleOf(index, count), 83);
        expect(indexAt(x, y, count)).toBe(index);
      }
    }
  });

  it("holds its ends in the gap below, and knows a single step", () => {
    expect([indexAt(-1, 100, 96), indexAt(1, 100, 96)]).toEqual([0, 95]);
    // The first third of the steps has the first half of the arc.
    expect(indexAt(0, -50, 97)).toBe(30);
    expect(angleOf(0, 1)).toBe(ARC.to);
    expect(indexAt(30, 30, 1)).toBe(0);
  });

  it("follows the keys of a slider", () => {
    const { points } = quarter;
    const press = (key: string, index: number) => keyStep(key, index, points);
    expect(["ArrowRight", "ArrowUp", "ArrowLeft", "ArrowDown"].map((key) => press(key, 10))).toEqual([11, 11, 9, 9]);
    expect(["PageUp", "PageDown", "Home", "End"].map((key) => press(key, 10))).toEqual([14, 6, 0, 95]);
    expect([press("ArrowLeft", 0), press("ArrowRight", 95), press("PageDown", 1), press("PageUp", 94)]).toEqual([
      0, 95, 0, 95,
    ]);
    expect([press("Enter", 3), press("Tab", 3)]).toEqual([null, null]);
    // Where a step is longer than an hour, a page is a tenth.
    expect(keyStep("PageUp", 10, curve("2026-11-24T08:00:00Z", 180, 60).points)).toBe(16);
  });

  it("finds the step of a length, of two equally near the longer", () => {
    expect([15, 60, 67, 68, 5000].map((minutes) => indexOf(quarter.points, minutes))).toEqual([0, 3, 3, 4, 95]);
    expect(indexOf(curve("2026-11-24T08:00:00Z", 20, 6).points, 30)).toBe(1);
  });

  it("offers usual lengths that the tariff has, and its longest", () => {
    const offered = (points: typeof quarter.points, from = 0) =>
      shortcuts(points, from).map((at) => points[at]!.minutes);
    expect(offered(quarter.points)).toEqual([30, 60, 120, 1440]);
    expect(offered(curve("2026-11-24T08:00:00Z", 15, 6).points)).toEqual([30, 60, 90]);
    expect(offered(laterThan(quarter.points, "2026-11-24T09:00:00Z"), 60)).toEqual([90, 120, 180, 1440]);
    expect(shortcuts([])).toEqual([]);
  });

  it("has few enough marks to be read", () => {
    for (const [unit, count] of [
      [5, 48],
      [15, 96],
      [60, 168],
      [15, 3],
    ] as const) {
      const shown = marks(curve("2026-11-24T08:00:00Z", unit, count).points);
      expect(shown.length).toBeGreaterThan(0);
      const angles = shown.map((mark) => mark.angle).sort((a, b) => a - b);
      angles.slice(1).forEach((angle, at) => expect(angle - angles[at]!).toBeGreaterThanOrEqual(24));
      expect(shown.map((mark) => mark.minutes)).toContain(unit * count);
    }
    // Of an extension, from the paid end on.
    expect(marks(laterThan(quarter.points, "2026-11-24T08:45:00Z"), 45).map((mark) => mark.minutes)).toContain(60);
  });

  it("tells lengths as people do", () => {
    const format = new Format("en", PARIS);
    expect([45, 60, 90, 1440, 5760].map((minutes) => lengthText(minutes, format))).toEqual([
      "45 min",
      "1 h",
      "1 h 30",
      "24 h",
      "4 d 0 h",
    ]);
  });
});

describe("the beginning of a stay", () => {
  it("is free until the first point's time begins", () => {
    expect(freeUntil(quarter)).toBeNull();
    // Asked at a quarter past seven, paid from nine.
    const early = { ...curve("2026-11-24T08:00:00Z", 5, 4), start: "2026-11-24T06:15:00Z" };
    expect(freeUntil(early)).toBe("2026-11-24T08:00:00.000Z");
    expect(lengthOf(early, early.points[1]!)).toEqual({ end: "2026-11-24T08:10:00.000Z" });
  });

  it("is asked for by its length as long as nothing lies between", () => {
    expect(lengthOf(quarter, quarter.points[3]!)).toEqual({ minutes: 60 });
    const night = { ...quarter.points[3]!, end: "2026-11-25T08:10:00.000Z" };
    expect(lengthOf(quarter, night)).toEqual({ end: "2026-11-25T08:10:00.000Z" });
  });

  it("continues at the paid end when it is extended", () => {
    const { points } = quarter;
    expect(paidMinutes(points, "2026-11-24T09:00:00Z")).toBe(60);
    expect(
      laterThan(points, "2026-11-24T09:00:00Z")
        .map((point) => point.minutes)
        .slice(0, 2),
    ).toEqual([75, 90]);
    expect(laterThan(points, points.at(-1)!.end)).toEqual([]);
  });
});

describe("zones", () => {
  const north = place([zone("Zone_A", 10, 4), zone("Zone_B", 5, 5)], {
    id: "north",
    location: { lat: 48.85, lon: 2.35 },
  });
  const south = place([zone("Zone_C", 8, 0)], { id: "south", location: { lat: 43.6, lon: 3.88 } });
  const spots = spotsOf(["Zone_A", "Zone_B", "Zone_C", "Paris_1"], [north, south]);

  it("are those for sale, with what the register knows", () => {
    expect(spots.map((spot) => [spot.zone, spot.place?.id, spot.occupancy?.free])).toEqual([
      ["Zone_A", "north", 6],
      ["Zone_B", "north", 0],
      ["Zone_C", "south", 8],
      ["Paris_1", undefined, undefined],
    ]);
  });

  it("are found by distance, those without a position last", () => {
    const montpellier = { lat: 43.61, lon: 3.877 };
    const found = byDistance(spots, montpellier);
    expect(found.map((spot) => spot.zone)).toEqual(["Zone_C", "Zone_A", "Zone_B", "Paris_1"]);
    expect(Math.round(found[0]!.metres! / 100)).toBe(11);
    expect(found.at(-1)!.metres).toBeNull();
    // Paris to Montpellier, as atlases have it.
    expect(Math.round(distance({ lat: 48.8566, lon: 2.3522 }, { lat: 43.6108, lon: 3.8767 }) / 1000)).toBe(595);
  });

  it("lie where their spaces do", () => {
    const spaces = [
      space(1, { zone: "Zone_B", lat: 48.852, lon: 2.36 }),
      space(2, { zone: "Zone_B", lat: 48.854, lon: 2.36 }),
      space(3),
    ];
    const moved = withSpaces(spots, "north", spaces);
    expect(moved[1]!.location!.lat).toBeCloseTo(48.853);
    expect(moved[0]!.location).toEqual({ lat: 48.85, lon: 2.35 });
  });

  it("are found by code, however it is typed, and by name", () => {
    expect(codeOf(" Zone-Â ")).toBe("zonea");
    expect(matching(spots, "zone b").map((spot) => spot.zone)).toEqual(["Zone_B"]);
    expect(matching(spots, "ZONE").map((spot) => spot.zone)).toEqual(["Zone_A", "Zone_B", "Zone_C"]);
    expect(matching(spots, "paris1")[0]!.zone).toBe("Paris_1");
    expect(matching(spots, "nowhere")).toEqual([]);
    expect(matching(spots, " ")).toHaveLength(4);
  });
});

describe("vehicles", () => {
  beforeEach(() => localStorage.clear());
  const car = { plate: "AB-123-CD", name: "", class: "car" as const, electric: false, critair: null };

  it("have plates as they are written", () => {
    expect([plateText("ab 123 cd"), plateText("1234-xy-75"), plateText("é!")]).toEqual(["AB-123-CD", "1234XY75", ""]);
    expect([isPlate("AB-123-CD"), isPlate("A"), isPlate("12345678901234567"), isPlate("---")]).toEqual([
      true,
      false,
      false,
      false,
    ]);
  });

  it("are kept on the device, the last used first, each login's apart", () => {
    const own = new Vehicles();
    own.open("ada");
    own.put(car);
    own.put({ ...car, plate: "EF-456-GH" });
    own.put(car);
    const again = new Vehicles();
    again.open("ada");
    expect(again.list.map((one) => one.plate)).toEqual(["AB-123-CD", "EF-456-GH"]);
    again.put({ ...car, plate: "IJ-789-KL" }, "AB-123-CD");
    expect(again.list.map((one) => one.plate)).toEqual(["IJ-789-KL", "EF-456-GH"]);
    again.open("bob");
    expect(again.list).toEqual([]);
    own.clear();
    expect(localStorage.length).toBe(0);
  });

  it("come along when their driver logs in, and survive a storage that holds nonsense", () => {
    const own = new Vehicles();
    own.open(undefined);
    own.put(car);
    own.open("ada");
    expect(own.list).toEqual([car]);
    own.open(undefined);
    expect(own.list).toEqual([]);
    localStorage.setItem("parvis.vehicles.eve", "{]");
    own.open("eve");
    expect(own.list).toEqual([]);
  });
});

describe("stays", () => {
  it("are merged by version, the latest first", () => {
    const known = [stay("a", { version: 3, created_at: "2026-11-24T08:00:00Z" })];
    const read = [
      stay("a", { version: 2, created_at: "2026-11-24T08:00:00Z" }),
      stay("b", { version: 1, created_at: "2026-11-24T09:00:00Z" }),
    ];
    expect(mergeSessions(known, read).map((one) => [one.id, one.version])).toEqual([
      ["b", 1],
      ["a", 3],
    ]);
  });

  it("are open while they run or wait for money", () => {
    const at = Date.parse("2026-11-24T08:30:00Z");
    const payment = { amount: { cents: 100, currency: "EUR" }, until: "", pays_until: "" };
    expect(isOpen(stay("a"), at)).toBe(true);
    expect(isOpen(stay("a"), at + 3_600_000)).toBe(false);
    expect(isOpen(stay("a", { payment }), at + 3_600_000)).toBe(true);
    expect(isOpen(stay("a", { state: "pending" }), at)).toBe(true);
    expect(isOpen(stay("a", { state: "stopped" }), at)).toBe(false);
    // The end is told for ten minutes; who has stopped knows.
    const over = stay("a", { state: "ended" });
    const later = (minutes: number) => Date.parse(over.end) + minutes * 60_000;
    expect([isTold(over, later(1)), isTold(over, later(11))]).toEqual([true, false]);
    expect(isTold(stay("a", { state: "stopped" }), later(1))).toBe(false);
  });

  it("count down to their last second", () => {
    expect([0, 999, 1001, 59_001, 3_600_000, 7_325_000].map(clockText)).toEqual([
      "0:00",
      "0:01",
      "0:02",
      "1:00",
      "1:00:00",
      "2:02:05",
    ]);
  });
});

describe("what the API refuses", () => {
  beforeEach(() => prefs.setLanguage("en"));
  const format = new Format("en", PARIS);
  const refusal = (slug: string, members: Record<string, unknown>, status = 422) =>
    new ApiError(status, "T", "D", [], slug, members);

  it("is said with its time by the zone's clock", () => {
    const opens = refusal("tariff-refusal", { reason: "outsideOperatingHours", opens_at: "2026-11-23T08:00:00Z" });
    expect(failureText(opens, format)).toBe("There is nothing to pay now. Paid hours begin Mon 23 Nov 09:00.");
    const parked = refusal("session-refusal", { reason: "already_parked", until: "2026-11-23T08:00:00Z" }, 409);
    expect(failureText(parked, format)).toContain("Mon 23 Nov 09:00");
    // Of somebody else's stay no end is told.
    expect(failureText(refusal("session-refusal", { reason: "already_parked" }, 409), format)).toContain(
      "somebody else",
    );
    expect(failureText(refusal("tariff-refusal", { reason: "noReturnPeriod" }), format)).toContain("somebody else");
    const little = { due: { cents: 20, currency: "EUR" }, least: { cents: 50, currency: "EUR" } };
    expect(failureText(refusal("amount-too-small", little), format)).toContain("0.50");
    expect(failureText(refusal("payment-declined", { code: "card_declined" }, 402), format)).toContain("card_declined");
    expect(failureText(refusal("tariff-refusal", { reason: "somethingNew" }), format)).toBe("That did not work: D");
  });

  it("is repeated only when nothing is known of it", () => {
    expect([new Error("x"), refusal("", {}, 503), refusal("", {}, 422)].map(mayRepeat)).toEqual([true, true, false]);
  });

  it("has a text in both languages for every key, with the same placeholders", () => {
    const holes = (text: string) => [...text.matchAll(/\{(\w+)\}/g)].map((match) => match[1]).sort();
    expect(Object.keys(paymentTexts.fr).sort()).toEqual(Object.keys(paymentTexts.en).sort());
    for (const [key, text] of Object.entries(paymentTexts.en)) {
      const other = paymentTexts.fr[key as PaymentKey];
      expect(typeof other, key).toBe(typeof text);
      const [a, b] = [text, other].map((one) => (typeof one === "string" ? one : one.other));
      expect(holes(b!), key).toEqual(holes(a!));
    }
  });
});

describe("figures", () => {
  const row = (key: string, net: number): RevenueRow => ({
    key,
    sessions: 1,
    refunds: 0,
    gross: net,
    refunded: 0,
    net,
    minutes: 60,
  });
  const revenue = (rows: RevenueRow[]) => ({ from: "", to: "", rows, total: row("total", 0) });

  it("are asked for whole local days, also when clocks change", () => {
    expect(rangeOf("2026-10-25", "2026-10-25", PARIS)).toEqual({
      from: "2026-10-24T22:00:00.000Z",
      to: "2026-10-25T23:00:00.000Z",
    });
    expect([rangeOf("2026-10-25", "2026-10-24", PARIS), rangeOf("", "2026-10-24", PARIS)]).toEqual([null, null]);
  });

  it("show every hour of the day, and zones by what they earn", () => {
    expect(
      shownRows("hour", revenue([row("09", 5)]))
        .map((one) => one.net)
        .slice(8, 11),
    ).toEqual([0, 5, 0]);
    expect(shownRows("hour", revenue([]))).toHaveLength(24);
    expect(shownRows("zone", revenue([row("A", 1), row("B", 2)])).map((one) => one.key)).toEqual(["B", "A"]);
  });

  it("become a CSV that no spreadsheet runs", () => {
    const csv = revenueCsv("zone", [row("=1+1", 250), row('a,"b"', -5)], "EUR");
    expect(csv.split("\r\n")).toEqual([
      "zone,sessions,refunds,gross,refunded,net,currency,minutes",
      "'=1+1,1,0,2.50,0.00,2.50,EUR,60",
      '"a,""b""",1,0,-0.05,0.00,-0.05,EUR,60',
      "",
    ]);
  });

  it("findings are shown where they are, whatever the letters", () => {
    const text = "name = 'x'\nnote = '🚗é' # here\nend";
    expect(text.slice(offsetOf(text, { line: 2, column: 13 }))).toBe("# here\nend");
    expect(offsetOf(text, { line: 99, column: 1 })).toBe(text.length);
  });
});

it("publishable keys tell the provider", () => {
  expect(["pk_test_parvis", "pk_live_1", "pk_test_51", "", "sk_live_1"].map(providerOf)).toEqual([
    "test",
    "stripe",
    "stripe",
    "none",
    "none",
  ]);
});

it("payment pages have addresses of their own", () => {
  expect(parseRoute("#/pay?zone=Zone_A")).toEqual({ page: "park", query: { zone: "Zone_A" } });
  expect(parseRoute("#/pay/stays?session=1")).toEqual({ page: "stays", query: { session: "1" } });
  expect(parseRoute("#/pay/nonsense").page).toBe("park");
  expect(parseRoute(links.pay("tariffs"))).toEqual({ page: "tariffs", query: {} });
  expect(links.pay("park", { zone: "" })).toBe("#/pay");
  expect([isPayment(parseRoute("#/pay")), isPayment(parseRoute("#/bookings"))]).toEqual([true, false]);
});
