/** What a person does with bookings, in a browser, against a running stack. */
import { beforeAll, describe, expect, it } from "vitest";
import type { Booking } from "../../src/lib/bookings/types";
import { as } from "../support/api";
import {
  book,
  buildHouse,
  calendarHash,
  dayFromToday,
  dragMouse,
  pointOf,
  slotAt,
  slotSoon,
  type House,
} from "../support/house";
import { loginAs, newPage, openLive, useBrowser, violations } from "../support/browser";

useBrowser();

let house: House;
beforeAll(async () => {
  house = await buildHouse();
});

const tomorrow = dayFromToday(1);
const hour = (hours: number) => hours * 60;

/** The bookings of a demo user in the house. */
async function bookingsOf(user: string): Promise<Booking[]> {
  const { bookings } = await as<{ bookings: Booking[] }>(user, "GET", `/v1/bookings?site=${house.site}`);
  return bookings;
}

describe("a person", () => {
  it("books by dragging, sees another's booking come, moves it, makes it weekly and cancels one date", async () => {
    const [ada, blaise] = house.rooms;
    const page = await newPage({ viewport: { width: 1280, height: 1100 } });
    await openLive(page, calendarHash(house, tomorrow));
    await loginAs(page, "driver");
    await page.getByTestId(`lane-${ada}`).waitFor();

    // Books by dragging, with the price told before.
    await dragMouse(page, await pointOf(page, ada, hour(10) + 5), await pointOf(page, ada, hour(11) + 25));
    const dialog = page.getByTestId("book-dialog");
    await dialog.waitFor();
    expect(await page.getByTestId("book-from").inputValue()).toBe("10:00");
    expect(await page.getByTestId("book-to").inputValue()).toBe("11:30");
    await page.getByTestId("quote").waitFor();
    await page.getByTestId("quote").filter({ hasText: "€18.00" }).waitFor();
    // The house is in Paris, the browser in New York: both clocks are told.
    expect(await dialog.innerText()).toMatch(/Europe\/Paris \(UTC\+\d\)/);
    expect(await dialog.innerText()).toMatch(/America\/New York \(UTC-\d\)/);
    await page.getByTestId("book-title").fill("Weekly plan");
    await page.getByTestId("book-submit").click();
    await dialog.waitFor({ state: "detached" });
    const own = page.getByTestId("block-booking").filter({ hasText: "Weekly plan" });
    await own.waitFor();
    expect((await bookingsOf("driver")).map((one) => [one.title, one.state])).toEqual([["Weekly plan", "booked"]]);

    // Another's booking comes by itself, without its title.
    await page.evaluate(() => ((window as unknown as { same: boolean }).same = true));
    const others = await book("agent", blaise, slotAt(tomorrow, hour(14), hour(15)), "Private matter");
    const taken = page.getByTestId(`lane-${blaise}`).getByTestId("block-taken");
    await taken.waitFor();
    await taken.filter({ hasText: "14:00 – 15:00" }).waitFor();
    expect(await page.content()).not.toContain("Private matter");
    await as("agent", "POST", `/v1/bookings/${others.id}/cancel`, {});
    await taken.waitFor({ state: "detached" });
    expect(await page.evaluate(() => (window as unknown as { same?: boolean }).same)).toBe(true);

    // Moves it to another room and hour by dragging, and longer by its lower edge.
    await dragMouse(page, await pointOf(page, ada, hour(10) + 30), await pointOf(page, blaise, hour(13) + 30));
    await page.getByTestId("said").waitFor();
    await expect
      .poll(async () => (await bookingsOf("driver"))[0]!.slot)
      .toEqual(written(slotAt(tomorrow, hour(13), hour(14) + 30)));
    await page.getByTestId(`lane-${blaise}`).getByTestId("block-booking").waitFor();
    await expect.poll(() => own.getAttribute("class")).toContain("movable");
    const edge = await pointOf(page, blaise, hour(14) + 25);
    await dragMouse(page, edge, await pointOf(page, blaise, hour(15)));
    await expect
      .poll(async () => (await bookingsOf("driver"))[0]!.slot)
      .toEqual(written(slotAt(tomorrow, hour(13), hour(15))));

    // Makes it weekly: what is taken is told for each date before anything is written.
    await book("agent", blaise, slotAt(tomorrow + 14, hour(13), hour(14)), "In the way");
    await own.click();
    await page.getByTestId("make-repeat").click();
    await page.getByTestId("repeat-count").fill("5");
    await page.getByTestId("repeat-count").blur();
    await expect.poll(() => page.locator("[data-testid=occurrences] li").count()).toBe(4);
    const outcomes = () =>
      page
        .locator("[data-testid=occurrences] li")
        .evaluateAll((all) => all.map((one) => (one as HTMLElement).dataset.outcome));
    await expect.poll(outcomes).toEqual(["free", "taken", "free", "free"]);
    expect(await bookingsOf("driver")).toHaveLength(1);
    await page.getByTestId("book-repeat").click();
    await page.getByTestId("booking-details").waitFor({ state: "detached" });
    await expect.poll(async () => (await bookingsOf("driver")).length).toBe(4);

    // Cancels one of them, and only that one.
    await page.goto(`/${calendarHash(house, tomorrow + 7)}`);
    await own.click();
    const cancel = page.getByTestId("cancel-one").getByRole("button");
    await cancel.click();
    await cancel.click();
    await own.waitFor({ state: "detached" });
    const left = async () => (await bookingsOf("driver")).filter((one) => one.state === "booked");
    await expect
      .poll(async () => (await left()).map((one) => one.slot.start))
      .toEqual([0, 21, 28].map((days) => written(slotAt(tomorrow + days, hour(13), hour(15))).start));
  });

  it("joins the waitlist, is offered the place and takes it", async () => {
    const curie = house.rooms[2];
    const day = tomorrow + 1;
    const inTheWay = await book("agent", curie, slotAt(day, hour(9), hour(12)), "First");
    const page = await newPage();
    await openLive(page, calendarHash(house, day));
    await loginAs(page, "driver");
    await page.getByTestId(`lane-${curie}`).getByTestId("block-taken").click();
    await page.getByTestId("book-taken").waitFor();
    // The nearest alternatives, each with its reason.
    await page.getByTestId("suggestion").first().waitFor();
    const reasons = page.getByTestId("suggestions");
    await reasons.filter({ hasText: "Another place at your time" }).waitFor();
    await reasons.filter({ hasText: /Same place, .+ (earlier|later)/ }).waitFor();
    await page.getByTestId("book-title").fill(`Waiting in ${house.site}`);
    await page.getByTestId("join-waitlist").click();
    await page.getByTestId("said").filter({ hasText: "waitlist" }).waitFor();
    await page.goto("/#/bookings/mine");
    await page.getByTestId("mine.waiting").filter({ hasText: "Number 1 of 1" }).waitFor();

    await as("agent", "POST", `/v1/bookings/${inTheWay.id}/cancel`, {});
    const offer = page.getByTestId("offer");
    await offer.waitFor();
    await offer.filter({ hasText: /Curie[\s\S]+left/ }).waitFor();
    await page.getByTestId("offer-accept").click();
    await offer.waitFor({ state: "detached" });
    const row = page.locator("li", { hasText: `Waiting in ${house.site}` });
    await expect.poll(() => row.getByTestId("state").getAttribute("data-state")).toBe("booked");
  });

  it("checks in, with a button and with the code on the door", async () => {
    await book("driver", house.lounge, slotSoon(60), `Coffee in ${house.site}`);
    const page = await newPage({ viewport: { width: 390, height: 844 }, hasTouch: true });
    await page.goto("/#/bookings/mine");
    await loginAs(page, "driver");
    const row = page.locator("li", { hasText: `Coffee in ${house.site}` });
    await row.getByTestId("row-check-in").tap();
    await expect.poll(() => row.getByTestId("state").getAttribute("data-state")).toBe("arrived");

    await book("agent", house.rooms[0], slotAt(tomorrow + 3, hour(9), hour(10)), "Later");
    const door = await newPage({ viewport: { width: 390, height: 844 } });
    const { path } = await as<{ path: string }>("manager", "GET", `/v1/resources/${house.lounge}/check-in-code`);
    await door.goto(`/#${path}`);
    // Whoever is not logged in is asked to, and comes back to the check-in.
    await loginAs(door, "driver");
    await door.getByText("You are checked in.").waitFor();
    await door.goto(`/#${path.replace(/code=.+/, "code=wrong")}`);
    await door.reload();
    await door.getByTestId("check-in-failed").waitFor();
  });

  it("books a series of which what is taken is left out", async () => {
    const ada = house.rooms[0];
    const day = tomorrow + 2;
    await book("agent", ada, slotAt(day + 1, hour(16), hour(17)), "One day");
    const page = await newPage();
    await openLive(page, calendarHash(house, day));
    await loginAs(page, "driver");
    await page.getByTestId(`lane-${ada}`).waitFor();
    await dragMouse(page, await pointOf(page, ada, hour(16) + 5), await pointOf(page, ada, hour(16) + 55));
    await page.getByTestId("book-title").fill("Stand-up");
    await page.getByTestId("repeat").selectOption("daily");
    await page.getByTestId("repeat-count").fill("4");
    await page.getByTestId("repeat-count").blur();
    await expect.poll(() => page.locator("[data-outcome=taken]").count()).toBe(1);
    await page.getByTestId("occurrence-summary").filter({ hasText: "1 of 4" }).waitFor();
    await page.getByTestId("book-submit").click();
    await page.getByTestId("book-dialog").waitFor({ state: "detached" });
    const stand = async () => (await bookingsOf("driver")).filter((one) => one.title === "Stand-up");
    await expect.poll(async () => (await stand()).length).toBe(3);

    // Changes this one and all that follow.
    await page.getByTestId("block-booking").filter({ hasText: "Stand-up" }).click();
    await page.getByTestId("change").click();
    await page.getByTestId("scope-following").check();
    const form = page.getByTestId("change-form");
    await form.getByLabel("From").fill("15:00");
    await form.getByLabel("To", { exact: true }).fill("15:30");
    await page.getByTestId("save-change").click();
    await page.getByTestId("booking-details").waitFor({ state: "detached" });
    const expected = [0, 2, 3].map((days) => written(slotAt(day + days, hour(15), hour(15) + 30)));
    await expect.poll(async () => (await stand()).map((one) => one.slot)).toEqual(expected);
  });

  it("does it all with the keyboard", async () => {
    const page = await newPage({ viewport: { width: 1280, height: 1000 } });
    const day = tomorrow + 4;
    await openLive(page, calendarHash(house, day, { view: "timeline" }));
    await loginAs(page, "driver");
    await page.getByTestId(`lane-${house.rooms[0]}`).waitFor();
    await page.getByTestId("lanes").focus();
    // The first arrow sets the cursor at nine; two quarters later, half an hour longer.
    for (const key of ["ArrowRight", "ArrowRight", "ArrowRight", "Shift+ArrowRight", "Shift+ArrowRight"])
      await page.keyboard.press(key);
    await page.keyboard.press("Enter");
    expect(await page.getByTestId("book-from").inputValue()).toBe("09:30");
    expect(await page.getByTestId("book-to").inputValue()).toBe("11:00");
    await page.getByTestId("quote").waitFor();
    await page.keyboard.type("By keyboard");
    await page.keyboard.press("Enter");
    const own = page.getByTestId("block-booking").filter({ hasText: "By keyboard" });
    await own.waitFor();
    await own.focus();
    for (const key of ["Space", "ArrowDown", "ArrowRight", "Shift+ArrowRight", "Enter"]) await page.keyboard.press(key);
    const wanted = written(slotAt(day, hour(9) + 45, hour(11) + 30));
    const mine = async () => (await bookingsOf("driver")).find((one) => one.title === "By keyboard")!;
    await expect.poll(async () => (await mine()).slot).toEqual(wanted);
    expect((await mine()).resources[0]!.id).toBe(house.rooms[1]);
    // Undone with one press.
    await page.getByTestId("undo").click();
    await expect.poll(async () => (await mine()).resources[0]!.id).toBe(house.rooms[0]);
  });

  it("names the plate that a parking space is booked for", async () => {
    const space = house.site.replace("house", "space");
    const zone = space.replaceAll("-", "_");
    await as("manager", "PUT", `/v1/resources/${space}`, {
      site: house.site,
      kind: "parking",
      name: "Space 7",
      policy: house.lounge.replace("lounge", "usual"),
      sensor: { place: "default", zone, space: 7 },
    });
    const slot = slotAt(tomorrow, hour(9), hour(10));
    const booked = await book("driver", space, slot, "Visitor's car");
    const page = await newPage({ viewport: { width: 390, height: 844 } });
    await page.goto("/#/bookings/mine");
    await loginAs(page, "driver");
    await page.locator(`[data-booking="${booked.id}"]`).getByTestId("open-booking").click();
    const field = page.getByTestId("plate-field");
    const plate = `SP-${String(Date.now()).slice(-3)}-CE`;
    // A moment passes until the booking is known where rights are kept.
    const known = () => as("driver", "GET", `/v1/parking/bookings/${booked.id}/plate`).then(Boolean, () => false);
    await expect.poll(known).toBe(true);
    await field.getByTestId("plate").fill(plate);
    await field.getByTestId("plate-save").click();
    await field.getByTestId("plate-remove").waitFor();
    expect(await violations(page)).toEqual([]);
    const check = async () => {
      const question = { plate, zone, space: 7, at: slot.start };
      const answer = await as<{ covering: { kind: string } | null }>(
        "agent",
        "POST",
        "/v1/parking/rights/check",
        question,
      );
      return answer.covering?.kind ?? null;
    };
    expect(await check()).toBe("booking");
    await field.getByTestId("plate-remove").click();
    await field.getByTestId("plate-remove").waitFor({ state: "detached" });
    expect(await check()).toBeNull();
  });
});

/** As the API writes instants. */
function written({ start, end }: { start: string; end: string }) {
  const plain = (at: string) => at.replace(".000Z", "Z");
  return { start: plain(start), end: plain(end) };
}
