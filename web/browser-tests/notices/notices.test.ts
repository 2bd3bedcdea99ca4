/** Notifications in a browser, against a running stack: an address is proven, an alert wished for, and what was sent is found. */
import type { Page } from "playwright-core";
import { describe, expect, inject, it } from "vitest";
import { loginAs, newPage, useBrowser, violations } from "../support/browser";

useBrowser();

interface Sent {
  to: string;
  body: string;
}

/** The newest message to an address that holds a code of six digits. */
async function codeSentTo(to: string): Promise<string> {
  let code = "";
  await expect
    .poll(async () => {
      const { messages } = (await (await fetch(`${inject("url")}/_local/outbox.json?limit=200`)).json()) as {
        messages: Sent[];
      };
      code = messages.find((one) => one.to === to)?.body.match(/\b\d{6}\b/)?.[0] ?? "";
      return code;
    })
    .not.toBe("");
  return code;
}

/** These pages show nothing live, so there is no link to wait for. */
async function open(page: Page, hash: string): Promise<void> {
  await page.goto(`/${hash}`);
  await page.getByRole("heading", { level: 1 }).waitFor();
}

const unique = () => Math.floor(Math.random() * 1e6);

describe("notifications", () => {
  it("a driver proves a number, chooses hours and language, and a manager finds the letter in the log", async () => {
    const number = `+336399${String(unique()).padStart(6, "0")}`;
    const page = await newPage();
    await open(page, "#/notifications");
    await loginAs(page, "driver");
    await page.getByTestId("address-to").fill(number);
    await page.getByTestId("address-add").click();
    const line = page.getByTestId("addresses").locator("li").filter({ hasText: number });
    await line.getByTestId("address-code").fill(await codeSentTo(number));
    await line.getByRole("button", { name: "Prove it" }).click();
    await line.getByText("proven").waitFor();
    await page.getByTestId("notice-language").selectOption("en");
    await page.getByTestId("said").waitFor();
    await page.getByTestId("quiet").check();
    await page.locator("input[type=time]").first().waitFor();
    expect(await violations(page)).toEqual([]);

    const staff = await newPage();
    await open(staff, "#/notifications/sent");
    await loginAs(staff, "manager");
    const found = staff
      .getByTestId("log-table")
      .locator("tr")
      .filter({ hasText: number.slice(-2) });
    await expect
      .poll(async () => {
        await staff.getByTestId("log-words").fill("address.code");
        await staff.getByTestId("log-search").click();
        return found.count();
      })
      .toBeGreaterThan(0);
    expect(await staff.content()).not.toContain(number);
    expect(await violations(staff)).toEqual([]);
  });

  it("a visitor is told of a car park after giving the code that was sent", async () => {
    const mailbox = `visitor-${unique()}@example.org`;
    const page = await newPage();
    await open(page, "#/notifications/alerts");
    await page.getByTestId("watch-place").locator("option").first().waitFor({ state: "attached" });
    await page.getByTestId("watch-to").fill(mailbox);
    await page.getByTestId("watch-make").click();
    await page.getByTestId("watch-code").fill(await codeSentTo(mailbox));
    await page.getByTestId("watch-confirm").click();
    await page.getByTestId("said").waitFor();
    expect(await violations(page)).toEqual([]);
  });

  it("a manager reads every text in both languages, and a webhook into our network is refused", async () => {
    const page = await newPage();
    await open(page, "#/notifications/texts");
    await loginAs(page, "manager");
    await page.getByTestId("text-choose").selectOption("parvis.parking.session.started parking.session.ending");
    const previews = page.getByTestId("previews");
    await previews.getByText("Extend it if you stay.").first().waitFor();
    await previews.getByText("Pensez à le prolonger.").first().waitFor();
    expect(await violations(page)).toEqual([]);
    await page.evaluate(() => (location.hash = "#/notifications/webhooks"));
    await page.getByTestId("hook-name").fill("Inside");
    await page.getByTestId("hook-url").fill("https://169.254.169.254/latest");
    await page.getByTestId("hook-make").click();
    await page
      .getByTestId("hook-url-refused")
      .filter({ hasText: /public internet|internet public/ })
      .waitFor();
  });
});
