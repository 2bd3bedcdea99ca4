import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import type { Api } from "../src/lib/api/client";
import type { Place } from "../src/lib/api/types";
import { togetherOf } from "../src/lib/live/level";
import { PlacesFeed } from "../src/lib/live/places-feed.svelte";
import { place, summary, zone } from "./samples";

let answer: () => Promise<{ places: Place[] }>;
let feed: PlacesFeed;

function carPark(id: string, total: number, occupied: number, change: Partial<Place> = {}): Place {
  const zones = [zone("Zone_A", total, occupied)];
  return place(zones, { id, name: id, occupancy: zones[0]!.occupancy, ...change });
}

beforeEach(() => {
  vi.useFakeTimers();
  answer = async () => ({ places: [carPark("default", 10, 1), carPark("other", 10, 5)] });
  feed = new PlacesFeed({ places: () => answer() } as Api);
});

afterEach(() => {
  feed.dispose();
  vi.useRealTimers();
});

describe("the overview's data", () => {
  it("shows a live summary on the marker as in the list", async () => {
    await feed.refresh();
    feed.message("summary/default", summary(10, 9, 5));
    vi.advanceTimersByTime(100);
    const row = feed.places[0]!;
    expect(row.occupancy.rate).toBe(90);
    expect(togetherOf([row])).toEqual({ occupancy: row.occupancy, level: row.level });
    expect(togetherOf(feed.places)).toMatchObject({ occupancy: { total: 20, occupied: 14, rate: 70 }, level: "busy" });
  });

  it("keeps a summary that came while an older answer was under way", async () => {
    await feed.refresh();
    let arrive: (value: { places: Place[] }) => void = () => undefined;
    answer = () => new Promise((resolve) => (arrive = resolve));
    const reading = feed.refresh();
    vi.advanceTimersByTime(50);
    feed.message("summary/default", summary(10, 9, 5));
    vi.advanceTimersByTime(100);
    arrive({ places: [carPark("default", 10, 1, { name: "Renamed" }), carPark("other", 10, 6)] });
    await reading;
    expect(feed.places[0]).toMatchObject({ name: "Renamed", level: "saturated", occupancy: { occupied: 9 } });
    expect(feed.places[1]!.occupancy.occupied).toBe(6);
  });

  it("believes an answer that was asked for after the last summary", async () => {
    await feed.refresh();
    feed.message("summary/default", summary(10, 9, 5));
    vi.advanceTimersByTime(200);
    answer = async () => ({ places: [carPark("default", 10, 2)] });
    await feed.refresh();
    expect(feed.places.map((one) => one.occupancy.occupied)).toEqual([2]);
  });
});

describe("car parks that are closed", () => {
  const closed = carPark("closed", 50, 0, { status: "closed" });

  it("have no figure of their own on the map", () => {
    expect(togetherOf([closed])).toBeNull();
  });

  it("are left out of what several show together", () => {
    const open = carPark("open", 10, 8);
    expect(togetherOf([open, closed])).toEqual({ occupancy: open.occupancy, level: open.level });
  });
});
