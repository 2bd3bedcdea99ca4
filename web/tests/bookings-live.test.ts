import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { ApiError, type Api } from "../src/lib/api/client";
import { applyMessage, blocksOf, freeOf, isFree, mergeBookings, spanOf, without } from "../src/lib/bookings/apply";
import { CalendarFeed } from "../src/lib/bookings/calendar-feed.svelte";
import { BookingsApi } from "../src/lib/bookings/client";
import { OwnFeed } from "../src/lib/bookings/own-feed.svelte";
import type { Booking, ResourceTimes } from "../src/lib/bookings/types";
import { Wish } from "../src/lib/bookings/wish.svelte";
import { at, booking, message, PARIS, slot, times } from "./booking-samples";

const busy = (from: number, to: number) => ({ ...slot(from, to), type: "busy" as const });

describe("what a calendar shows", () => {
  it("is bookings that are known, the buffers around them, and what others have", () => {
    const padded = { start: at(8, 45), end: at(10, 15), type: "busy" as const };
    const shown = blocksOf(times({ busy: [padded, busy(11, 12)] }), [
      booking(),
      booking({ id: "gone", state: "cancelled" }),
    ]);
    expect(shown.map((block) => [block.kind, new Date(block.start).toISOString().slice(11, 16)])).toEqual([
      ["buffer", "08:45"],
      ["booking", "09:00"],
      ["buffer", "10:00"],
      ["taken", "11:00"],
    ]);
    expect(blocksOf(times(), [booking()])).toHaveLength(1);
  });

  it("is free where it is open and not taken", () => {
    const one = times({ busy: [busy(9, 10), busy(10, 11)] });
    expect(freeOf(one)).toEqual([slot(7, 9), slot(11, 17)].map(spanOf));
    expect([
      isFree(one, spanOf(slot(8, 9))),
      isFree(one, spanOf(slot(8, 10))),
      isFree(one, spanOf(slot(16, 18))),
    ]).toEqual([true, false, false]);
    // What is moved does not stand in its own way.
    expect(isFree(one, spanOf(slot(8, 10)), spanOf(slot(9, 10)))).toBe(true);
    expect(without([spanOf(slot(7, 9))], [spanOf(slot(7, 9))])).toEqual([]);
  });

  it("takes over what messages tell", () => {
    let all = [times(), times({ id: "b" })];
    const taken = () =>
      all.map((one) => one.busy.map((span) => `${span.start.slice(11, 13)}-${span.end.slice(11, 13)}`));
    all = applyMessage(all, message());
    expect(taken()).toEqual([["11-12"], []]);
    all = applyMessage(all, message({ resources: ["b"], slot: slot(13, 15), before: slot(11, 12), version: 2 }));
    expect(taken()).toEqual([[], ["13-15"]]);
    all = applyMessage(all, message({ resources: ["b"], slot: slot(13, 15), state: "cancelled", version: 3 }));
    expect(taken()).toEqual([[], []]);
    // A change of what only an answer told, whose booking is unknown: known by the time it had.
    all = applyMessage(
      [times({ busy: [busy(9, 10)] })],
      message({ slot: slot(14, 15), before: slot(9, 10), version: 2 }),
    );
    expect(taken()).toEqual([["14-15"]]);
    // Nothing of it is shown: the very same array.
    expect(applyMessage(all, message({ booking: "x", resources: ["elsewhere"] }))).toBe(all);
    expect(applyMessage(all, message({ booking: "x", resources: [], state: "waitlist" }))).toBe(all);
  });

  it("keeps a buffer that an answer told when the message of the same booking comes after it", () => {
    const padded = { start: at(10, 45), end: at(12, 15), type: "busy" as const };
    const [one] = applyMessage([times({ busy: [padded] })], message());
    expect(one!.busy).toMatchObject([{ start: at(10, 45), end: at(12, 15) }]);
  });

  it("has each booking once, the newest version of it", () => {
    const merged = mergeBookings(
      [booking({ version: 3, title: "new" })],
      [booking({ version: 2 }), booking({ id: "two", slot: slot(7, 8) })],
    );
    expect(merged.map((one) => [one.id, one.version])).toEqual([
      ["two", 1],
      ["one", 3],
    ]);
  });
});

/** An API whose answers are given by path; what was asked is kept. */
function fakeApi(answers: Record<string, () => unknown>) {
  const asked: string[] = [];
  const answer = async (path: string) => {
    asked.push(path);
    const found = Object.entries(answers).find(([start]) => path.startsWith(start));
    if (!found) throw new ApiError(404, `no ${path}`, null);
    return found[1]();
  };
  const sent: { method: string; path: string; body: unknown; key?: string }[] = [];
  const api = {
    get: (path: string) => answer(path),
    own: (path: string) => answer(path),
    send: async (method: string, path: string, options: { body?: unknown; key?: string } = {}) => {
      sent.push({ method, path, ...options } as (typeof sent)[number]);
      return { body: await answer(path), version: null };
    },
  } as unknown as Api;
  return { api: new BookingsApi(api), asked, sent };
}

describe("the feed of a calendar", () => {
  beforeEach(() => vi.useFakeTimers());
  afterEach(() => vi.useRealTimers());

  function feed(state: { times: ResourceTimes[]; bookings: Booking[] }) {
    const fake = fakeApi({
      "/v1/availability": () => ({ resources: state.times }),
      "/v1/bookings": () => ({ bookings: state.bookings, next_cursor: null }),
    });
    const range = spanOf(slot(0, 23));
    return { ...fake, feed: new CalendarFeed(fake.api, "house", range, () => ({ loggedIn: true, staff: false })) };
  }

  it("shows a message at once, and reads again for what it does not tell", async () => {
    const state = { times: [times()], bookings: [booking()] };
    const { feed: shown, asked } = feed(state);
    await shown.refresh();
    shown.message("", message());
    expect(shown.times[0]!.busy).toHaveLength(1);
    shown.message("", message({ version: 0, state: "cancelled" }));
    expect(shown.times[0]!.busy).toHaveLength(1);
    shown.message("", message({ booking: "one", slot: slot(14, 15), before: slot(9, 10), version: 2 }));
    expect(shown.bookings[0]!.slot).toEqual(slot(14, 15));
    const before = asked.length;
    await vi.advanceTimersByTimeAsync(2_000);
    expect(asked.length).toBe(before + 2);
    shown.dispose();
  });

  it("reads nothing for what is not in its range, and ignores answers to older questions", async () => {
    const state = { times: [times()], bookings: [] as Booking[] };
    const { feed: shown, asked } = feed(state);
    await shown.refresh();
    shown.message("", message({ slot: { start: "2027-01-01T00:00:00Z", end: "2027-01-01T01:00:00Z" } }));
    await vi.advanceTimersByTimeAsync(5_000);
    expect(asked).toHaveLength(2);
    const slow = shown.show(spanOf({ start: at(0), end: at(22) }));
    const fast = shown.show(spanOf({ start: at(0), end: at(21) }));
    await Promise.all([slow, fast]);
    expect(shown.loaded).toBe(true);
  });
});

describe("one's own bookings", () => {
  it("are read again when a message is about one of them, and offers stand out", async () => {
    vi.useFakeTimers();
    let state: Partial<Booking> = { state: "waitlist", resources: undefined };
    const { api, asked } = fakeApi({
      "/v1/bookings": () => ({ bookings: [booking(state as object)], next_cursor: null }),
      "/v1/me": () => ({ preferences: {}, favourites: ["a"], credits: 0, plan: null }),
    });
    const own = new OwnFeed(api);
    await own.refresh();
    expect([own.offers.length, own.isFavourite("a")]).toEqual([0, true]);
    own.message("", message({ booking: "somebody's" }));
    await vi.advanceTimersByTimeAsync(1_000);
    expect(asked).toHaveLength(2);
    state = { state: "held", waited: true, version: 2 };
    own.message("", message({ booking: "one", type: "parvis.waitlist.offered" }));
    await vi.advanceTimersByTimeAsync(1_000);
    expect(own.offers.map((one) => one.id)).toEqual(["one"]);
    vi.useRealTimers();
  });
});

describe("what was written here", () => {
  it("is not undone by an answer that was on its way", async () => {
    let answer: (bookings: Booking[]) => void = () => undefined;
    let readings = 0;
    const { api } = fakeApi({
      // The first reading hangs until the check-in is done, and knows nothing of it.
      "/v1/bookings": () => {
        readings += 1;
        const arrived = { bookings: [booking({ state: "arrived", version: 2 })], next_cursor: null };
        if (readings > 1) return arrived;
        return new Promise((resolve) => (answer = (bookings) => resolve({ bookings, next_cursor: null })));
      },
      "/v1/me": () => ({ preferences: {}, favourites: [], credits: 0, plan: null }),
    });
    const own = new OwnFeed(api);
    const reading = own.refresh();
    await vi.waitFor(() => expect(readings).toBe(1));
    own.put(booking({ state: "arrived", version: 2 }));
    answer([booking({ state: "booked", version: 1 })]);
    await reading;
    expect([own.bookings.map((one) => one.state), readings]).toEqual([["arrived"], 2]);
  });
});

describe("a wish", () => {
  const quote = {
    token: "signed",
    quote: { charge: booking().charge, lines: [], issued_at: at(0), expires_at: at(1) },
  };

  it("asks for the price and for what else there is, and books with what it was told", async () => {
    let taken = true;
    const { api, sent } = fakeApi({
      "/v1/quotes": () => quote,
      "/v1/series": () => ({ id: null, occurrences: [{ outcome: taken ? "taken" : "free" }] }),
      "/v1/suggestions": () => ({ suggestions: [{ resource: "b" }] }),
      "/v1/bookings": () => booking(),
    });
    const wish = new Wish(api, PARIS, "resource:a", spanOf(slot(9, 10)));
    expect([wish.date, wish.from, wish.to]).toEqual(["2026-11-24", "10:00", "11:00"]);
    await wish.check(true);
    expect([wish.taken, wish.suggestions.length, wish.quote?.token]).toEqual([true, 1, "signed"]);
    wish.from = "12:00";
    wish.to = "13:00";
    taken = false;
    await wish.check(true);
    expect(wish.taken).toBe(false);
    wish.title = " Plan ";
    await wish.book();
    const { key, body } = sent.at(-1)!;
    expect(body).toMatchObject({ title: "Plan", quote: "signed", items: [{ resource: "a" }], slot: slot(11, 12) });
    expect(key).toMatch(/^[\w-]{16,}$/);
  });

  it("takes no answer to what was wished before", async () => {
    vi.useFakeTimers();
    let release = (): void => undefined;
    const held = new Promise<void>((resolve) => (release = resolve));
    let asked = 0;
    const { api } = fakeApi({
      "/v1/quotes": async () => {
        if (asked++ > 0) return { ...quote, token: "second" };
        await held;
        return quote;
      },
      "/v1/series": () => ({ id: null, occurrences: [{ outcome: "free" }] }),
    });
    const wish = new Wish(api, PARIS, "resource:a", spanOf(slot(9, 10)));
    const first = wish.check(true);
    wish.to = "13:00";
    wish.checkSoon(true);
    release();
    await first;
    expect([wish.quote, wish.checking]).toEqual([null, true]);
    await vi.advanceTimersByTimeAsync(400);
    expect([wish.quote?.token, wish.checking]).toEqual(["second", false]);
    vi.useRealTimers();
  });

  it("asks for the price of each date of what repeats, which demand does not move", async () => {
    const { api, sent } = fakeApi({ "/v1/quotes": () => quote, "/v1/series": () => ({ id: null, occurrences: [{}] }) });
    const wish = new Wish(api, PARIS, "resource:a", spanOf(slot(9, 10)));
    const asked = async () => {
      await wish.check(true);
      return sent.map((one) => one.body as { repeats?: boolean }).findLast((body) => "repeats" in body)?.repeats;
    };
    expect(await asked()).toBe(false);
    wish.repeat = { ...wish.repeat, frequency: "daily" };
    expect(await asked()).toBe(true);
  });

  it("tells rules that are against it before it is booked, and a visitor whether it is free", async () => {
    const refusals = [{ code: "closed" }];
    const { api } = fakeApi({
      "/v1/quotes": () => quote,
      "/v1/series": () => ({ id: null, occurrences: [{ outcome: "refused", refusals }] }),
      "/v1/availability": () => ({ resources: [times({ busy: [busy(9, 10)] })] }),
      "/v1/suggestions": () => ({ suggestions: [] }),
    });
    const wish = new Wish(api, PARIS, "resource:a", spanOf(slot(9, 10)));
    await wish.check(true);
    expect([wish.taken, wish.refusals]).toEqual([false, refusals]);
    await wish.check(false);
    expect([wish.taken, wish.refusals]).toEqual([true, []]);
    wish.from = "12:00";
    wish.to = "13:00";
    await wish.check(false);
    expect(wish.taken).toBe(false);
  });

  it("tells what there is against a price, and of a series what there is against each date", async () => {
    const refuse = (code: string) => () => {
      throw new ApiError(422, "Not by the rules", null, [], "policy", { refusals: [{ code }] });
    };
    let quota: () => unknown = refuse("quota_reached");
    let occurrences: unknown[] = [{ outcome: "free" }];
    const { api } = fakeApi({
      "/v1/quotes": () => quota(),
      "/v1/series": () => ({ id: null, occurrences }),
    });
    const wish = new Wish(api, PARIS, "resource:a", spanOf(slot(9, 10)));
    await wish.check(true);
    expect([wish.quote, wish.failure, wish.refusals]).toEqual([null, null, [{ code: "quota_reached" }]]);
    wish.repeat = { ...wish.repeat, frequency: "daily" };
    quota = refuse("too_many_people");
    occurrences = [{ outcome: "refused", refusals: [{ code: "too_many_people" }] }];
    await wish.check(true);
    expect([wish.refusals, wish.conflicts.length]).toEqual([[], 1]);
    quota = () => {
      throw new ApiError(404, "Not found", null);
    };
    await wish.check(true);
    expect([wish.quote, wish.occurrences, (wish.failure as ApiError).status]).toEqual([null, null, 404]);
  });

  it("asks again under the same key while nobody has answered, and under a new one after a refusal", async () => {
    let answer: () => unknown = () => {
      throw new TypeError("network");
    };
    const { api, sent } = fakeApi({ "/v1/bookings": () => answer() });
    const wish = new Wish(api, PARIS, "resource:a", spanOf(slot(9, 10)));
    wish.title = "Plan";
    expect([await wish.book(), await wish.book()]).toEqual([null, null]);
    expect(sent[1]!.key).toBe(sent[0]!.key);
    answer = () => {
      throw new ApiError(409, "Taken", null, [], "taken", { suggestions: [{ resource: "b" }] });
    };
    await wish.book();
    expect([wish.taken, wish.suggestions.length]).toEqual([true, 1]);
    await wish.book(true);
    expect(new Set(sent.map((one) => one.key)).size).toBe(2);
    expect(sent.at(-1)!.body).toMatchObject({ waitlist: true });
  });

  it("ends on the next day where its end is not after its start", () => {
    const wish = new Wish(fakeApi({}).api, PARIS, "pool:desks", spanOf(slot(9, 10)));
    wish.from = "22:00";
    wish.to = "02:00";
    expect(wish.slot).toEqual({ start: at(21), end: at(25) });
    expect(wish.items).toEqual([{ pool: "desks" }]);
    wish.date = "";
    expect(wish.slot).toBeNull();
  });
});
