import { describe, expect, it } from "vitest";
import { backoffMs } from "../src/lib/live/backoff";
import { levelOf } from "../src/lib/live/level";
import { addRecent, mergeRecent, recentRange } from "../src/lib/live/recent";
import { brokerUrl, matches } from "../src/lib/live/transport";
import { T0, zone } from "./samples";

describe("levels", () => {
  it.each([
    [0, "normal"],
    [69.99, "normal"],
    [70, "busy"],
    [84.99, "busy"],
    [85, "saturated"],
    [100, "saturated"],
  ] as const)("%d %% is %s", (rate, expected) => {
    expect(levelOf(rate, { busy: 70, saturated: 85, hysteresis: 5 })).toBe(expected);
  });
});

describe("reconnection", () => {
  it("waits longer each time, up to half a minute, never in step with others", () => {
    expect([0, 1, 2, 3].map((attempt) => backoffMs(attempt, () => 1))).toEqual([1000, 2000, 4000, 8000]);
    expect(backoffMs(50, () => 1)).toBe(30_000);
    expect(backoffMs(3, () => 0)).toBe(4000);
  });
});

describe("topics", () => {
  it.each([
    ["live/p/#", "live/p/Zone_A", true],
    ["live/p/#", "live/p", true],
    ["live/p/#", "live/q/Zone_A", false],
    ["summary/+", "summary/p", true],
    ["summary/+", "summary/p/Zone_A", false],
    ["summary/p", "summary/p/Zone_A", false],
    ["summary/p/Zone_A", "summary/p", false],
  ])("%s matches %s: %s", (filter, topic, expected) => {
    expect(matches(filter, topic)).toBe(expected);
  });

  it("name the authorizer the way AWS IoT wants it", () => {
    expect(brokerUrl({ url: "ws://x:9001/mqtt", authorizer: null })).toBe("ws://x:9001/mqtt");
    expect(brokerUrl({ url: "wss://x/mqtt", authorizer: "parvis-prod-browsers" })).toBe(
      "wss://x/mqtt?x-amz-customauthorizer-name=parvis-prod-browsers",
    );
  });
});

describe("the last half hour", () => {
  const occupancy = (occupied: number) => zone("A", 10, occupied).occupancy;
  const minute = (index: number, occupied: number) => ({
    at: new Date(T0 + index * 60_000).toISOString(),
    occupied,
    total: 10,
    rate: occupied * 10,
  });

  it("asks for whole minutes, so that a repeated question is the same", () => {
    expect(recentRange(T0 + 1)).toEqual(recentRange(T0 + 59_999));
    expect(recentRange(T0).to).toBeGreaterThan(T0);
  });

  it("continues the history by what was seen live", () => {
    const now = T0 + 2.5 * 60_000;
    const seen = addRecent(addRecent([], T0 + 90_000, occupancy(5)), T0 + 130_000, occupancy(6));
    const merged = mergeRecent(seen, [minute(0, 3), minute(1, 4), minute(2, 9)], now);
    // Minute 1 is the history's now; the unfinished minute 2 stays what was seen.
    expect(merged.map((point) => [point.at - T0, point.occupied])).toEqual([
      [0, 3],
      [60_000, 4],
      [130_000, 6],
    ]);
  });

  it("forgets what is older", () => {
    const old = addRecent([], T0, occupancy(5));
    expect(addRecent(old, T0 + 32 * 60_000, occupancy(6))).toHaveLength(1);
  });

  it("keeps the last of several changes within a second", () => {
    const points = addRecent(addRecent([], T0, occupancy(5)), T0 + 400, occupancy(7));
    expect(points.map((point) => point.occupied)).toEqual([7]);
  });
});
