/** Payment pages for everybody: axe, keyboard, phone width, French, light and dark. */
import type { Page } from "playwright-core";
import { beforeAll, describe, expect, it } from "vitest";
import { loginAs, newPage, openLive, useBrowser, violations } from "../support/browser";
import { buildStreet, newPlate, park, type Street } from "../support/street";

useBrowser();

let street: Street;
beforeAll(async () => {
  street = await buildStreet();
  await park("driver", street.paid, 60);
});

/** Nothing sticks out at the side. */
const overflow = (page: Page) =>
  page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);

async function addVehicle(page: Page): Promise<void> {
  await page.getByTestId("vehicle-add").click();
  await page.getByTestId("plate").fill(newPlate());
  await page.getByTestId("vehicle-save").click();
}

const SIZES = { phone: { width: 390, height: 844 }, desktop: { width: 1280, height: 900 } };

describe.each(["light", "dark"] as const)("in %s colours", (colorScheme) => {
  it.each(["phone", "desktop"] as const)("a driver's pages have nothing that axe finds, at %s size", async (size) => {
    const page = await newPage({ viewport: SIZES[size], colorScheme, locale: "fr-FR" });
    await openLive(page, `#/pay?zone=${street.paid}`);
    await loginAs(page, "driver");
    await addVehicle(page);
    await page.getByTestId("price-lines").waitFor();
    await page.getByTestId("running").first().waitFor();
    expect([await violations(page), await overflow(page)]).toEqual([[], 0]);
    expect(await page.getByTestId("pay").innerText()).toMatch(/^Payer 2,40\s€$/);
    await page.getByTestId("zone-change").click();
    await page.getByTestId("zone-list").waitFor();
    expect([await violations(page), await overflow(page)]).toEqual([[], 0]);
    await page.keyboard.press("Escape");
    await page.getByTestId("pay").click();
    await page.getByTestId("card-pay").waitFor();
    expect([await violations(page), await overflow(page)]).toEqual([[], 0]);
    await page.keyboard.press("Escape");
    await page.getByTestId("said").waitFor();
    await page.getByTestId("running").first().getByTestId("extend").click();
    await page.getByTestId("extend-sheet").getByTestId("due").waitFor();
    expect([await violations(page), await overflow(page)]).toEqual([[], 0]);
    await page.keyboard.press("Escape");

    await page.goto("/#/pay/stays");
    await page.getByTestId("stay").last().click();
    await page.getByTestId("stay-details").waitFor();
    expect([await violations(page), await overflow(page)]).toEqual([[], 0]);
    await page.goto("/#/pay/vehicles");
    await page.getByTestId("vehicles").waitFor();
    expect([await violations(page), await overflow(page)]).toEqual([[], 0]);
  });

  it.each(["phone", "desktop"] as const)("nor have a manager's, at %s size", async (size) => {
    const page = await newPage({ viewport: SIZES[size], colorScheme });
    await openLive(page, "#/pay");
    await loginAs(page, "manager");
    await page.goto("/#/pay/revenue");
    await page.getByTestId("books-state").waitFor();
    await page.getByTestId("revenue-table").waitFor();
    expect([await violations(page), await overflow(page)]).toEqual([[], 0]);
    await page.goto("/#/pay/tariffs");
    await page.getByTestId("curve").waitFor();
    await page.getByTestId("tariff-text").fill("name = 1");
    await page.getByTestId("findings").locator("li").first().waitFor();
    expect([await violations(page), await overflow(page)]).toEqual([[], 0]);
  });
});

it("one parks with the keyboard alone", async () => {
  const page = await newPage({ viewport: SIZES.desktop });
  await openLive(page, `#/pay?zone=${street.paid}`);
  await loginAs(page, "driver");
  const focused = () => page.evaluate(() => document.activeElement?.getAttribute("data-testid") ?? "");
  const tabTo = async (testid: string) => {
    for (let stop = 0; stop < 60 && (await focused()) !== testid; stop++) await page.keyboard.press("Tab");
    expect(await focused()).toBe(testid);
  };
  await page.getByTestId("vehicle-add").waitFor();
  await tabTo("vehicle-add");
  await page.keyboard.press("Enter");
  await expect.poll(focused).toBe("plate");
  const plate = newPlate();
  await page.keyboard.type(plate);
  await page.keyboard.press("Enter");
  await page.getByTestId(`vehicle-${plate}`).waitFor();
  await page.getByTestId("dial").waitFor();
  await tabTo("dial");
  await page.keyboard.press("Home");
  await expect.poll(() => page.getByTestId("pay").innerText()).toBe("Pay €0.60");
  await expect.poll(() => page.getByTestId("pay").isEnabled()).toBe(true);
  await tabTo("pay");
  await page.keyboard.press("Enter");
  await page.getByTestId("card-pay").waitFor();
  await tabTo("card-pay");
  await page.keyboard.press("Enter");
  const running = page.getByTestId("running").filter({ hasText: plate });
  await expect.poll(() => running.getAttribute("data-state")).toBe("active");
});
