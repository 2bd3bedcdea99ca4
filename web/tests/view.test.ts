import { describe, expect, it } from "vitest";
import { challengeOf, claimsOf, groupsOf } from "../src/lib/auth/oidc";
import { asPercent, Format, fromLocalInput, toLocalInput } from "../src/lib/format";
import { en } from "../src/lib/i18n/en";
import { fr } from "../src/lib/i18n/fr";
import { preferred, translate } from "../src/lib/i18n/translate";
import { cluster, freeLabels } from "../src/lib/map/cluster";
import {
  fit,
  fromScreen,
  graticule,
  mainGroup,
  project,
  scaleBar,
  toScreen,
  unproject,
  zoom,
} from "../src/lib/map/projection";
import {
  BAY_WIDTH,
  groupByZone,
  neighbour,
  rowsOf,
  surveyed,
  surveyedZones,
  zoneCorners,
} from "../src/lib/plan/layout";
import { links, parseRoute } from "../src/lib/router.svelte";
import { sortPlaces } from "../src/pages/overview/sort";
import { place, space, zone } from "./samples";

/** Narrow and unbreakable spaces, which Intl uses, as plain ones. */
const plain = (text: string) => text.replace(/\s/g, " ");

describe("texts", () => {
  it("have the same placeholders in both languages", () => {
    const names = (text: unknown) => [...new Set(JSON.stringify(text).match(/\{\w+\}/g) ?? [])].sort();
    for (const key of Object.keys(en) as (keyof typeof en)[])
      expect([key, names(fr[key])]).toEqual([key, names(en[key])]);
  });

  it("choose the plural of the language", () => {
    expect(translate("fr", "cards.unknown", { n: 0 })).toBe("0 inconnue");
    expect(translate("fr", "cards.unknown", { n: 2 })).toBe("2 inconnues");
    expect(translate("en", "cards.inZones", { n: 0 })).toBe("in 0 zones");
  });

  it("follow the browser, and are French where it says neither", () => {
    expect(preferred(["de-DE", "en-US", "fr"])).toBe("en");
    expect(preferred(["de-DE"])).toBe("fr");
  });
});

describe("dates and numbers", () => {
  it("are those of the place, whatever the browser's zone", () => {
    expect(new Format("fr", "Europe/Paris").seconds("2026-07-01T10:00:00Z")).toBe("12:00:00");
    expect(new Format("en", "America/Guadeloupe").time("2026-07-01T10:00:00Z")).toBe("06:00");
  });

  it("name the zone with its offset of the day", () => {
    expect(new Format("fr", "Europe/Paris").zoneName("2026-07-01T10:00:00Z")).toBe("Europe/Paris (UTC+2)");
    expect(new Format("fr", "Europe/Paris").zoneName("2026-01-01T10:00:00Z")).toBe("Europe/Paris (UTC+1)");
    expect(new Format("en", "Mars/Olympus").time("2026-01-01T10:00:00Z")).toBe("10:00");
  });

  it("show today's moments by the time alone", () => {
    const format = new Format("en", "Europe/Paris");
    const now = Date.parse("2026-01-02T00:30:00Z");
    expect(format.moment("2026-01-01T23:30:00Z", now)).toBe("00:30:00");
    expect(format.moment("2026-01-01T22:30:00Z", now)).toBe("1 Jan, 23:30");
  });

  it("write durations and percentages", () => {
    const format = new Format("fr", "Europe/Paris");
    expect([45, 720, 7500, 273_600].map((seconds) => format.duration(seconds))).toEqual([
      "45 s",
      "12 min",
      "2 h 05",
      "3 j 4 h",
    ]);
    expect(plain(format.percent(66.67, 1))).toBe("66,7 %");
    expect([asPercent(0.95), asPercent(95)]).toEqual([95, 95]);
  });

  it("read the export's range in the place's zone, across clock changes", () => {
    for (const instant of [
      "2026-01-15T12:00:00Z",
      "2026-07-15T12:00:00Z",
      "2026-03-29T00:30:00Z",
      "2026-03-29T01:30:00Z",
    ]) {
      const at = Date.parse(instant);
      expect(fromLocalInput(toLocalInput(at, "Europe/Paris"), "Europe/Paris")).toBe(at);
    }
    expect(fromLocalInput("", "Europe/Paris")).toBeNaN();
  });
});

describe("routes", () => {
  it("keep every place's name", () => {
    for (const id of ["default", "a.b-c_d", "é/ ?"])
      expect(parseRoute(links.dashboard(id))).toEqual({ page: "dashboard", place: id });
  });

  it("are forgiving", () => {
    expect(parseRoute("")).toEqual({ page: "dashboard", place: null });
    expect(parseRoute("#/parking/%E0%A4%A")).toEqual({ page: "dashboard", place: "%E0%A4%A" });
    expect(parseRoute("#/places")).toEqual({ page: "places" });
    expect(parseRoute("#/admin/x")).toEqual({ page: "admin", place: "x" });
  });
});

describe("the plan", () => {
  const spaces = Array.from({ length: 10 }, (_, index) => space(index + 1));

  it("evens out its rows and faces them to an aisle", () => {
    const plan = rowsOf(spaces, 9 * BAY_WIDTH);
    expect(plan.width).toBe(5 * BAY_WIDTH);
    expect(plan.bays.map((bay) => bay.opens)).toEqual([...Array(5).fill("down"), ...Array(5).fill("up")]);
    expect(plan.aisles).toHaveLength(1);
  });

  it("never lets two bays overlap, in rows or surveyed", () => {
    const measured = spaces.map((one, index) => ({ ...one, x: (index % 4) * 2.5, y: Math.floor(index / 4) * 5 }));
    for (const plan of [rowsOf(spaces, 3 * BAY_WIDTH), surveyed(measured)]) {
      for (const [index, a] of plan.bays.entries()) {
        for (const b of plan.bays.slice(index + 1)) {
          const apart =
            a.x + a.width <= b.x + 0.01 ||
            b.x + b.width <= a.x + 0.01 ||
            a.y + a.height <= b.y + 0.01 ||
            b.y + b.height <= a.y + 0.01;
          expect(apart).toBe(true);
        }
      }
    }
  });

  it("keeps the order of surveyed spaces, but not the emptiness between them", () => {
    const lot = [space(1, { x: 0, y: 0 }), space(2, { x: 2.5, y: 0 }), space(9, { zone: "Zone_B", x: 0, y: 500 })];
    const plan = surveyed(lot);
    expect(plan.height).toBeLessThan(300);
    expect(zoneCorners(plan).get("Zone_B")!.y).toBeGreaterThan(zoneCorners(plan).get("Zone_A")!.y);
    // A single space has no size to be drawn in.
    expect([...surveyedZones(groupByZone(lot))]).toEqual(["Zone_A"]);
  });

  it("is walked by the arrow keys", () => {
    const { bays } = rowsOf(spaces, 9 * BAY_WIDTH);
    expect(neighbour(bays, 0, "ArrowRight")).toBe(1);
    expect(neighbour(bays, 1, "ArrowDown")).toBe(6);
    expect(neighbour(bays, 6, "ArrowUp")).toBe(1);
    expect(neighbour(bays, 0, "ArrowLeft")).toBe(0);
  });
});

describe("the map", () => {
  const size = { width: 600, height: 400 };
  const cities = [project(43.61, 3.88), project(48.85, 2.35)];

  it("projects there and back", () => {
    const there = unproject(project(43.6087, 3.8888));
    expect(there.lat).toBeCloseTo(43.6087, 9);
    expect(there.lon).toBeCloseTo(3.8888, 9);
  });

  it("shows all points inside its margins", () => {
    const view = fit(cities, size, 50);
    for (const city of cities) {
      const { x, y } = toScreen(city, view, size);
      expect(x).toBeGreaterThanOrEqual(49.9);
      expect(x).toBeLessThanOrEqual(550.1);
      expect(y).toBeGreaterThanOrEqual(49.9);
      expect(y).toBeLessThanOrEqual(350.1);
    }
  });

  it("shows the city first when something lies far from it", () => {
    const city = [project(43.61, 3.88), project(43.6, 3.9), project(43.63, 3.85), project(43.58, 3.86)];
    const paris = project(48.85, 2.35);
    expect(mainGroup([...city, paris])).toEqual(city);
    expect(mainGroup([city[0]!, paris])).toEqual([city[0], paris]);
    expect(mainGroup(cities)).toEqual(cities);
  });

  it("zooms about the pointer", () => {
    const view = fit(cities, size);
    const anchor = { x: 120, y: 310 };
    const before = fromScreen(anchor, view, size);
    const after = fromScreen(anchor, zoom(view, size, 3, anchor), size);
    expect(after.x).toBeCloseTo(before.x, 12);
    expect(after.y).toBeCloseTo(before.y, 12);
  });

  it("has a round scale and a graticule of known degrees", () => {
    const view = fit(cities, size);
    expect([1, 2, 5]).toContain(Number(String(scaleBar(view, 110).metres)[0]));
    expect(scaleBar(view, 110).pixels).toBeLessThanOrEqual(110);
    for (const line of graticule(view, size).meridians) {
      expect(unproject(fromScreen({ x: line.at, y: 0 }, view, size)).lon).toBeCloseTo(line.degrees, 6);
    }
  });

  it("joins only what would cover each other", () => {
    const points = [
      { x: 0, y: 0, item: "a" },
      { x: 30, y: 5, item: "b" },
      { x: 30, y: 40, item: "c" },
    ];
    expect(cluster(points, 54).map((one) => one.members)).toEqual([["a", "b"], ["c"]]);
  });

  it("shows labels only where they are free", () => {
    const box = (x: number) => ({ x, y: 10, width: 50, height: 10 });
    expect(freeLabels([box(0), box(40), box(100), box(580)], [], size)).toEqual([true, false, true, false]);
  });
});

describe("the list of places", () => {
  const sample = (id: string, occupied: number, level: "normal" | "busy") => {
    const only = zone("all", 100, occupied);
    return place([only], { id, name: id, level, occupancy: only.occupancy });
  };
  const places = [sample("Été", 20, "normal"), sample("Zoo", 75, "busy"), sample("Est", 20, "normal")];

  it("sorts names as people do, and figures with names as tie-break", () => {
    expect(sortPlaces(places, "name", false, "fr").map((one) => one.name)).toEqual(["Est", "Été", "Zoo"]);
    expect(sortPlaces(places, "free", true, "fr").map((one) => one.name)).toEqual(["Est", "Été", "Zoo"]);
    expect(sortPlaces(places, "level", true, "fr")[0]?.name).toBe("Zoo");
  });
});

describe("login", () => {
  it("makes the challenge of RFC 7636, appendix B", async () => {
    expect(await challengeOf("dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk")).toBe(
      "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM",
    );
  });

  it("reads names and groups, whatever form they have", () => {
    const part = Buffer.from(JSON.stringify({ name: "Zoé", "cognito:groups": ["manager"] })).toString("base64url");
    expect(claimsOf(`x.${part}.y`)).toMatchObject({ name: "Zoé" });
    expect(claimsOf("rubbish")).toEqual({});
    expect(groupsOf({ "cognito:groups": "[admin manager]" })).toEqual(["admin", "manager"]);
    expect(groupsOf({})).toEqual([]);
  });
});
