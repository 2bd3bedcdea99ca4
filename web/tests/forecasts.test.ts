import { describe, expect, it } from "vitest";
import { columns, hourly, ratesOf } from "../src/lib/forecasts/bands";
import { heatMap } from "../src/lib/forecasts/heat";
import { evidenceText, watchedText } from "../src/lib/forecasts/maintenance";
import { factText, measureText, refusalText, valueText } from "../src/lib/forecasts/sentences";
import { forecastTexts } from "../src/lib/forecasts/texts";
import type { SeriesInfo, Step } from "../src/lib/forecasts/types";
import { Format } from "../src/lib/format";
import { prefs } from "../src/lib/prefs.svelte";
import { links, parseRoute } from "../src/lib/router.svelte";

const format = new Format("en", "Europe/Paris");

function step(at: string, median: number, half: number, more: Partial<Step> = {}): Step {
  const band = (width: number) => ({ low: median - width, high: median + width });
  return {
    at,
    open: true,
    mean: median,
    median,
    band_50: band(half / 2),
    band_80: band(half),
    band_95: band(2 * half),
    chance_of_place: 0.9,
    ...more,
  };
}

describe("texts of forecasts", () => {
  it("have the same placeholders in both languages", () => {
    const names = (text: unknown) => [...new Set(JSON.stringify(text).match(/\{\w+\}/g) ?? [])].sort();
    for (const key of Object.keys(forecastTexts.en) as (keyof typeof forecastTexts.en)[])
      expect([key, names(forecastTexts.fr[key])]).toEqual([key, names(forecastTexts.en[key])]);
  });
});

describe("bands", () => {
  it("of free places become occupancy, with the ends exchanged", () => {
    const [point] = ratesOf([step("2026-11-21T10:00:00Z", 30, 10)], 200);
    expect(point).toMatchObject({ median: 85, low80: 80, high80: 90, low95: 75, high95: 95 });
  });

  it("of an hour are the means of its steps", () => {
    const quarters = [0, 15, 30, 45].map((minute, n) =>
      step(`2026-11-21T10:${String(minute).padStart(2, "0")}:00Z`, 40 - 10 * n, 4),
    );
    const hours = hourly(ratesOf([...quarters, step("2026-11-21T11:00:00Z", 100, 4)], 100));
    expect(hours.map(({ at, median }) => [at - Date.parse("2026-11-21T10:00:00Z"), median])).toEqual([
      [0, 75],
      [3_600_000, 0],
    ]);
  });

  it("share one axis with what was observed", () => {
    const [a, b] = [Date.parse("2026-11-21T10:00:00Z"), Date.parse("2026-11-21T11:00:00Z")];
    const point = { at: b, median: 5, low80: 4, high80: 6, low95: null, high95: null };
    const table = columns(
      [
        { at: b, value: 7 },
        { at: a, value: 3 },
      ],
      [point],
    );
    expect(table).toMatchObject({
      at: [a, b],
      value: [3, 7],
      median: [null, 5],
      low80: [null, 4],
      low95: [null, null],
    });
  });
});

describe("the heat map", () => {
  it("has a row per local day and tells how full an hour is, and its worst chance", () => {
    const steps = [
      // 23:00 and 00:30 in Paris.
      step("2026-11-20T22:00:00Z", 50, 5, { chance_of_place: 0.8 }),
      step("2026-11-20T22:15:00Z", 30, 5, { chance_of_place: 0.4 }),
      step("2026-11-20T23:30:00Z", 0, 5),
    ];
    const days = heatMap(steps, "free_spaces", 100, format);
    expect(days.map(({ day }) => day)).toEqual(["2026-11-20", "2026-11-21"]);
    expect(days[0]!.cells[23]).toMatchObject({ value: 40, level: 0.6, chance: 0.4 });
    expect(days[1]!.cells[0]).toMatchObject({ value: 0, level: 1 });
    expect(days[0]!.cells[3]).toBeNull();
  });

  it("of amounts is as dark as the week's highest", () => {
    const steps = [step("2026-11-21T10:00:00Z", 80, 5), step("2026-11-21T12:00:00Z", 20, 5)];
    const cells = heatMap(steps, "amount", null, format)[0]!.cells;
    expect([cells[11]!.level, cells[13]!.level]).toEqual([1, 0.25]);
  });
});

describe("sentences", () => {
  prefs.setLanguage("en");
  const info = { series: "parking/gare", unit: "free_spaces", step_minutes: 15 } as SeriesInfo;

  it("say facts and refusals in the page's language", () => {
    const fact = (fact: Record<string, unknown>) => factText({ fact, text: "as the server says" }, info, format);
    expect(fact({ fact: "level", percent: -12.3 })).toBe("Lately it has been 12% below the usual level.");
    expect(fact({ fact: "past_error", mae: 3.25, model: "GLM" })).toContain("off by 3.3 places on average");
    expect(fact({ fact: "news" })).toBe("as the server says");
    const stuck = { reason: "stuck", since: "2026-11-01T07:15:00Z", value: 17 };
    expect(refusalText(stuck, format)).toBe("its source has been stuck at 17 since 1 Nov, 08:15.");
  });

  it("name measures and values with their units", () => {
    expect(measureText("coworking/parvis/revenue-CHF")).toBe("revenue in CHF");
    expect(measureText("coworking/parvis/parking")).toBe("parking spaces taken");
    expect(valueText(12.5, { series: "coworking/parvis/revenue-EUR", unit: "amount" }, format)).toBe("€12.50");
    expect(valueText(3.14, { series: "fed/arrivals", unit: "count" }, format)).toBe("3.1");
  });
});

describe("routes of forecasts", () => {
  it("carry the series", () => {
    const hash = links.forecasts("accuracy", "parking/gare/Zone A");
    expect(parseRoute(hash)).toEqual({ page: "accuracy", series: "parking/gare/Zone A" });
    expect(parseRoute("#/forecasts/nothing")).toEqual({ page: "outlook", series: "" });
  });
});

describe("the maintenance board", () => {
  it("says what is watched, how much is known and from when more is", () => {
    const at = "2026-11-21T10:00:00Z";
    const place = { place: "gare", things: 40, foretold: 12, too_little: 20, from: "2026-11-28T10:00:00Z", at };
    expect(watchedText(place, format)).toMatch(
      /^gare: 40 sensors; 12 known well enough .*; 20 with a battery .* 28 Nov/,
    );
    const equipment = { place: null, things: 1, foretold: 0, too_little: 1, from: null, at };
    expect(watchedText(equipment, format)).toMatch(
      /^Booked equipment: 1 piece; 1 of kinds .*fewer than three failures/,
    );
  });

  it("tells a battery that is nearly empty", () => {
    expect(evidenceText({ evidence: "low_battery", percent: 5, floor: 10 }, format)).toMatch(
      /^5.?% left: at or below 10.?%/,
    );
  });
});
