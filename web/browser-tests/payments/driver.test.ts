/** What a driver does with parking, in a browser, against a running stack. */
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Page } from "playwright-core";
import { beforeAll, describe, expect, it } from "vitest";
import type { ParkingSession } from "../../src/lib/payments/types";
import { as } from "../support/api";
import { loginAs, newPage, openLive, useBrowser } from "../support/browser";
import { buildStreet, newPlate, park, staysOf, type Street } from "../support/street";

useBrowser();

const PHONE = { viewport: { width: 390, height: 844 }, hasTouch: true };

let street: Street;
beforeAll(async () => {
  street = await buildStreet();
});

/** The parking page of a zone, logged in as a driver with one vehicle. */
async function openPark(zone: string, options = {}, vehicle: { class?: string; electric?: boolean } = {}) {
  const page = await newPage({ ...PHONE, ...options });
  await openLive(page, `#/pay?zone=${zone}`);
  await loginAs(page, "driver");
  const plate = newPlate();
  await addVehicle(page, plate, vehicle);
  return { page, plate };
}

async function addVehicle(
  page: Page,
  plate: string,
  { class: kind, electric }: { class?: string; electric?: boolean },
) {
  await page.getByTestId("vehicle-add").click();
  await page.getByTestId("plate").fill(plate.toLowerCase().replaceAll("-", " "));
  if (kind) await page.getByTestId("vehicle-class").selectOption(kind);
  if (electric) await page.getByTestId("vehicle-electric").check();
  await page.getByTestId("vehicle-save").click();
  await page.getByTestId("vehicle-sheet").waitFor({ state: "detached" });
  expect(await page.getByTestId(`vehicle-${plate}`).isChecked()).toBe(true);
}

/** Turns the dial to a length that it has a button for. */
async function chooseLength(page: Page, name: string): Promise<void> {
  await page.getByRole("button", { name, exact: true }).click();
}

async function payByCard(page: Page, card = "pm_card_visa"): Promise<void> {
  await page.getByTestId(card).check();
  await page.getByTestId("card-pay").click();
}

const running = (page: Page, plate: string) => page.getByTestId("running").filter({ hasText: plate });

describe("a driver", () => {
  it("parks, extends, stops early and keeps the receipts", async () => {
    const { page, plate } = await openPark(street.paid);
    await chooseLength(page, "1 h");
    await expect.poll(() => page.getByTestId("dial-price").innerText()).toBe("€2.40");
    // Why it costs that, by the zone's clock, whatever the browser's is.
    const lines = page.getByTestId("price-lines");
    await lines.waitFor();
    expect(await lines.innerText()).toMatch(/€2\.40 per 1h\s+€2\.40/);
    expect(await page.locator("main").innerText()).toMatch(/Europe\/Paris \(UTC\+\d\)/);
    const pay = page.getByTestId("pay");
    expect(await pay.innerText()).toBe("Pay €2.40");
    await pay.click();
    await payByCard(page);
    const card = running(page, plate);
    await card.waitFor();
    await page.getByTestId("checkout").waitFor({ state: "detached" });
    await expect.poll(() => card.getByTestId("timer").innerText()).toMatch(/^(59:\d\d|1:00:00)$/);
    const [begun] = await staysOf("driver", plate);
    expect([begun!.state, begun!.paid.cents, begun!.zone]).toEqual(["active", 240, street.paid]);
    const allowed = await as<{ allowed: boolean }>("agent", "POST", "/v1/parking/rights/check", {
      plate,
      zone: street.paid,
    });
    expect(allowed.allowed).toBe(true);

    // Half an hour longer, with a card whose bank asks back.
    await card.getByTestId("extend").click();
    const sheet = page.getByTestId("extend-sheet");
    await expect.poll(() => sheet.getByTestId("dial-length").innerText()).toBe("30 min");
    await expect.poll(() => sheet.getByTestId("due").innerText()).toBe("€1.20");
    await sheet.getByTestId("pay").click();
    await payByCard(page, "pm_card_authenticationRequired");
    await page.getByTestId("bank-yes").click();
    await sheet.waitFor({ state: "detached" });
    await expect.poll(async () => (await staysOf("driver", plate))[0]!.paid.cents).toBe(360);
    const [extended] = await staysOf("driver", plate);
    expect(Date.parse(extended!.end) - Date.parse(begun!.end)).toBe(30 * 60_000);
    await expect.poll(() => card.getByTestId("timer").innerText()).toMatch(/^1:(29|30):\d\d$/);

    // Only the quarter that has begun is kept.
    await card.getByTestId("stop").click();
    await expect.poll(() => page.getByTestId("refund").innerText()).toBe("€3.00");
    await page.getByTestId("stop-do").click();
    await card.waitFor({ state: "detached" });
    expect(await page.getByTestId("said").innerText()).toContain("€3.00 comes back");
    const [stopped] = await staysOf("driver", plate);
    expect([stopped!.state, stopped!.paid.cents]).toEqual(["stopped", 60]);

    // Two payments and the two refunds, each with its document.
    await page.goto("/#/pay/stays");
    await page.locator(`[data-session="${stopped!.id}"]`).click();
    expect(await page.getByTestId("stay-total").innerText()).toBe("€0.60");
    await expect.poll(() => page.getByTestId("receipt-pdf").count()).toBe(4);
    const download = page.waitForEvent("download");
    const receipt = page.getByTestId("receipts").locator("li").filter({ hasText: /R-\d/ }).last();
    await receipt.getByTestId("receipt-pdf").click();
    const folder = mkdtempSync(join(tmpdir(), "parvis-receipt-"));
    const file = join(folder, (await download).suggestedFilename());
    await (await download).saveAs(file);
    expect(file).toMatch(/R-\d{4}-\d{6}\.pdf$/);
    lookAt(file, folder);
    // The page of the receipt is shown here too.
    await receipt.getByTestId("receipt-show").click();
    const text = page.getByTestId("receipt-page").frameLocator("iframe").locator("body");
    await expect.poll(() => text.innerText()).toMatch(/2\.40/);
    expect(await text.innerText()).toContain(file.slice(folder.length + 1, -4));
  });

  it("tries another card after a declined one, and is charged once", async () => {
    const { page, plate } = await openPark(street.paid);
    await chooseLength(page, "30 min");
    await page.getByTestId("pay").click();
    await payByCard(page, "pm_card_chargeDeclined");
    await page.getByTestId("bank-refused").waitFor();
    await payByCard(page, "pm_card_authenticationRequired");
    await page.getByTestId("bank-no").click();
    await page.getByTestId("bank-refused").waitFor();
    await payByCard(page);
    await running(page, plate).waitFor();
    const paid = async () => (await staysOf("driver", plate)).map((one) => [one.state, one.paid.cents]);
    await expect.poll(paid).toEqual([["active", 120]]);
  });

  it("is charged once when the answer to the payment is lost", async () => {
    const { page, plate } = await openPark(street.paid);
    await chooseLength(page, "30 min");
    let lost = 0;
    await page.route("**/v1/parking/sessions", async (route) => {
      if (route.request().method() !== "POST" || lost++ > 0) return route.fallback();
      await route.fetch();
      await route.abort();
    });
    await page.getByTestId("pay").click();
    await page.getByTestId("pay-again").click();
    await payByCard(page);
    await running(page, plate).waitFor();
    await expect.poll(async () => (await staysOf("driver", plate)).map((one) => one.state)).toEqual(["active"]);
    expect(lost).toBe(2);
  });

  it("gives a payment up by closing it, and may start afresh", async () => {
    const { page, plate } = await openPark(street.paid);
    await page.getByTestId("pay").click();
    await page.getByTestId("card-pay").waitFor();
    const [open] = await staysOf("driver", plate);
    expect(open!.state).toBe("pending");
    await page.getByTestId("checkout").getByRole("button", { name: "Close" }).click();
    await page.getByTestId("said").waitFor();
    // What was never paid keeps no plate.
    const path = `/v1/parking/sessions/${open!.id}`;
    const left = async () => as<{ state: string; plate?: string | null }>("driver", "GET", path);
    await expect.poll(async () => (await left()).state).toBe("failed");
    expect((await left()).plate ?? null).toBeNull();
    await page.getByTestId("pay").click();
    await payByCard(page);
    await expect.poll(() => running(page, plate).getAttribute("data-state")).toBe("active");
  });

  it("takes up a payment that was left open by a closed page", async () => {
    const plate = newPlate();
    await park("driver", street.paid, 60, { plate, pay: { with: "card" } });
    const page = await newPage(PHONE);
    await openLive(page, "#/pay");
    await loginAs(page, "driver");
    const card = running(page, plate);
    await card.waitFor();
    expect(await card.innerText()).toContain("not covered yet");
    await card.getByTestId("stay-pay").click();
    await payByCard(page);
    await expect.poll(() => card.getAttribute("data-state")).toBe("active");
  });

  it("pays nothing with an electric vehicle, and hears where a lorry may not park", async () => {
    const { page, plate } = await openPark(street.paid, {}, { electric: true });
    await expect.poll(() => page.getByTestId("pay").innerText()).toBe("Start without paying");
    await page.getByTestId("pay").click();
    await expect.poll(() => running(page, plate).getAttribute("data-state")).toBe("active");
    expect((await staysOf("driver", plate))[0]!.paid.cents).toBe(0);
    await addVehicle(page, newPlate(), { class: "heavy" });
    expect(await page.getByTestId("no-price").innerText()).toContain("not sold for this vehicle");
    expect(await page.getByTestId("pay").isDisabled()).toBe(true);
  });

  it("hears that parking is free now, and until when it is covered", async () => {
    const { page } = await openPark(street.later);
    const free = page.getByTestId("free-now");
    await free.waitFor();
    expect(await free.innerText()).toMatch(/free now, until .*\d\d:\d\d/);
    await page.getByTestId("dial").focus();
    for (let hour = 1; hour < 4; hour++) await page.keyboard.press("PageUp");
    // After the fourth paid hour nothing is due until the next day.
    await page.getByTestId("covered").waitFor();
    await expect.poll(() => page.getByTestId("dial-price").innerText()).toBe("€14.40");
  });

  it("turns the dial by finger and by keys", async () => {
    await park("driver", street.paid, 15);
    const { page } = await openPark(street.paid, { viewport: { width: 390, height: 1100 } });
    const dial = page.getByTestId("dial");
    await expect.poll(() => dial.getAttribute("aria-valuenow")).toBe("60");
    await dial.focus();
    const steps: [string, string][] = [
      ["ArrowUp", "75"],
      ["PageUp", "135"],
      ["End", "360"],
      ["ArrowLeft", "345"],
      ["Home", "15"],
    ];
    for (const [key, minutes] of steps) {
      await page.keyboard.press(key);
      expect([key, await dial.getAttribute("aria-valuenow")]).toEqual([key, minutes]);
    }
    await expect.poll(() => dial.getAttribute("aria-valuetext")).toMatch(/^15 min, until \d\d:\d\d, €0\.60$/);
    // From the lower end round to twelve o'clock, as a mouse drags and as a finger taps. What runs is shown above, and must be there.
    await page.getByTestId("running").first().waitFor();
    await dial.evaluate((face) => face.scrollIntoView({ block: "center" }));
    const scrolled = await page.evaluate(() => scrollY);
    const box = (await dial.boundingBox())!;
    const middle = { x: box.x + box.width / 2, y: box.y + (box.height * 130) / 232 };
    const radius = (box.width * 100) / 260;
    await page.mouse.move(middle.x - radius * Math.sin(Math.PI / 6), middle.y + radius * Math.cos(Math.PI / 6));
    await page.mouse.down();
    await page.mouse.move(middle.x - radius, middle.y, { steps: 3 });
    await page.mouse.move(middle.x, middle.y - radius, { steps: 3 });
    await page.mouse.up();
    await expect.poll(() => dial.getAttribute("aria-valuenow")).toBe("120");
    await page.touchscreen.tap(middle.x - radius, middle.y);
    await expect.poll(() => dial.getAttribute("aria-valuenow")).toBe("45");
    expect(await page.evaluate(() => scrollY)).toBe(scrolled);
  });

  it("finds the zone by the code on the sign and by position", async () => {
    const position = { latitude: 48.8444, longitude: 2.3745 };
    const page = await newPage({ ...PHONE, geolocation: position, permissions: ["geolocation"] });
    await openLive(page, "#/pay");
    await page.getByTestId("zone-change").click();
    await page.getByTestId("zone-code").fill(street.paid.toLowerCase().replace("_", " "));
    await page.keyboard.press("Enter");
    await page.getByTestId("zone-picker").waitFor({ state: "detached" });
    await expect.poll(() => page.getByTestId("zone").getAttribute("data-zone")).toBe(street.paid);
    await page.getByTestId("zone-change").click();
    await page.getByTestId("zone-near").click();
    const first = page.getByTestId("zone-list").locator("button").first();
    await expect.poll(() => first.innerText()).toMatch(/Parking du Parvis[\s\S]*\d+ m/);
    await first.click();
    await expect.poll(() => page.getByTestId("zone").getAttribute("data-zone")).toMatch(/^Zone_/);
    // Free spaces come from the sensors, live.
    expect(await page.getByTestId("zone").innerText()).toMatch(/\d+ spaces? free|full/);
  });

  it("sees prices without a login, and keeps the vehicle through it", async () => {
    const page = await newPage(PHONE);
    await openLive(page, `#/pay?zone=${street.paid}`);
    await expect.poll(() => page.getByTestId("dial-price").innerText()).toBe("€2.40");
    const plate = newPlate();
    await addVehicle(page, plate, {});
    await page.getByTestId("pay-login").click();
    await page.locator("button[value=driver]").click();
    await page.getByTestId("logout").waitFor();
    expect(await page.evaluate(() => location.hash)).toBe(`#/pay?zone=${street.paid}`);
    await page.getByTestId(`vehicle-${plate}`).waitFor();
    await expect.poll(() => page.getByTestId("pay").isEnabled()).toBe(true);
  });

  it("takes all data along", async () => {
    const stay = await park("driver", street.paid, 15);
    const page = await newPage(PHONE);
    await openLive(page, "#/pay/vehicles");
    await loginAs(page, "driver");
    const download = page.waitForEvent("download");
    await page.getByTestId("data-take").click();
    const data = JSON.parse(readFileSync(await (await download).path(), "utf8")) as { sessions: ParkingSession[] };
    expect(data.sessions.map((one) => one.id)).toContain(stay.id);
  });
});

/** Opens a PDF, reads its words and turns it into a picture that is not blank. */
function lookAt(file: string, folder: string): void {
  expect(readFileSync(file).subarray(0, 5).toString()).toBe("%PDF-");
  const words = execFileSync("pdftotext", ["-layout", file, "-"]).toString();
  expect(words).toMatch(/R-\d{4}-\d{6}/);
  expect(words).toMatch(/2[.,]40/);
  execFileSync("pdftoppm", ["-r", "80", "-png", file, join(folder, "page")]);
  // A blank page of this size compresses to some hundred bytes.
  expect(statSync(join(folder, "page-1.png")).size).toBeGreaterThan(8_000);
  console.log(`receipt: ${folder}`);
}
