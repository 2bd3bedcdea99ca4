/** What a manager sees of parking sales and does with tariffs, in a browser, against a running stack. */
import { randomBytes } from "node:crypto";
import { readFileSync } from "node:fs";
import type { Page } from "playwright-core";
import { beforeAll, describe, expect, it, vi } from "vitest";
import { as } from "../support/api";
import { loginAs, newPage, openLive, pageErrors, useBrowser } from "../support/browser";
import { bookInForce, buildStreet, park, putBook, table, type Street } from "../support/street";

useBrowser();

let street: Street;
beforeAll(async () => {
  street = await buildStreet();
  await park("driver", street.paid, 60);
  const moped = await park("driver", street.paid, 120, { vehicle: { class: "two_wheeler" } });
  await as("driver", "POST", `/v1/parking/sessions/${moped.id}/stop`, {});
  // The books follow the sales.
  const sold = { sessions: 2, refunds: 1, net: 300 };
  await vi.waitFor(async () => expect(await revenueOf(street.paid)).toEqual(sold), { timeout: 20_000, interval: 500 });
});

async function revenueOf(zone: string) {
  interface Row {
    key: string;
    sessions: number;
    refunds: number;
    net: number;
  }
  const { rows } = await as<{ rows: Row[] }>("manager", "GET", "/v1/parking/revenue?by=zone");
  const { sessions, refunds, net } = rows.find((row) => row.key === zone) ?? { sessions: 0, refunds: 0, net: 0 };
  return { sessions, refunds, net };
}

async function openAs(user: string, hash: string): Promise<Page> {
  const page = await newPage({ viewport: { width: 1280, height: 1000 } });
  await openLive(page, "#/pay");
  await loginAs(page, user);
  await page.goto(`/${hash}`);
  return page;
}

async function downloaded(page: Page, testid: string): Promise<{ name: string; bytes: Buffer }> {
  const download = page.waitForEvent("download");
  await page.getByTestId(testid).click();
  const file = await download;
  return { name: file.suggestedFilename(), bytes: readFileSync(await file.path()) };
}

describe("a manager", () => {
  it("reads revenue and use by zone, class and hour, and takes tables along", async () => {
    const page = await openAs("manager", "#/pay/revenue");
    await page.getByTestId("revenue.net").waitFor();
    await page.getByTestId("revenue-bars").waitFor();
    await page.getByTestId("by-zone").click();
    const row = page.getByTestId("revenue-table").locator(`tr[data-key="${street.paid}"]`);
    await row.waitFor();
    // 2.40 and 4.80, of which a quarter is kept.
    expect((await row.innerText()).replace(/\s+/g, " ")).toMatch(/ 2 .* €7\.20 1 €4\.20 €3\.00$/);
    const { name, bytes } = await downloaded(page, "revenue-export");
    expect(name).toMatch(/^revenue-by-zone-.*\.csv$/);
    expect(bytes.toString()).toMatch(new RegExp(`^${street.paid},2,1,7.20,4.20,3.00,EUR,6\\d\\r?$`, "m"));
    await page.getByTestId("by-class").click();
    await page.getByRole("rowheader", { name: "Two- or three-wheeler" }).waitFor();
    await page.getByTestId("by-hour").click();
    await expect.poll(() => page.getByTestId("revenue-bars").locator("li").count()).toBe(24);
  });

  it("takes the books to the accountant", async () => {
    const page = await openAs("manager", "#/pay/revenue");
    await expect.poll(() => page.getByTestId("books-state").getAttribute("data-sound")).toBe("true");
    const csv = await downloaded(page, "journal-csv");
    expect(csv.bytes.toString().split("\n").length).toBeGreaterThan(3);
    const xlsx = await downloaded(page, "journal-xlsx");
    expect([xlsx.name, xlsx.bytes.subarray(0, 2).toString()]).toEqual(["journal.xlsx", "PK"]);
    const fec = await downloaded(page, "fec");
    expect(fec.name).toMatch(/^\d{9}FEC\d{8}\.txt$/);
    expect(fec.bytes.toString().split(/\r?\n/)[0]).toMatch(/^JournalCode[|\t]JournalLib[|\t]EcritureNum/);
  });

  it("edits tariffs: findings with their place, the curve of the draft, and only then in force", async () => {
    const page = await openAs("manager", "#/pay/tariffs");
    const text = page.getByTestId("tariff-text");
    const summary = page.getByTestId("findings-summary");
    await expect.poll(() => summary.getAttribute("data-current")).toBe("true");
    await page.getByTestId("curve").waitFor();
    const put = page.getByRole("button", { name: "Put in force" });
    expect(await put.isDisabled()).toBe(true);

    const tag = randomBytes(3).toString("hex");
    const zone = `Draft_${tag}`;
    const before = await text.inputValue();
    const draft = before + table(`draft-${tag}`, zone, { from: "00:00", to: "24:00" });
    await text.fill(withGap(draft, zone));
    const finding = page.getByTestId("findings").locator('li[data-severity="error"]').first();
    await finding.waitFor();
    expect(await put.isDisabled()).toBe(true);
    await finding.getByRole("button").click();
    const line = await text.evaluate(
      (area: HTMLTextAreaElement) => area.value.slice(0, area.selectionStart).split("\n").length,
    );
    expect(line).toBeGreaterThan(before.split("\n").length);

    await text.fill(draft);
    await page.getByTestId("preview-zone").selectOption(zone);
    await expect
      .poll(() => page.getByTestId("curve-summary").innerText())
      .toBe("From €0.60 for 15 min to €24.00 for 6 h");
    await page.getByTestId("preview-class").selectOption("heavy");
    await page.getByTestId("preview-refused").waitFor();
    await page.getByTestId("preview-class").selectOption("car");
    const version = Number(await page.getByTestId("tariff-version").getAttribute("data-version"));
    await expect.poll(() => put.isEnabled()).toBe(true);
    await put.click();
    await page.getByRole("button", { name: "Really in force" }).click();
    await expect.poll(() => page.getByTestId("tariff-version").getAttribute("data-version")).toBe(String(version + 1));
    expect((await bookInForce()).text).toBe(draft);
  });

  it("does not overwrite what another manager has put in force", async () => {
    const page = await openAs("manager", "#/pay/tariffs");
    const text = page.getByTestId("tariff-text");
    await expect.poll(() => page.getByTestId("findings-summary").getAttribute("data-current")).toBe("true");
    const { text: present, etag } = await bookInForce();
    await putBook(`${present}\n# by somebody else\n`, etag);
    await text.fill(`${present}\n# mine\n`);
    const put = page.getByRole("button", { name: "Put in force" });
    await expect.poll(() => put.isEnabled()).toBe(true);
    await put.click();
    await page.getByRole("button", { name: "Really in force" }).click();
    await page.getByText("Somebody else has put another version in force").waitFor();
    expect((await bookInForce()).text).toContain("# by somebody else");
    expect(await text.inputValue()).toContain("# mine");
    pageErrors.length = 0;
  });
});

it("a driver has no way to the figures or the tariffs", async () => {
  const page = await openAs("driver", "#/pay/revenue");
  await page.getByText("for managers and administrators").waitFor();
  expect(await page.getByRole("link", { name: "Revenue" }).count()).toBe(0);
});

/** The draft with its second price beginning too late. */
function withGap(draft: string, zone: string): string {
  const at = draft.indexOf(zone);
  return draft.slice(0, at) + draft.slice(at).replace('{ from = "2h", to = "6h"', '{ from = "3h", to = "6h"');
}
