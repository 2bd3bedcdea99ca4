import { beforeAll, describe, expect, it } from "vitest";
import type { Page } from "playwright-core";
import { figure, linkState, loginAs, newPage, openLive, spaceAt, useBrowser } from "./support/browser";
import { buildCarPark } from "./support/car-park";
import { publishCount, publishReading, useSensor } from "./support/sensor";

useBrowser();
useSensor();

let park: string;
beforeAll(async () => {
  park = await buildCarPark();
});
const openPark = (page: Page) => openLive(page, `#/parking/${park}`);

const opposite = { free: "occupied", occupied: "free", unknown: "occupied" } as const;

async function statusOf(
  page: Parameters<typeof spaceAt>[0],
  zone: string,
  number: number,
): Promise<"free" | "occupied" | "unknown"> {
  return (await spaceAt(page, zone, number).getAttribute("data-status")) as "free" | "occupied" | "unknown";
}

describe("the dashboard of the default car park", () => {
  it("shows the 24 spaces, the four cards and the three zones", async () => {
    const page = await newPage();
    await openLive(page);
    await expect.poll(() => page.locator("[data-testid^=space-Zone_]").count()).toBe(24);
    // The simulator goes on meanwhile: the four agree as soon as all have followed.
    const cards = () => Promise.all((["total", "free", "occupied", "rate"] as const).map((card) => figure(page, card)));
    const consistent = async () => {
      const [total, free, occupied, rate] = (await cards()) as [number, number, number, number];
      return total === 24 && free + occupied <= 24 && Math.abs(rate - (100 * occupied) / 24) < 0.1;
    };
    await expect.poll(consistent).toBe(true);
    for (const zone of ["Zone_A", "Zone_B", "Zone_C"]) await page.getByTestId(`zone-${zone}`).waitFor();
    await expect.poll(() => page.getByTestId("timezone").innerText()).toContain("Europe/Paris");
    await page.locator("[data-testid=recent] canvas").waitFor();
    await page.locator("[data-testid=hourly] canvas").waitFor();
  });

  it("follows a sensor without reloading, in the plan, the cards and the journal", async () => {
    const page = await newPage();
    await openPark(page);
    await page.evaluate(() => ((window as { marker?: string }).marker = "not reloaded"));
    const before = await statusOf(page, "Zone_A", 3);
    const next = opposite[before];
    await publishReading(park, "Zone_A", 3, next);
    await spaceAt(page, "Zone_A", 3, next).waitFor();
    // Cards and plan say the same.
    const taken = () => page.locator("[data-testid^=space-Zone_][data-status=occupied]").count();
    await expect.poll(async () => (await figure(page, "occupied")) - (await taken())).toBe(0);
    const journal = page.locator("[data-testid=journal] tbody");
    await expect
      .poll(() => journal.innerText())
      .toMatch(next === "occupied" ? /Arrival\s+Zone A\s+3\b/ : /Departure\s+Zone A\s+3\b/);
    expect(await page.evaluate(() => (window as { marker?: string }).marker)).toBe("not reloaded");
  });

  it("gives every space's details", async () => {
    const page = await newPage();
    await openPark(page);
    await publishReading(park, "Zone_B", 11, opposite[await statusOf(page, "Zone_B", 11)]);
    await spaceAt(page, "Zone_B", 11).click();
    const details = await page.getByTestId("space-details").innerText();
    for (const term of ["Space 11", "Since", "Last reading", "Battery", "Confidence", "Sensor"])
      expect(details).toContain(term);
  });
});

describe("a lost connection", () => {
  it("is shown, and caught up with when it returns", async () => {
    const page = await newPage();
    await openPark(page);
    const before = await statusOf(page, "Zone_C", 17);
    await page.context().setOffline(true);
    await linkState(page, "lost").waitFor();
    const banner = await page.getByTestId("link-banner").innerText();
    expect(banner).toContain("Connection lost");
    expect(banner).toMatch(/\d\d:\d\d:\d\d/);
    await expect.poll(() => page.getByTestId("announcer").innerText()).toContain("Connection lost");

    const next = opposite[before];
    await publishReading(park, "Zone_C", 17, next);
    await new Promise((done) => setTimeout(done, 1_500));
    // What cannot be known is not shown as if it were.
    expect(await statusOf(page, "Zone_C", 17)).toBe(before);
    expect(await linkState(page, "live").count()).toBe(0);

    await page.context().setOffline(false);
    await linkState(page, "live").waitFor();
    await spaceAt(page, "Zone_C", 17, next).waitFor();
    await expect.poll(() => page.getByTestId("link-banner").count()).toBe(0);
  });

  it("of MQTT alone leaves the page reading over HTTP", async () => {
    const page = await newPage();
    await page.routeWebSocket(/.*/, (socket) => void socket.close());
    await page.goto(`/#/parking/${park}`);
    await linkState(page, "polling").waitFor();
    const before = await statusOf(page, "Zone_C", 18);
    const next = opposite[before];
    await publishReading(park, "Zone_C", 18, next);
    await spaceAt(page, "Zone_C", 18, next).waitFor({ timeout: 15_000 });
    await expect.poll(() => page.getByTestId("link-banner").innerText()).toContain("every 10 seconds");
  });
});

describe("a car park that is only counted", () => {
  it("is imported from a file, and has figures and charts but no plan of spaces it does not know", async () => {
    const page = await newPage();
    await openLive(page, "#/places");
    // The mock brings one, a stack of our own gets one.
    const counted = (await countedPlace(page)) ?? (await importCountedPlace(page));
    await openLive(page, `#/parking/${counted}`);
    await page.getByTestId("card-free").waitFor();
    await page.locator("[data-testid=recent] canvas").waitFor();
    await expect.poll(() => page.getByTestId("plan").count()).toBe(0);
    await expect.poll(() => page.getByTestId("journal").count()).toBe(0);
  });
});

async function countedPlace(page: Page): Promise<string | undefined> {
  return page.evaluate(async () => {
    const { places } = (await (await fetch("/v1/places")).json()) as {
      places: { id: string; zones: { source: string }[] }[];
    };
    return places.find(({ zones }) => zones.length > 0 && zones.every(({ source }) => source === "counter"))?.id;
  });
}

async function importCountedPlace(page: Page): Promise<string> {
  const id = `counted-${Date.now().toString(36)}`;
  const text = `place,name,lat,lon,capacity,timezone\n${id},Counted ${id},43.61,3.88,120,Europe/Paris\n`;
  await loginAs(page, "manager");
  await page.getByRole("link", { name: "Administration" }).click();
  await page.locator("input[type=file]").setInputFiles({
    name: "car-parks.csv",
    mimeType: "text/csv",
    buffer: Buffer.from(text),
  });
  await page.locator("form:has(input[type=file]) button").click();
  await page.getByTestId("saved").waitFor();
  await publishCount(id, "main", 42);
  await expect.poll(() => countedPlace(page), { timeout: 20_000 }).toBe(id);
  return id;
}

describe("all car parks", () => {
  it("are listed with a way to each", async () => {
    const page = await newPage();
    await openLive(page, "#/places");
    const rows = page.locator("[data-testid=places] tbody tr");
    await expect.poll(() => rows.count()).toBeGreaterThan(0);
    await page.getByRole("link", { name: "Parking du Parvis" }).last().click();
    await page.getByTestId("dashboard").waitFor();
    await expect.poll(() => page.evaluate(() => location.hash)).toBe("#/parking/default");
  });

  it("are sorted by any column", async () => {
    const page = await newPage();
    await openLive(page, "#/places");
    await page.getByRole("button", { name: "Free", exact: true }).click();
    await expect.poll(() => page.locator("th[aria-sort=descending]").innerText()).toContain("Free");
    const cells = await page.locator("[data-testid=places] tbody tr td:nth-child(4)").allInnerTexts();
    const figures = cells.map((text) => Number(text.replace(/\D/g, "")));
    expect(figures).toEqual(figures.toSorted((a, b) => b - a));
  });
});
