import { readFile } from "node:fs/promises";
import { describe, expect, it } from "vitest";
import { loginAs, newPage, openLive, spaceAt, useBrowser, violations } from "./support/browser";

useBrowser();

describe("logging in", () => {
  it("as manager opens administration, survives a reload and ends with the logout", async () => {
    const page = await newPage();
    await openLive(page);
    await expect.poll(() => page.getByRole("link", { name: "Administration" }).count()).toBe(0);
    await loginAs(page, "manager");
    await expect.poll(() => page.evaluate(() => location.hash)).toBe("#/parking/default");
    expect(page.url()).not.toContain("code=");
    await page.getByRole("link", { name: "Administration" }).waitFor();
    const stored = await page.evaluate(() => JSON.stringify({ ...localStorage, ...sessionStorage }));
    expect(stored).not.toContain("access_token");
    await page.reload();
    await page.getByTestId("logout").waitFor();
    await page.getByTestId("logout").click();
    await page.getByTestId("login").waitFor();
    await expect.poll(() => page.getByRole("link", { name: "Administration" }).count()).toBe(0);
  });

  it("as driver does not", async () => {
    const page = await newPage();
    await openLive(page);
    await loginAs(page, "driver");
    await expect.poll(() => page.getByRole("link", { name: "Administration" }).count()).toBe(0);
  });
});

describe("language and colours", () => {
  it("follow the browser, then the user, and are remembered", async () => {
    const page = await newPage({ locale: "fr-FR", colorScheme: "dark" });
    await openLive(page);
    await expect.poll(() => page.locator("html").getAttribute("lang")).toBe("fr");
    await expect.poll(() => page.locator("html").getAttribute("data-theme")).toBe("dark");
    await expect.poll(() => page.getByTestId("card-free").innerText()).toContain("Libres");
    await page.getByTestId("language").click();
    await page.getByTestId("theme").click();
    await expect.poll(() => page.getByTestId("card-free").innerText()).toContain("Free");
    await page.reload();
    await page.getByTestId("card-free").waitFor();
    await expect.poll(() => page.locator("html").getAttribute("lang")).toBe("en");
    await expect.poll(() => page.locator("html").getAttribute("data-theme")).toBe("light");
  });
});

describe("with the keyboard alone", () => {
  it("one gets to the page, through the plan and to a space's details", async () => {
    const page = await newPage();
    await openLive(page);
    await page.keyboard.press("Tab");
    await expect.poll(() => page.evaluate(() => document.activeElement?.textContent)).toBe("Skip to content");
    await page.keyboard.press("Enter");
    await expect.poll(() => page.evaluate(() => document.activeElement?.id)).toBe("main");

    const focused = () => page.evaluate(() => document.activeElement?.getAttribute("data-testid") ?? "");
    for (let stop = 0; stop < 12 && !(await focused()).startsWith("space-"); stop++) await page.keyboard.press("Tab");
    const start = await focused();
    expect(start).toMatch(/^space-/);
    await page.keyboard.press("ArrowRight");
    const next = await focused();
    expect(next).toMatch(/^space-/);
    expect(next).not.toBe(start);
    await page.keyboard.press("Enter");
    await page.getByTestId("space-details").waitFor();
    await expect.poll(() => page.locator(`[data-testid="${next}"]`).getAttribute("aria-pressed")).toBe("true");
    await page.keyboard.press("Escape");
    await page.getByTestId("space-details").waitFor({ state: "detached" });
    expect(await focused()).toBe(next);
  });
});

describe("axe finds nothing", () => {
  it.each(["light", "dark"] as const)(
    "on the dashboard, its details, its table and its export in %s",
    async (colorScheme) => {
      const page = await newPage({ colorScheme });
      await openLive(page);
      await page.locator("[data-testid=hourly] canvas").waitFor();
      await spaceAt(page, "Zone_A", 2).click();
      await page.locator("[data-testid=recent] summary").click();
      // Highlights of fresh changes fade within this time.
      await page.waitForTimeout(3_000);
      expect(await violations(page)).toEqual([]);
      await page.getByTestId("export").click();
      expect(await violations(page)).toEqual([]);
    },
  );

  it.each(["light", "dark"] as const)("on the list of all car parks in %s", async (colorScheme) => {
    const page = await newPage({ colorScheme });
    await openLive(page, "#/places");
    await page.getByTestId("places").waitFor();
    expect(await violations(page)).toEqual([]);
  });

  it("on a phone without a connection", async () => {
    const page = await newPage({ viewport: { width: 390, height: 844 } });
    await openLive(page);
    await page.context().setOffline(true);
    await page.getByTestId("link-banner").waitFor();
    await page.locator("[data-state=lost]").waitFor();
    // Greyed figures are meant to look stale, but must stay readable; axe cannot see filters, so the rest is checked here.
    expect(await violations(page)).toEqual([]);
  });
});

describe("on a phone", () => {
  it("nothing is wider than the screen and every space can be touched", async () => {
    const page = await newPage({ viewport: { width: 390, height: 844 } });
    for (const hash of ["#/parking/default", "#/places"]) {
      await openLive(page, hash);
      await page.waitForTimeout(500);
      expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBeLessThanOrEqual(390);
    }
    await openLive(page);
    const box = await spaceAt(page, "Zone_C", 24).boundingBox();
    expect(Math.min(box!.width, box!.height)).toBeGreaterThanOrEqual(24);
  });
});

describe("export", () => {
  it("gives the events as CSV and as a workbook", async () => {
    const page = await newPage();
    await openLive(page);
    await page.getByTestId("export").click();
    for (const [kind, start] of [
      ["csv", /^[\w\s"]+,/],
      ["xlsx", /^PK/],
    ] as const) {
      const [download] = await Promise.all([page.waitForEvent("download"), page.getByTestId(`export-${kind}`).click()]);
      expect(download.suggestedFilename()).toMatch(new RegExp(`\\.${kind}$`));
      expect((await readFile((await download.path())!)).toString("latin1")).toMatch(start);
    }
  });

  it("refuses a range that ends before it begins", async () => {
    const page = await newPage();
    await openLive(page);
    await page.getByTestId("export").click();
    await page.getByLabel("To", { exact: true }).fill("2020-01-01T00:00");
    await expect.poll(() => page.getByRole("alert").innerText()).toContain("end must come after");
    expect(await page.getByTestId("export-csv").isDisabled()).toBe(true);
  });
});
