/** A car park and a site with a made-up past, forecast as the schedule would. */
import { randomBytes, randomUUID } from "node:crypto";
import { inject } from "vitest";
import { instantOf } from "../../src/lib/bookings/zoned";
import { as } from "./api";
import { buildHouse, dayFromToday, ZONE } from "./house";
import { publishPast } from "./sensor";

const HALF_HOUR = 1_800_000;
const WEEKS = 4;
export const CAPACITY = 200;

/** Full or nearly so from 8 to 19 o'clock by the car park's clock, nearly empty otherwise; some noise that nobody can foresee. */
function occupied(at: number): number {
  const hour = Number(
    new Intl.DateTimeFormat("en-GB", { timeZone: ZONE, hour: "2-digit", hourCycle: "h23" }).format(at),
  );
  const noise = ((at / HALF_HOUR) * 7919) % 13;
  return hour >= 8 && hour < 19 ? Math.min(CAPACITY, 191 + noise) : 20 + noise;
}

/** Asks until the answer is the wanted one. What fails is asked again. (`expect.poll` is for tests, not for what prepares them.) */
export async function until<T>(ask: () => Promise<T>, wanted: T, patience: number): Promise<void> {
  const deadline = Date.now() + patience;
  for (;;) {
    const answer = await ask().catch(String);
    if (answer === wanted) return;
    if (Date.now() > deadline) throw new Error(`wanted ${String(wanted)}, still ${String(answer)}`);
    await new Promise((done) => setTimeout(done, 500));
  }
}

/** Fires the schedule of the forecasts, as `parvis replay` does. */
export async function forecastNow(): Promise<void> {
  const lambda = inject("lambda");
  if (!lambda) throw new Error("forecasts need a stack: set PARVIS_URL and PARVIS_LAMBDA");
  const url = `${lambda}/2015-03-31/functions/ForecastFunction/invocations`;
  const response = await fetch(url, { method: "POST", body: JSON.stringify({ task: "catch-up" }) });
  if (!response.ok) throw new Error(`${url}: ${response.status} ${await response.text()}`);
}

/** A counted car park with four weeks of half-hourly counts in the history. */
export async function carParkWithPast(): Promise<string> {
  const id = `past-${randomBytes(4).toString("hex")}`;
  const zone = { id: "main", name: "Main", source: "counter", capacity: CAPACITY };
  await as("manager", "POST", "/v1/places", { id, name: `Past ${id}`, timezone: ZONE, zones: [zone] });
  const last = Math.floor(Date.now() / HALF_HOUR) * HALF_HOUR;
  const times = Array.from({ length: WEEKS * 7 * 48 }, (_, back) => last - (WEEKS * 7 * 48 - 1 - back) * HALF_HOUR);
  await publishPast(
    id,
    "main",
    times.map((at) => ({ at, occupied: occupied(at) })),
  );
  const week = new URLSearchParams({
    step: "raw",
    zone: "main",
    from: new Date(last - 7 * 86_400_000 + HALF_HOUR).toISOString(),
    to: new Date(last + 1000).toISOString(),
  });
  const kept = async () =>
    (await as<{ points: unknown[] }>("manager", "GET", `/v1/places/${id}/history?${week}`)).points.length;
  await until(kept, 7 * 48, 60_000);
  return id;
}

/** A site whose three rooms were taken from 10 to 12 and one from 14 to 16, every working day of the last weeks. */
export async function siteWithPast(): Promise<string> {
  const house = await buildHouse();
  const bookings = [];
  for (let back = WEEKS * 7; back >= 1; back--) {
    const day = dayFromToday(-back);
    // Day 0 was a Thursday.
    if ((day + 3) % 7 >= 5) continue;
    const times = house.rooms.map((room) => [room, 10, 12] as const);
    for (const [resource, from, until] of [...times, [house.rooms[0], 14, 16] as const]) {
      const at = (hour: number) => new Date(instantOf(day, hour * 60, ZONE)).toISOString();
      bookings.push({
        id: randomUUID(),
        resource,
        slot: { start: at(from), end: at(until) },
        ended: "fulfilled",
        total: { cents: 2400, currency: "EUR" },
      });
    }
  }
  await as("admin", "POST", "/v1/past-bookings", { bookings });
  return house.site;
}

/** A piece of equipment that was used for 480 hours, where others failed after about 500; the id of the order that it will get. */
export async function wornPrinter(site: string): Promise<string> {
  const printer = `printer-${randomBytes(4).toString("hex")}`;
  const policy = `any-${printer}`;
  await as("manager", "PUT", `/v1/policies/${policy}`, { name: "Any" });
  await as("manager", "PUT", `/v1/resources/${printer}`, { site, policy, kind: "equipment", name: "Printer" });
  const start = Math.floor(Date.now() / 3_600_000) * 3_600_000;
  const bookings = Array.from({ length: 60 }, (_, back) => ({
    id: randomUUID(),
    resource: printer,
    slot: {
      start: new Date(start - (back + 1) * 86_400_000).toISOString(),
      end: new Date(start - (back + 1) * 86_400_000 + 8 * 3_600_000).toISOString(),
    },
    ended: "fulfilled",
  }));
  await as("admin", "POST", "/v1/past-bookings", { bookings });
  for (const [number, hours] of [430, 470, 500, 520, 560].entries()) {
    const ended_at = new Date(start - (400 + number) * 86_400_000).toISOString();
    const life = { group: printer, resource: "another", hours, failed: true, ended_at };
    await as("manager", "POST", "/v1/maintenance/lives", life);
  }
  return `equipment:${site}:${printer}:wear`;
}
