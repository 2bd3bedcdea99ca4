/** Forecasts of a car park and of bookings with a made-up past, in a browser, against a running stack. */
import { beforeAll, describe, expect, it } from "vitest";
import type { Page } from "playwright-core";
import { as } from "./support/api";
import { loginAs, newPage, openLive, useBrowser, violations } from "./support/browser";
import { carParkWithPast, forecastNow, siteWithPast, until, wornPrinter } from "./support/forecasts";
import { useSensor } from "./support/sensor";

useBrowser();
useSensor();

let park: string;
let site: string;
/** A work order: a printer of the site that has done more hours than others like it. */
let order: string;
const stateOf = async (path: string) => (await as<{ state: string }>("manager", "GET", path)).state;

beforeAll(async () => {
  [park, site] = await Promise.all([carParkWithPast(), siteWithPast()]);
  order = await wornPrinter(site);
  await forecastNow();
  for (const path of [`/v1/forecasts/${park}`, `/v1/demand/${site}/room`, `/v1/demand/${site}/revenue-EUR`])
    await until(() => stateOf(path), "forecast", 180_000);
  type Board = { orders: { id: string }[] };
  const found = async () => (await as<Board>("agent", "GET", "/v1/maintenance")).orders.some(({ id }) => id === order);
  await until(found, true, 60_000);
}, 300_000);

const percent = (text: string) => Number(/(\d+)\s?%/.exec(text)?.[1]);
/** A local time of the car park within the coming week, as its input takes it. */
function inDays(days: number, time: string): string {
  const day = new Intl.DateTimeFormat("en-CA", { timeZone: "Europe/Paris" }).format(Date.now() + days * 86_400_000);
  return `${day}T${time}`;
}
async function openForecasts(page: Page, name: "" | "/accuracy" | "/backtest", series: string): Promise<void> {
  await page.goto(`/#/forecasts${name}?${new URLSearchParams({ series })}`);
}

describe("the dashboard", () => {
  it("has forecast bands over its charts", async () => {
    const page = await newPage();
    await openLive(page, `#/parking/${park}`);
    for (const panel of ["recent", "hourly"]) await page.getByTestId(panel).getByTestId("band-key").waitFor();
    await page.getByTestId("hourly").getByText("Values as a table").click();
    // Hours to come are told in the table too.
    await page.getByTestId("hourly").locator("td", { hasText: "expected" }).first().waitFor();
  });

  it("tells the chance of a place on arrival, and a better time", async () => {
    const page = await newPage();
    await openLive(page, `#/parking/${park}`);
    const chance = async () => percent(await page.getByTestId("arrival-chance").innerText());
    const when = page.getByTestId("arrival-when");
    // Taken once: the test may run over midnight.
    const day = inDays(2, "").slice(0, 10);
    await when.fill(`${day}T03:00`);
    await expect.poll(chance).toBeGreaterThan(95);
    // Full for hours: the best near it is the evening.
    await when.fill(`${day}T17:30`);
    const better = page.getByTestId("arrival").getByRole("button", { name: /Take/ });
    await better.waitFor();
    const before = await chance();
    await better.click();
    await expect.poll(chance).toBeGreaterThan(before);
    expect(await when.inputValue()).toBe(`${day}T19:00`);
    expect(await violations(page)).toEqual([]);
  });
});

describe("the week ahead", () => {
  it("is drawn, told hour by hour and explained", async () => {
    const page = await newPage();
    await openForecasts(page, "", `parking/${park}`);
    await page.locator("[data-testid=week] canvas").waitFor();
    const level = async (hour: number) =>
      Number(
        await page
          .locator(`[data-testid=heat] tbody tr:nth-child(3) td:nth-of-type(${hour + 1})`)
          .getAttribute("data-level"),
      );
    await expect.poll(() => level(11)).toBeGreaterThan(0.85);
    expect(await level(3)).toBeLessThan(0.3);
    expect(await page.getByTestId("why").innerText()).toMatch(/usual course of the week, known from 2[78] days/);
    expect(await page.getByTestId("models").locator("tbody tr").count()).toBeGreaterThan(0);
    expect(await page.getByTestId("series").inputValue()).toBe(`parking/${park}`);
  });

  it("is in sight on a phone, in both colours, and axe finds nothing", async () => {
    for (const colorScheme of ["light", "dark"] as const) {
      const page = await newPage({ colorScheme, viewport: { width: 390, height: 844 } });
      for (const [name, sign] of [
        ["", "heat"],
        ["/accuracy", "days"],
      ] as const) {
        await openForecasts(page, name, `parking/${park}`);
        await page.getByTestId(sign).waitFor();
        expect([name, await violations(page)]).toEqual([name, []]);
        expect([name, await page.evaluate(() => document.documentElement.scrollWidth)]).toEqual([name, 390]);
      }
    }
  });
});

describe("accuracy", () => {
  it("is each day's forecast against what came, with what was made afterwards marked", async () => {
    const page = await newPage();
    await openForecasts(page, "/accuracy", `parking/${park}`);
    const rows = page.locator("[data-testid=days] tbody tr");
    await rows.first().waitFor();
    expect(await rows.count()).toBeGreaterThanOrEqual(6);
    expect(await rows.first().innerText()).toContain("*");
    await page.getByText("Forecast afterwards, with nothing but what was known").waitFor();
    // The noise of the made-up past is known: nobody can be within 1 or beyond 30 places of it.
    const error = Number(/([\d.]+)/.exec(await page.getByTestId("accuracy.error").locator(".number").innerText())?.[1]);
    expect(error).toBeGreaterThan(1);
    expect(error).toBeLessThan(30);
    await page.locator("[data-testid=came] canvas").waitFor();
  });
});

describe("a backtest", () => {
  it("is for staff, runs on the live series and tells errors by model", async () => {
    const page = await newPage();
    await openForecasts(page, "/backtest", `parking/${park}`);
    await page.getByText("Log in as staff").waitFor();
    await loginAs(page, "agent");
    await openForecasts(page, "/backtest", `parking/${park}`);
    await page.getByTestId("backtest-form").getByLabel("From").fill(inDays(-7, "00:00").slice(0, 10));
    await page.getByTestId("backtest-run").click();
    await page.locator("[data-testid=backtest][data-state=measured]").waitFor({ timeout: 120_000 });
    const models = page.locator("[data-testid=contenders] tbody tr");
    expect(await models.count()).toBe(4);
    const chosen = await page.locator("[data-testid=contenders] [data-model=chosen]").innerText();
    expect(chosen).toMatch(/What Parvis takes\s+[\d.]+ places/);
    await page.getByTestId("backtest-gain").waitFor();
    await page.locator("[data-testid=backtest] canvas").waitFor();
    expect(await violations(page)).toEqual([]);
  }, 150_000);
});

describe("bookings", () => {
  it("have their demand forecast for staff, and their revenue for managers", async () => {
    const page = await newPage();
    await page.goto("/#/forecasts");
    await loginAs(page, "manager");
    await openForecasts(page, "", `coworking/${site}/room`);
    await page.locator("[data-testid=week] canvas").waitFor();
    // All rooms are taken from ten to noon on working days.
    expect(await page.getByTestId("advice").innerText()).toMatch(/Staff the reception on .+ from 10 to 12 o’clock/);
    expect(await page.getByTestId("week").innerText()).toContain("rooms taken");
    await page.getByTestId("series").selectOption(`coworking/${site}/revenue-EUR`);
    await expect.poll(() => page.getByTestId("week").innerText()).toContain("revenue in EUR");
    expect(await page.getByTestId("models").innerText()).toContain("€");
    expect(await violations(page)).toEqual([]);
  });
});

describe("the maintenance board", () => {
  it("is for staff and moves orders from found to planned and done", async () => {
    const page = await newPage();
    await page.goto("/#/forecasts/maintenance");
    await page.getByText("Log in as staff to see what needs looking after.").waitFor();
    await loginAs(page, "manager");
    await page.goto("/#/forecasts/maintenance");
    const card = (column: string) => page.getByTestId(`column-${column}`).locator(`[data-id="${order}"]`);
    await card("proposed")
      .getByRole("button", { name: /^Plan for/ })
      .click();
    await card("planned").getByRole("button", { name: "Close…" }).click();
    await card("planned").getByRole("button", { name: "It was so" }).click();
    await card("over").waitFor();
    expect(await card("over").innerText()).toContain("mended or replaced");
    await page.getByText(/Worn: \d+ of \d+/).waitFor();
    expect(await violations(page)).toEqual([]);
  });
});
