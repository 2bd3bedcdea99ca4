/** One browser per test file, one context per test, and the few steps that all tests share. */
import { readFile } from "node:fs/promises";
import { chromium, type Browser, type BrowserContext, type BrowserContextOptions, type Page } from "playwright-core";
import { afterAll, afterEach, beforeAll, expect, inject } from "vitest";

const ARGUMENTS = [
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];

/** A machine whose two cores also build is slow by far; what goes right never waits so long. */
const WAIT_MS = 40_000;
/** Longer than any context takes to close, and far below the limit of a hook. */
const CLOSE_MS = 15_000;

let browser: Browser;
const contexts: BrowserContext[] = [];
/** Errors that the pages of the present test reported; a test that provokes some empties it. */
export const pageErrors: string[] = [];

export function useBrowser(): void {
  beforeAll(launch);
  afterEach(async () => {
    // Chromium now and then never answers that a context is closed; the next test then gets a browser of its own.
    if (!(await inTime(Promise.all(contexts.splice(0).map((context) => context.close()))))) {
      browser.close().catch(() => undefined);
      await launch();
    }
    expect(pageErrors.splice(0)).toEqual([]);
  });
  afterAll(() => inTime(browser.close()));
}

async function launch(): Promise<void> {
  browser = await chromium.launch({ executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium", args: ARGUMENTS });
}

/** Whether it was done within `CLOSE_MS`. */
async function inTime(work: Promise<unknown>): Promise<boolean> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<false>((resolve) => (timer = setTimeout(() => resolve(false), CLOSE_MS)));
  const done = await Promise.race([work.then(() => true), late]);
  clearTimeout(timer);
  return done;
}

export async function newPage(options: BrowserContextOptions = {}): Promise<Page> {
  const context = await browser.newContext({
    baseURL: inject("url"),
    locale: "en-GB",
    timezoneId: "America/New_York",
    viewport: { width: 1280, height: 900 },
    // Requests that a worker makes are out of the tests' sight; the one test about it lets it in.
    serviceWorkers: "block",
    ...options,
  });
  contexts.push(context);
  context.setDefaultTimeout(WAIT_MS);
  const page = await context.newPage();
  page.on("console", (message) => {
    if (message.text().includes("Content Security Policy")) pageErrors.push(message.text());
  });
  page.on("pageerror", (error) => pageErrors.push(error.message));
  return page;
}

/** The link's state is shown as an attribute, whatever the language. */
export function linkState(page: Page, state: "live" | "polling" | "lost") {
  return page.locator(`[data-testid=link-state][data-state=${state}]`);
}

export async function openLive(page: Page, hash = "#/parking/default"): Promise<void> {
  await page.goto(`/${hash}`);
  await linkState(page, "live").waitFor();
}

export function spaceAt(page: Page, zone: string, number: number, status?: string) {
  return page.locator(`[data-testid="space-${zone}-${number}"]${status ? `[data-status=${status}]` : ""}`);
}

export async function figure(page: Page, card: "total" | "free" | "occupied" | "rate"): Promise<number> {
  const text = await page.locator(`[data-testid=card-${card}] .value`).innerText();
  return Number(text.replace(",", ".").replace(/[^\d.]/g, ""));
}

const axeSource = await readFile(new URL("../../node_modules/axe-core/axe.min.js", import.meta.url), "utf8");

/** What axe finds against WCAG 2.2 AA, as short lines. */
export async function violations(page: Page): Promise<string[]> {
  await page.evaluate(axeSource);
  return page.evaluate(async () => {
    const { axe } = window as unknown as {
      axe: {
        run(
          options: unknown,
        ): Promise<{ violations: { id: string; nodes: { html: string; failureSummary: string }[] }[] }>;
      };
    };
    const tags = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"];
    const result = await axe.run({ runOnly: { type: "tag", values: tags } });
    return result.violations.flatMap(({ id, nodes }) =>
      nodes.slice(0, 3).map((node) => `${id}: ${node.html.slice(0, 160)} ${node.failureSummary.slice(0, 200)}`),
    );
  });
}

export async function loginAs(page: Page, user: string): Promise<void> {
  await page.getByTestId("login").click();
  await page.locator(`button[value=${user}]`).click();
  await page.getByTestId("logout").waitFor();
}
