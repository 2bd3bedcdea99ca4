// @vitest-environment node
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { Api } from "../src/lib/api/client";
import { PlaceFeed } from "../src/lib/live/place-feed.svelte";
import { startMock, type Mock } from "../dev/mock-server";

let mock: Mock;
let feed: PlaceFeed;

beforeEach(async () => {
  mock = await startMock({ port: 0, mqttPort: 0, wsPort: 0, stepMs: 0, pages: null });
  feed = new PlaceFeed(new Api({ base: mock.url, fetch: globalThis.fetch }), "default");
});

afterEach(async () => {
  feed.dispose();
  await mock.close();
});

describe("the dashboard's data", () => {
  it("is complete after one read", async () => {
    await feed.refresh();
    expect(feed.spaces).toHaveLength(24);
    expect(feed.place?.occupancy.total).toBe(24);
    expect(feed.events).toHaveLength(100);
    expect(feed.alerts.length).toBeGreaterThan(0);
    expect(feed.findings).toHaveLength(2);
    expect(feed.recent.length).toBeGreaterThan(25);
    expect(feed.hourly.length).toBeGreaterThan(20);
    expect([...feed.failed]).toEqual([]);
  });

  it("follows live messages and agrees with the next read", async () => {
    await feed.refresh();
    mock.world.publish = (topic, payload) => feed.message(topic, payload);
    const free = feed.place!.occupancy.free;
    const target = feed.spaces.find((space) => space.status === "free" && space.connectivity === "online")!;
    mock.world.reading(target.zone, target.number, "occupied");
    expect(feed.place!.occupancy.free).toBe(free - 1);
    expect(feed.changed.has(`${target.zone}#${target.number}`)).toBe(true);
    expect(feed.events[0]).toMatchObject({ type: "park_start", zone: target.zone, space: target.number });
    const shown = { place: feed.place, spaces: feed.spaces, events: feed.events.length };
    await feed.refresh();
    expect(feed.place!.occupancy.free).toBe(shown.place!.occupancy.free);
    expect(feed.spaces).toEqual(shown.spaces);
    // The server's entry took the place of the one made from the message.
    expect(feed.events[0]!.id.startsWith("live:")).toBe(false);
  });

  it("names a place that does not exist, without calling the connection lost", async () => {
    const other = new PlaceFeed(new Api({ base: mock.url }), "nowhere");
    await other.refresh();
    expect(other.notFound).toBe(true);
  });

  it("lives on when a part of the API fails, and says which", async () => {
    const broken: typeof fetch = async (input, init) =>
      String(input).includes("/events") ? new Response("{}", { status: 503 }) : fetch(input, init);
    const partly = new PlaceFeed(new Api({ base: mock.url, fetch: broken }), "default");
    await partly.refresh();
    expect(partly.spaces).toHaveLength(24);
    expect([...partly.failed]).toEqual(["events"]);
  });

  it("rejects when the state cannot be read", async () => {
    const dead = new PlaceFeed(
      new Api({ base: mock.url, fetch: async () => Promise.reject(new TypeError("failed")) }),
      "default",
    );
    await expect(dead.refresh()).rejects.toThrow();
  });
});

describe("the API client", () => {
  it("asks conditionally and gives the same object for an unchanged answer", async () => {
    const seen: (string | null)[] = [];
    const spy: typeof fetch = async (input, init) => {
      const response = await fetch(input, init);
      seen.push(`${new Headers(init?.headers).has("if-none-match")} ${response.status}`);
      return response;
    };
    const api = new Api({ base: mock.url, fetch: spy });
    const first = await api.places();
    expect(await api.places()).toBe(first);
    expect(seen).toEqual(["false 200", "true 304"]);
  });

  it("turns problem documents into errors", async () => {
    const api = new Api({ base: mock.url });
    await expect(api.get("/v1/places/nowhere")).rejects.toMatchObject({ status: 404, title: "There is no such place" });
  });

  it("sends the token and the version with a write", async () => {
    const calls = vi.fn(async () => new Response(null, { status: 204 }));
    const api = new Api({ base: "/x", token: async () => "abc", fetch: calls as unknown as typeof fetch });
    await api.send("PUT", "/v1/places/p", { body: { name: "P" }, version: 4 });
    expect(calls).toHaveBeenCalledWith(
      "/x/v1/places/p",
      expect.objectContaining({
        method: "PUT",
        body: '{"name":"P"}',
        headers: expect.objectContaining({ authorization: "Bearer abc", "if-match": '"4"' }),
      }),
    );
  });
});
