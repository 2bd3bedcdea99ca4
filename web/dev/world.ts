/**
 * A small world for developing the pages without the Rust stack: the field project's lot of 24 spaces, and car parks with
 * counters and coordinates. It follows the shapes of the API and of the MQTT messages, and nothing of the product runs on it.
 */
import type {
  Alert,
  AlertMessage,
  HistoryPoint,
  LiveMessage,
  LiveSpace,
  Occupancy,
  ParkingEvent,
  Place,
  Space,
  SummaryMessage,
  Zone,
} from "../src/lib/api/types.ts";
import { levelOf, sumOccupancy } from "../src/lib/live/level.ts";
import lot from "../../samples/places/default.json" with { type: "json" };
import { CAR_PARKS } from "./car-parks.ts";

export type Publish = (topic: string, payload: unknown, retain: boolean) => void;

type Registered = (typeof lot.zones)[number]["spaces"][number];

const THRESHOLDS = { busy: 70, saturated: 85, hysteresis: 5 };
/** mulberry32: the same seed gives the same world. */
export function seeded(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296;
  };
}

export class World {
  places = new Map<string, Place>();
  spaces: Space[] = [];
  events: ParkingEvent[] = [];
  alerts: Alert[] = [];
  publish: Publish = () => undefined;
  #otherSpaces = new Map<string, Space[]>();
  #random: () => number;
  #version = 0;

  constructor(seed = 7, now = Date.now()) {
    this.#random = seeded(seed);
    this.#makeLot(now);
    for (const [index, park] of CAR_PARKS.entries()) this.#makeCarPark(park, index, now);
  }

  spacesOf(place: string): Space[] {
    if (place === "default") return this.spaces;
    const known = this.#otherSpaces.get(place) ?? [];
    this.#otherSpaces.set(place, known);
    return known;
  }

  /** Totals after a change of the register. */
  recount(id: string): void {
    const place = this.places.get(id);
    if (!place) return;
    for (const zone of place.zones) {
      if (zone.source === "counter") continue;
      zone.occupancy = tally(
        this.spacesOf(id).filter((space) => space.zone === zone.id),
        zone.occupancy.updated_at,
      );
    }
    Object.assign(place, summed(place.zones));
  }

  /** A reading of the field project's sensor: what its topic and payload say becomes the state, history and messages. */
  reading(zone: string, number: number, status: "free" | "occupied", at = new Date().toISOString()): void {
    const space = this.spaces.find((one) => one.zone === zone && one.number === number);
    if (!space) return;
    if (space.status !== status) {
      const dwell = space.since ? Math.round((Date.parse(at) - Date.parse(space.since)) / 1000) : null;
      const type = status === "occupied" ? "park_start" : "park_end";
      const id = `${++this.#version}`.padStart(12, "0");
      const dwell_seconds = status === "free" ? dwell : null;
      if (status === "occupied" || space.status === "occupied") {
        this.events.unshift({ id, at, type, zone, space: number, dwell_seconds });
        this.events.length = Math.min(this.events.length, 1000);
      }
      space.status = status;
      space.since = at;
    }
    Object.assign(space, { seen_at: at, connectivity: "online", confidence: 0.95 });
    this.#announce("default", zone, [space], at);
  }

  /** One step of the simulation: somebody comes or goes. */
  step(): void {
    const candidates = this.spaces.filter((space) => space.connectivity === "online" && !space.closed);
    const space = candidates[Math.floor(this.#random() * candidates.length)];
    if (space) this.reading(space.zone, space.number, this.#random() < 0.66 ? "occupied" : "free");
    const parks = [...this.places.values()].filter((place) => place.location !== null);
    const park = parks[Math.floor(this.#random() * parks.length)];
    if (park) this.#countCars(park, Math.round((this.#random() - 0.5) * park.occupancy.total * 0.06));
  }

  #countCars(park: Place, change: number): void {
    const zone = park.zones[0] as Zone;
    const occupied = Math.min(zone.occupancy.total, Math.max(0, zone.occupancy.occupied + change));
    zone.occupancy = occupancy(zone.occupancy.total, occupied, 0, new Date().toISOString());
    this.#announce(park.id, zone.id, [], zone.occupancy.updated_at as string);
  }

  #announce(placeId: string, zoneId: string, changed: Space[], at: string): void {
    const place = this.places.get(placeId) as Place;
    const zone = place.zones.find((one) => one.id === zoneId) as Zone;
    if (changed.length > 0)
      zone.occupancy = tally(
        this.spaces.filter((space) => space.zone === zoneId),
        at,
      );
    const before = { zone: zone.level, place: place.level };
    zone.level = levelOf(zone.occupancy.rate, THRESHOLDS);
    place.occupancy = { ...sumOccupancy(place.zones), updated_at: at };
    place.level = levelOf(place.occupancy.rate, THRESHOLDS);
    const summary = { ...summaryOf(placeId, zone.occupancy, at), zone: zoneId };
    const message: LiveMessage = {
      place: placeId,
      zone: zoneId,
      version: ++this.#version,
      at,
      spaces: changed.map(liveSpace),
      summary,
    };
    this.publish(`live/${placeId}/${zoneId}`, message, false);
    this.publish(`summary/${placeId}/${zoneId}`, summary, true);
    this.publish(`summary/${placeId}`, summaryOf(placeId, place.occupancy, at), true);
    if (before.zone !== zone.level) this.#raise(placeId, zoneId, before.zone, zone.level, zone.occupancy, at);
    if (before.place !== place.level) this.#raise(placeId, null, before.place, place.level, place.occupancy, at);
  }

  #raise(
    place: string,
    zone: string | null,
    previous: Place["level"],
    level: Place["level"],
    now: Occupancy,
    at: string,
  ): void {
    const rank = { normal: 0, busy: 1, saturated: 2 };
    const raised = rank[level] > rank[previous];
    const crossed = raised ? level : previous;
    const threshold = crossed === "saturated" ? THRESHOLDS.saturated : THRESHOLDS.busy;
    const id = `alert-${++this.#version}`;
    const data = {
      place,
      zone,
      level,
      previous,
      occupancy_rate: now.rate,
      occupied: now.occupied,
      total: now.total,
      threshold,
      at,
    };
    const type = `parvis.parking.alert.${raised ? "raised" : "cleared"}`;
    const message: AlertMessage = { id, type, time: at, data };
    if (place === "default") {
      const { occupancy_rate, occupied, total } = data;
      this.alerts.unshift({
        id,
        at,
        type: raised ? "raised" : "cleared",
        zone,
        level,
        occupancy_rate,
        occupied,
        total,
        threshold,
      });
    }
    this.publish(zone ? `alerts/${place}/${zone}` : `alerts/${place}`, message, false);
  }

  /** Made-up but steady history: a working day's curve, and the present value at its end. */
  history(place: string, step: "minute" | "hour" | "day", from: number, to: number): HistoryPoint[] {
    const found = this.places.get(place);
    if (!found) return [];
    const size = { minute: 60_000, hour: 3_600_000, day: 86_400_000 }[step];
    const { total, occupied: present } = found.occupancy;
    const now = Date.now();
    const points: HistoryPoint[] = [];
    for (let at = Math.ceil(from / size) * size; at < Math.min(to, now); at += size) {
      const fade = Math.min(1, (now - at) / (step === "minute" ? 1_800_000 : 10_800_000));
      const wave = Math.sin(at / 517_000) * 1.3 + Math.sin(at / 211_000);
      const curve = total * (0.2 + 0.6 * dayCurve(at)) + (step === "minute" ? wave : 0);
      const occupied = Math.min(total, Math.max(0, Math.round((present * (1 - fade) + curve * fade) * 10) / 10));
      points.push({ at: new Date(at).toISOString(), occupied, total, rate: total > 0 ? (100 * occupied) / total : 0 });
    }
    return points;
  }

  #makeLot(now: number): void {
    for (const zone of lot.zones) {
      for (const space of zone.spaces) this.spaces.push(this.#makeSpace(zone.id, space, now));
    }
    const zones = lot.zones.map(({ id, name }): Zone => {
      const counted = tally(
        this.spaces.filter((space) => space.zone === id),
        new Date(now - 4_000).toISOString(),
      );
      const level = levelOf(counted.rate, THRESHOLDS);
      return { id, name, source: "spaces", status: "open", occupancy: counted, level, version: 1 };
    });
    this.places.set("default", {
      ...newPlace("default", lot.name),
      address: lot.address,
      enrolment: "open",
      zones,
      ...summed(zones),
      findings: 2,
    });
    this.#makePast(now);
  }

  #makeSpace(zone: string, registered: Registered, now: number): Space {
    const { number, x, y } = registered;
    const status = number === 13 ? "unknown" : this.#random() < 0.64 ? "occupied" : "free";
    const lost = number === 20;
    return {
      zone,
      number,
      label: null,
      kind: registered.kind as Space["kind"],
      status,
      since: status === "unknown" ? null : new Date(now - this.#random() * 7_200_000).toISOString(),
      seen_at: status === "unknown" ? null : new Date(now - (lost ? 2_400_000 : this.#random() * 60_000)).toISOString(),
      confidence: status === "unknown" ? null : 0.9 + Math.round(this.#random() * 9) / 100,
      battery: status === "unknown" ? null : number === 6 ? 9 : 55 + Math.round(this.#random() * 44),
      connectivity: status === "unknown" ? "unknown" : lost ? "lost" : "online",
      closed: false,
      x,
      y,
      lat: null,
      lon: null,
    };
  }

  #makePast(now: number): void {
    for (let index = 0; index < 120; index++) {
      const space = this.spaces[Math.floor(this.#random() * this.spaces.length)] as Space;
      const type = index === 17 ? "comms_lost" : index % 2 === 0 ? "park_end" : "park_start";
      this.events.push({
        id: `past-${index}`,
        at: new Date(now - 5_000 - index * 71_000).toISOString(),
        type,
        zone: space.zone,
        space: space.number,
        dwell_seconds: type === "park_end" ? Math.round(300 + this.#random() * 9_000) : null,
      });
    }
    const past = (minutes: number) => new Date(now - minutes * 60_000).toISOString();
    this.alerts.push(
      {
        id: "alert-b",
        at: past(24),
        type: "raised",
        zone: "Zone_C",
        level: "busy",
        occupancy_rate: 70,
        occupied: 7,
        total: 10,
        threshold: 70,
      },
      {
        id: "alert-a",
        at: past(95),
        type: "cleared",
        zone: null,
        level: "normal",
        occupancy_rate: 62.5,
        occupied: 15,
        total: 24,
        threshold: 70,
      },
    );
  }

  #makeCarPark(park: (typeof CAR_PARKS)[number], index: number, now: number): void {
    const [name, capacity, lat, lon] = park;
    const id = name.toLowerCase().replaceAll(" ", "-");
    const at = new Date(now - this.#random() * 600_000).toISOString();
    const taken = index % 9 === 4 ? 0.97 : 0.15 + this.#random() * 0.75;
    const counted = occupancy(capacity, Math.round(capacity * taken), 0, at);
    const level = levelOf(counted.rate, THRESHOLDS);
    const zone: Zone = {
      id: "all",
      name: "Ensemble",
      source: "counter",
      status: "open",
      occupancy: counted,
      level,
      capacity,
      version: 1,
    };
    const findings = index % 8 === 3 ? 1 : 0;
    this.places.set(id, {
      ...newPlace(id, name),
      location: { lat, lon },
      zones: [zone],
      ...summed([zone]),
      findings,
    });
  }
}

export function newPlace(id: string, name: string): Place {
  return {
    id,
    name,
    timezone: "Europe/Paris",
    location: null,
    address: null,
    status: "open",
    enrolment: "closed",
    version: 1,
    thresholds: THRESHOLDS,
    occupancy: occupancy(0, 0, 0, null),
    level: "normal",
    zones: [],
  };
}

function summed(zones: Zone[]): Pick<Place, "occupancy" | "level"> {
  const sum = sumOccupancy(zones);
  return { occupancy: sum, level: levelOf(sum.rate, THRESHOLDS) };
}

export function newZone(id: string, attributes: Partial<Zone>): Zone {
  const empty = occupancy(attributes.capacity ?? 0, 0, 0, null);
  return {
    id,
    name: id,
    source: "spaces",
    status: "open",
    level: "normal",
    version: 1,
    ...attributes,
    occupancy: empty,
  };
}

export function newSpace(zone: string, number: number): Space {
  const never = { since: null, seen_at: null, confidence: null, battery: null, label: null };
  const nowhere = { x: null, y: null, lat: null, lon: null };
  return {
    zone,
    number,
    kind: "standard",
    status: "unknown",
    connectivity: "unknown",
    closed: false,
    ...never,
    ...nowhere,
  };
}

function occupancy(total: number, occupied: number, unknown: number, at: string | null): Occupancy {
  const rate = total > 0 ? Math.round((10_000 * occupied) / total) / 100 : 0;
  return { total, occupied, unknown, free: total - occupied - unknown, rate, updated_at: at };
}

function tally(spaces: Space[], at: string | null): Occupancy {
  const open = spaces.filter((space) => !space.closed);
  const count = (status: Space["status"]) => open.filter((space) => space.status === status).length;
  return occupancy(open.length, count("occupied"), count("unknown"), at);
}

function liveSpace(space: Space): LiveSpace {
  const { number, status, since, seen_at, confidence, battery, connectivity } = space;
  return { number, status, since, seen_at, confidence, battery, connectivity };
}

function summaryOf(place: string, now: Occupancy, at: string): SummaryMessage {
  const { total, occupied, free, unknown, rate } = now;
  return { place, total_places: total, occupied, free, unknown, occupancy_rate: rate, timestamp: at };
}

/** 0 at night, 1 in the late morning and afternoon (in UTC+1, near enough for a mock). */
function dayCurve(at: number): number {
  const hour = ((at / 3_600_000 + 1) % 24) + 0;
  const bump = (middle: number, wide: number) => Math.exp(-(((hour - middle) / wide) ** 2));
  return Math.min(1, bump(11, 2.6) + 0.9 * bump(16.5, 2.8) + 0.25 * bump(20.5, 1.8));
}
