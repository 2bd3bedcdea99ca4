// @vitest-environment node
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { startMock, type Mock } from "../dev/mock-server";
import { Api } from "../src/lib/api/client";
import { RecentWrites } from "../src/pages/admin/recent-writes";
import { createPlace, Register } from "../src/pages/admin/register.svelte";
import { place as samplePlace } from "./samples";

let mock: Mock;
let api: Api;
let recent: RecentWrites;
let now = 0;

const claims = Buffer.from(JSON.stringify({ "cognito:groups": ["manager"] })).toString("base64url");
const attributes = {
  name: "Gare",
  timezone: "Europe/Paris",
  location: null,
  address: null,
  enrolment: "closed",
  thresholds: { busy: 70, saturated: 85, hysteresis: 5 },
  status: "open",
} as const;

beforeEach(async () => {
  mock = await startMock({ port: 0, mqttPort: 0, wsPort: 0, stepMs: 0, pages: null });
  api = new Api({ base: mock.url, token: async () => `x.${claims}.y` });
  now = 0;
  recent = new RecentWrites(() => now);
});

afterEach(() => mock.close());

async function opened(id: string): Promise<Register> {
  const register = new Register(api, id, recent);
  await register.load();
  return register;
}

describe("the register", () => {
  it("shows after each write what the server has, without reading it again", async () => {
    await createPlace(api, "test-gare", attributes, recent);
    const register = await opened("test-gare");
    await register.createZone("North", { name: "North", source: "spaces", status: "open", capacity: null });
    await register.addSpaces("North", 1, 3, { label: null, kind: "electric", x: null, y: null });
    await register.saveSpace("North", 2, { closed: true });
    await register.deleteSpace("North", 3);
    await register.saveZone("North", { name: "North side" });
    await register.savePlace({ ...attributes, name: "Gare Saint-Roch" });
    const shown = { place: register.place!, spaces: register.spaces };

    now = 60_000;
    await register.load();
    const outline = ({ place, spaces }: typeof shown) => ({
      place: [place.name, place.zones.map((zone) => [zone.id, zone.name, zone.occupancy.total])],
      spaces: spaces.map((space) => [space.number, space.kind, space.closed]),
    });
    expect(outline(shown)).toEqual(outline({ place: register.place!, spaces: register.spaces }));
    expect(shown.place.version).toBe(register.place!.version);
  });

  it("refuses to overwrite what somebody else changed, and shows it", async () => {
    const register = await opened("default");
    const other = await opened("default");
    await other.savePlace({ ...attributes, name: "Changed by another" });
    recent.forget("default");
    await expect(register.savePlace({ ...attributes, name: "Mine" })).rejects.toMatchObject({ status: 412 });
    expect(register.place!.name).toBe("Changed by another");
    await register.savePlace({ ...attributes, name: "Mine" });
    expect((await api.place("default")).name).toBe("Mine");
  });

  it("overwrites no existing space when some are added, and finishes what was cut short", async () => {
    const register = await opened("default");
    const kinds = async () => {
      const { spaces } = await api.spaces("default");
      const inRange = spaces.filter((space) => space.zone === "Zone_A" && space.number >= 7 && space.number <= 102);
      return Object.fromEntries(inRange.map((space) => [space.number, space.kind]));
    };
    const before = await kinds();
    // Another administrator adds one that this page does not know of.
    const other = await opened("default");
    await other.addSpaces("Zone_A", 101, 101, { label: null, kind: "electric", x: null, y: null });
    recent.forget("default");
    const attributes = { label: null, kind: "delivery", x: null, y: null } as const;
    await expect(register.addSpaces("Zone_A", 100, 102, attributes)).rejects.toMatchObject({ status: 428 });
    const told: string[] = [];
    const note = (done: number, total: number) => told.push(`${done} of ${total}`);
    expect(await register.addSpaces("Zone_A", 100, 102, attributes, note)).toBe(1);
    expect(await register.addSpaces("Zone_A", 7, 8, attributes, note)).toBe(0);
    expect(told).toEqual(["0 of 1"]);
    expect(await kinds()).toEqual({ ...before, 100: "delivery", 101: "electric", 102: "delivery" });
  });
});

describe("recent writes", () => {
  it("correct a list from a cache until the cache has caught up", () => {
    const old = [samplePlace([], { id: "a", name: "A" }), samplePlace([], { id: "b", name: "B" })];
    const snapshot = (id: string, name: string) => ({
      place: samplePlace([], { id, name }),
      spaces: [],
      versions: new Map(),
    });
    recent.note("a", null);
    recent.note("b", snapshot("b", "B2"));
    recent.note("c", snapshot("c", "C"));
    expect(recent.over(old).map((place) => place.name)).toEqual(["B2", "C"]);
    now = 16_000;
    expect(recent.over(old)).toEqual(old);
  });
});
