/** What managers do, what is found, and what holds for all booking pages, in a browser, against a running stack. */
import { readFile } from "node:fs/promises";
import { beforeAll, describe, expect, it } from "vitest";
import type { Member, Policy } from "../../src/lib/bookings/types";
import { as } from "../support/api";
import { book, buildHouse, calendarHash, dayFromToday, slotAt, slotSoon, type House } from "../support/house";
import { loginAs, newPage, openLive, useBrowser, violations } from "../support/browser";

useBrowser();

let house: House;
const tomorrow = dayFromToday(1);
const VIEWS = ["day", "week", "month", "timeline", "plan"];
beforeAll(async () => {
  house = await buildHouse();
  await book("driver", house.rooms[0], slotAt(tomorrow, 600, 660), "Mine");
  await book("agent", house.rooms[1], slotAt(tomorrow, 540, 720), "Another's");
});

describe("search by need", () => {
  it("finds what fits, marks favourites, and tells the nearest where nothing does", async () => {
    const page = await newPage();
    await page.goto(`/#/bookings/find?site=${house.site}`);
    await loginAs(page, "driver");
    const form = page.getByTestId("find-form");
    const search = async (from: string) => {
      await form.getByLabel("From").fill(from);
      await page.getByTestId("find-submit").click();
    };
    await form.getByLabel("Date").fill(new Date(tomorrow * 86_400_000).toISOString().slice(0, 10));
    await form.getByLabel("People").fill("5");
    await form.getByLabel("screen").check();
    await search("08:00");
    await page.getByTestId(`result-${house.rooms[1]}`).waitFor();
    await expect.poll(() => page.locator("[data-testid=find-results] > li").count()).toBe(1);
    await page.getByTestId(`result-${house.rooms[1]}`).getByTestId("favourite").click();
    await expect
      .poll(async () => (await as<{ favourites: string[] }>("driver", "GET", "/v1/me/bookings-profile")).favourites)
      .toContain(house.rooms[1]);
    await search("10:00");
    await page.getByTestId("find-none").getByTestId("suggestion").first().waitFor();
    await page
      .getByTestId("find-none")
      .filter({ hasText: /Same place|Another place/ })
      .waitFor();
    expect(await violations(page)).toEqual([]);
  });
});

describe("the calendar", () => {
  it("has its zone in sight in every view, and axe finds nothing", async () => {
    for (const colorScheme of ["light", "dark"] as const) {
      const page = await newPage({ colorScheme });
      await openLive(page, calendarHash(house, tomorrow));
      await loginAs(page, "driver");
      for (const view of VIEWS) {
        await page.getByTestId(`view-${view}`).click();
        await page.locator(`[data-testid=view-${view}][aria-pressed=true]`).waitFor();
        await page.locator("[data-testid=lanes], [data-testid=month], [data-testid=floor]").first().waitFor();
        await page
          .getByTestId("zone-line")
          .filter({ hasText: /Europe\/Paris .+America\/New York/s })
          .waitFor();
        expect([view, await violations(page)]).toEqual([view, []]);
      }
      await page.getByTestId("view-day").click();
      await page.getByTestId("block-booking").click();
      expect(await violations(page)).toEqual([]);
      await page.keyboard.press("Escape");
      await page.getByTestId("block-taken").click();
      await page.getByTestId("suggestion").first().waitFor();
      expect(await violations(page)).toEqual([]);
    }
  });

  it("fits a phone and is used with one hand", async () => {
    const page = await newPage({ viewport: { width: 390, height: 844 }, hasTouch: true });
    await openLive(page, calendarHash(house, tomorrow));
    await loginAs(page, "driver");
    for (const hash of [
      ...VIEWS.map((view) => calendarHash(house, tomorrow, { view })),
      "#/bookings/find",
      "#/bookings/mine",
    ]) {
      await page.goto(`/${hash}`);
      await page.getByTestId("zone-line").waitFor();
      await expect.poll(() => page.evaluate(() => document.documentElement.scrollWidth), { message: hash }).toBe(390);
    }
    // A tap on free time is a booking; what is pressed to book it is at the lower edge, under the thumb.
    await page.goto(`/${calendarHash(house, tomorrow)}`);
    const lane = page.getByTestId(`lane-${house.rooms[0]}`);
    await lane.waitFor();
    await lane.tap({ position: { x: 40, y: 60 } });
    const submit = (await page.getByTestId("book-submit").boundingBox())!;
    expect(submit.y).toBeGreaterThan(844 / 2);
    expect(submit.height).toBeGreaterThanOrEqual(44);
  });

  it("shows a floor's places as they are free, and books on it", async () => {
    const page = await newPage();
    await openLive(page, calendarHash(house, tomorrow, { view: "plan" }));
    await loginAs(page, "driver");
    const status = (room: string) => page.getByTestId(`seat-${room}`).getAttribute("data-status");
    await page.getByLabel("At", { exact: true }).fill("10:00");
    await page.getByLabel("At", { exact: true }).blur();
    await expect.poll(() => Promise.all(house.rooms.map(status))).toEqual(["mine", "taken", "free"]);
    await page.getByTestId(`seat-${house.rooms[2]}`).click();
    expect(await page.getByTestId("book-from").inputValue()).toBe("10:00");
    expect(await page.getByTestId("book-target").inputValue()).toBe(`resource:${house.rooms[2]}`);
  });
});

describe("a manager", () => {
  it("approves, sees what was used and exports it", async () => {
    const asked = await book("driver", house.hall, slotAt(tomorrow, 600, 720), `Fair of ${house.site}`);
    expect(asked.state).toBe("pending");
    const page = await newPage();
    await openLive(page, calendarHash(house, tomorrow));
    await loginAs(page, "manager");
    await page.goto(`/#/bookings/use?site=${house.site}`);
    const waiting = page.getByTestId("approvals").locator("li", { hasText: `Fair of ${house.site}` });
    await waiting.getByRole("button", { name: "Approve", exact: true }).click();
    await waiting.waitFor({ state: "detached" });
    await expect
      .poll(async () => (await as<{ state: string }>("driver", "GET", `/v1/bookings/${asked.id}`)).state)
      .toBe("booked");
    await page.getByLabel("Site").selectOption(house.site);
    const row = page.getByTestId("use-table").locator("tr", { hasText: "Ada" });
    await row.waitFor();
    await row.filter({ hasText: /booked[\s\S]+€12\.00/ }).waitFor();
    await page.getByTestId("use.revenue").filter({ hasText: "€" }).waitFor();
    expect(await violations(page)).toEqual([]);
    const [download] = await Promise.all([page.waitForEvent("download"), page.getByTestId("use-export").click()]);
    const file = await readFile((await download.path())!, "utf8");
    expect(file).toContain("open_minutes");
    expect(file).toContain(house.rooms[0]);
  });

  it("sets up a site with rules and a room, prints its code and imports more", async () => {
    const id = `built-${Date.now().toString(36)}`;
    const page = await newPage();
    await openLive(page);
    await loginAs(page, "manager");
    const fill = (field: string, value: string) => page.locator(`[data-field=${field}]`).fill(value);
    const saved = () => page.getByTestId("catalog").waitFor();
    for (const part of ["sites", "policies", "places"]) {
      await page.goto(`/#/bookings/resources?part=${part}`);
      await page.getByTestId("new").click();
      await fill("id", id);
      await fill("name", `Built ${part} ${id}`);
      if (part === "sites") await fill("timezone", "Australia/Lord_Howe");
      if (part === "places") {
        await page.locator("[data-field=site]").selectOption(id);
        await page.locator("[data-field=policy]").selectOption(id);
        await fill("capacity", "7");
      }
      await page.getByTestId("save").click();
      await saved();
    }
    await page.getByRole("link", { name: `Built places ${id}` }).click();
    expect(await violations(page)).toEqual([]);
    await page.getByTestId("show-door-code").click();
    const address = await page.getByTestId("door-address").innerText();
    expect(address).toMatch(new RegExp(`/#/check-in\\?resource=${id}&code=`));
    // An id that is there already is not overwritten.
    await page.goto("/#/bookings/resources?part=sites&id=%2B");
    await fill("id", id);
    await fill("name", "Another");
    await page.getByTestId("save").click();
    await page.getByTestId("save-failed").waitFor();

    await page.goto("/#/bookings/resources?part=import");
    const row = `id,site,kind,name,policy,capacity\n${id}-2,${id},desk,Imported desk,${id},1\n`;
    await page
      .getByTestId("import-file")
      .setInputFiles({ name: "a.csv", mimeType: "text/csv", buffer: Buffer.from(row) });
    await page.getByRole("button", { name: "Import" }).click();
    await page.getByTestId("import-counts").filter({ hasText: "1 created" }).waitFor();
    await page.goto(`/#/bookings?site=${id}&kind=all`);
    await page.getByTestId(`lane-${id}-2`).waitFor();
    await page.getByTestId("zone-line").filter({ hasText: "Australia/Lord Howe (UTC+1" }).waitFor();
  });
});

describe("rules of who may book, and members", () => {
  it("are kept in forms", async () => {
    const id = `kept-${Date.now().toString(36)}`;
    const page = await newPage();
    await openLive(page);
    await loginAs(page, "manager");
    const fresh = async (part: string) => {
      await page.goto(`/#/bookings/resources?part=${part}`);
      await page.getByTestId("new").click();
      await page.locator("[data-field=id]").fill(id);
    };
    const save = async () => {
      await page.getByTestId("save").click();
      await page.getByTestId("catalog").getByText(id).first().waitFor();
    };
    await fresh("policies");
    await page.locator("[data-field=name]").fill(`Limited ${id}`);
    await page.locator("summary", { hasText: "Limits" }).click();
    await page.getByTestId("add-quota").click();
    await page.getByLabel("Of what").selectOption("hours");
    await page.getByLabel("In which stretch").selectOption("day");
    await page.locator("summary", { hasText: "Peak hours" }).click();
    await page.getByRole("button", { name: "Add hours" }).click();
    expect(await violations(page)).toEqual([]);
    await save();
    const { policies } = await as<{ policies: Policy[] }>("manager", "GET", "/v1/policies");
    const policy = policies.find((one) => one.id === id)!;
    expect(policy.quotas).toEqual([
      { group: null, shared: false, scope: "policy", period: "day", limit: { minutes: 300 } },
    ]);
    expect(policy.peak_hours).toEqual([
      { days: ["Mon", "Tue", "Wed", "Thu", "Fri"], from: "09:00:00", until: "12:00:00" },
    ]);

    await fresh("plans");
    await page.locator("[data-field=name]").fill(`Plan ${id}`);
    await page.locator("[data-field=included_minutes]").fill("600");
    await save();
    await fresh("persons");
    await page.locator("[data-field=plan]").selectOption(id);
    await page.locator("[data-field=plan_until]").fill("2031-01-31T18:00");
    await page.locator("[data-field=credits]").fill("5");
    await save();
    const { members } = await as<{ members: Member[] }>("manager", "GET", "/v1/members");
    // The browser's clock is New York's.
    expect(members).toContainEqual({ subject: id, plan: id, plan_until: "2031-01-31T23:00:00Z", credits: 5 });
  });
});

describe("as an app", () => {
  it("can be installed and opens without a network", async () => {
    const page = await newPage({ serviceWorkers: "allow" });
    await openLive(page, calendarHash(house, tomorrow));
    const manifest = (await page.evaluate(async () => {
      const link = document.querySelector<HTMLLinkElement>("link[rel=manifest]")!;
      return (await fetch(link.href)).json();
    })) as { display: string; icons: { sizes: string }[]; shortcuts: { url: string }[] };
    expect(manifest.display).toBe("standalone");
    expect(manifest.icons.map((icon) => icon.sizes)).toEqual(expect.arrayContaining(["192x192", "512x512"]));
    expect(manifest.shortcuts.map((one) => one.url)).toContain("./#/bookings/mine");
    await page.evaluate(async () => {
      await navigator.serviceWorker.ready;
    });
    // What the first visit loaded before the worker was there comes into its cache with the second.
    await page.reload();
    await page.getByTestId(`lane-${house.rooms[0]}`).waitFor();
    await page.context().setOffline(true);
    await page.reload();
    await page.getByText("The server cannot be reached.").first().waitFor();
    await page.context().setOffline(false);
    await page.getByRole("button", { name: "Try again" }).click();
    await page.getByTestId(`lane-${house.rooms[0]}`).waitFor();
    const kept = await page.evaluate(async () => {
      const found: string[] = [];
      for (const name of await caches.keys())
        for (const request of await (await caches.open(name)).keys()) found.push(new URL(request.url).pathname);
      return found;
    });
    expect(kept.filter((path) => path.startsWith("/v1"))).toEqual([]);
  });

  it("asks for what is needed: a login, or a role", async () => {
    await book("driver", house.lounge, slotSoon(15), "Anything");
    const page = await newPage();
    await page.goto("/#/bookings/mine");
    await page.getByText("Log in to see this.").waitFor();
    await page.goto("/#/bookings/use");
    await page.getByRole("heading", { name: "Overview of use" }).waitFor();
    await loginAs(page, "driver");
    await page.getByText("This page is for managers").waitFor();
  });
});
