import { describe, expect, it } from "vitest";
import type { AlertMessage, ParkingEvent } from "../src/lib/api/types";
import {
  alertOf,
  applyLive,
  applyPlaceSummary,
  applyZoneSummary,
  mergeAlerts,
  mergeEvents,
  mergeSnapshot,
} from "../src/lib/live/apply";
import { iso, live, place, space, summary, zone } from "./samples";

describe("a live message", () => {
  it("changes its spaces and nothing else", () => {
    const shown = [space(1), space(2)];
    const result = applyLive(shown, live([{ number: 2, status: "occupied", since: iso(9), seen_at: iso(10) }], 10));
    expect(result.spaces[0]).toBe(shown[0]);
    expect(result.spaces[1]).toMatchObject({ status: "occupied", since: iso(9), seen_at: iso(10) });
    expect(result.changed).toEqual(["Zone_A#2"]);
    expect(shown[1]?.status).toBe("free");
  });

  it("writes arrivals and departures with the stay", () => {
    const taken = [space(1, { status: "occupied", since: iso(0) })];
    const left = applyLive(taken, live([{ number: 1, status: "free", since: iso(90), seen_at: iso(90) }], 91));
    expect(left.events).toMatchObject([{ type: "park_end", at: iso(90), space: 1, zone: "Zone_A", dwell_seconds: 90 }]);
    const back = applyLive(
      left.spaces,
      live([{ number: 1, status: "occupied", since: iso(120), seen_at: iso(120) }], 121),
    );
    expect(back.events).toMatchObject([{ type: "park_start", at: iso(120), dwell_seconds: null }]);
  });

  it("does not make an event of the first free reading of an unknown space", () => {
    const shown = [space(1, { status: "unknown", since: null, seen_at: null })];
    const result = applyLive(shown, live([{ number: 1, status: "free", seen_at: iso(5) }], 5));
    expect(result.events).toEqual([]);
    expect(result.changed).toEqual(["Zone_A#1"]);
  });

  it("reports lost and restored sensors, also when they were not seen again", () => {
    const lost = applyLive([space(1)], live([{ number: 1, connectivity: "lost" }], 900));
    expect(lost.events.map((event) => event.type)).toEqual(["comms_lost"]);
    const back = applyLive(lost.spaces, live([{ number: 1, connectivity: "online", seen_at: iso(950) }], 950));
    expect(back.events.map((event) => event.type)).toEqual(["comms_restored"]);
  });

  it("older than what is shown changes nothing", () => {
    const shown = [space(1, { status: "occupied", seen_at: iso(60) })];
    const result = applyLive(shown, live([{ number: 1, status: "free", seen_at: iso(59) }], 59));
    expect(result.spaces[0]).toBe(shown[0]);
    expect(result.changed).toEqual([]);
  });

  it("about an unknown space adds it in its place and asks for the register", () => {
    const result = applyLive([space(1), space(3)], live([{ number: 2, status: "occupied" }], 1));
    expect(result.spaces.map((one) => one.number)).toEqual([1, 2, 3]);
    expect(result.unknown).toBe(true);
  });
});

describe("an answer of the API", () => {
  it("gives way to a live message that is newer", () => {
    const shown = [space(1, { status: "occupied", since: iso(30), seen_at: iso(30) })];
    const merged = mergeSnapshot(shown, [space(1, { label: "A1", seen_at: iso(20) })]);
    expect(merged[0]).toMatchObject({ label: "A1", status: "occupied", seen_at: iso(30) });
  });

  it("wins otherwise, and says which spaces exist", () => {
    const shown = [space(1, { status: "occupied", seen_at: iso(10) }), space(2)];
    const merged = mergeSnapshot(shown, [space(1, { seen_at: iso(20) })]);
    expect(merged).toEqual([space(1, { seen_at: iso(20) })]);
  });
});

describe("a summary", () => {
  it("of a zone changes the place's figures with it", () => {
    const before = place([zone("A", 8, 2), zone("B", 8, 4)]);
    const after = applyZoneSummary(before, "A", summary(8, 8, 5, "A"));
    expect(after.zones[0]).toMatchObject({ level: "saturated", occupancy: { occupied: 8, free: 0 } });
    expect(after.occupancy).toMatchObject({ total: 16, occupied: 12, free: 4, rate: 75, updated_at: iso(5) });
    expect(after.level).toBe("busy");
  });

  it("leaves closed zones out of the place's figures", () => {
    const before = place([zone("A", 8, 2), zone("B", 8, 8, { status: "closed" })]);
    expect(applyZoneSummary(before, "A", summary(8, 4, 5, "A")).occupancy).toMatchObject({ total: 8, occupied: 4 });
  });

  it("that is older than what is shown changes nothing", () => {
    const before = place([zone("A", 8, 2)]);
    expect(applyZoneSummary(before, "A", summary(8, 8, -5, "A")).zones[0]).toEqual(before.zones[0]);
    const places = [place([], { occupancy: { ...zone("A", 8, 2).occupancy } })];
    expect(applyPlaceSummary(places, summary(8, 8, -5))).toEqual(places);
  });

  it("of one place leaves the other places alone", () => {
    const places = [place([]), place([], { id: "other" })];
    const after = applyPlaceSummary(places, summary(10, 9, 5));
    expect(after[0]).toMatchObject({ level: "saturated", occupancy: { occupied: 9 } });
    expect(after[1]).toBe(places[1]);
  });
});

describe("the journal", () => {
  const event = (id: string, seconds: number): ParkingEvent => ({
    id,
    at: iso(seconds),
    type: "park_start",
    zone: "Zone_A",
    space: 1,
    dwell_seconds: null,
  });

  it("keeps one entry per fact, the server's, newest first", () => {
    const merged = mergeEvents([event("live:x", 5), event("s1", 1)], [event("s2", 5), event("s1", 1)]);
    expect(merged.map((one) => one.id)).toEqual(["s2", "s1"]);
  });

  it("does not let a live entry replace the server's", () => {
    expect(mergeEvents([event("s2", 5)], [event("live:x", 5)]).map((one) => one.id)).toEqual(["s2"]);
  });

  it("holds a hundred entries", () => {
    const many = Array.from({ length: 150 }, (_, index) => event(`e${index}`, index));
    const merged = mergeEvents([], many);
    expect(merged).toHaveLength(100);
    expect(merged[0]?.id).toBe("e149");
  });
});

describe("alerts", () => {
  const message: AlertMessage = {
    id: "a1",
    type: "parvis.parking.alert.raised",
    time: iso(3),
    data: {
      place: "default",
      zone: null,
      level: "busy",
      occupancy_rate: 75,
      occupied: 18,
      total: 24,
      threshold: 70,
      at: iso(3),
    },
  };

  it("are read from cloud events, other events are not", () => {
    expect(alertOf(message)).toMatchObject({ id: "a1", type: "raised", zone: null, level: "busy" });
    expect(alertOf({ ...message, type: "parvis.parking.alert.cleared" })?.type).toBe("cleared");
    expect(alertOf({ ...message, type: "parvis.other" })).toBeNull();
  });

  it("are shown once however often they come", () => {
    const alert = alertOf(message)!;
    expect(mergeAlerts([alert], [alert, { ...alert, id: "a2", at: iso(9) }]).map((one) => one.id)).toEqual([
      "a2",
      "a1",
    ]);
  });
});
