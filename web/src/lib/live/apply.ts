/** Pure application of live messages and answers to what a page shows. Nothing here knows Svelte, MQTT or HTTP. */
import type {
  Alert,
  AlertMessage,
  LiveMessage,
  LiveSpace,
  Occupancy,
  ParkingEvent,
  Place,
  Space,
  SummaryMessage,
  Zone,
} from "../api/types";
import { levelOf, sumOccupancy } from "./level";

export const JOURNAL_SIZE = 100;

/** Identity of a space inside its place. */
export function spaceKey(zone: string, number: number): string {
  return `${zone}#${number}`;
}

/** True when `a` was seen before `b`; a space never seen is before everything. */
function seenBefore(a: string | null, b: string | null): boolean {
  if (b === null) return false;
  return a === null || Date.parse(a) < Date.parse(b);
}

/**
 * An answer of the API over what is shown: the answer says which spaces exist and what they are, but a live message that came
 * while it was under way is newer than it and stays.
 */
export function mergeSnapshot(shown: Space[], answer: Space[]): Space[] {
  const before = new Map(shown.map((space) => [spaceKey(space.zone, space.number), space]));
  return answer.map((space) => {
    const known = before.get(spaceKey(space.zone, space.number));
    return known && seenBefore(space.seen_at, known.seen_at) ? { ...space, ...liveFields(known) } : space;
  });
}

function liveFields(space: Space): Omit<LiveSpace, "number"> {
  const { status, since, seen_at, confidence, battery, connectivity } = space;
  return { status, since, seen_at, confidence, battery, connectivity };
}

export interface LiveResult {
  spaces: Space[];
  /** What the journal gains; the server's own entries replace these by identity when they are read. */
  events: ParkingEvent[];
  /** Keys of spaces whose status or connectivity changed. */
  changed: string[];
  /** A zone or space the page did not know: the register changed, or enrolment is open. */
  unknown: boolean;
}

/** Applies the changed spaces of a live message; those seen earlier than what is shown are left out. */
export function applyLive(spaces: Space[], message: LiveMessage): LiveResult {
  const index = new Map(spaces.map((space, at) => [spaceKey(space.zone, space.number), at]));
  const next = spaces.slice();
  const result: LiveResult = { spaces: next, events: [], changed: [], unknown: false };
  for (const update of message.spaces) {
    const key = spaceKey(message.zone, update.number);
    const at = index.get(key);
    const known = at === undefined ? undefined : next[at];
    if (!known) {
      next.push(enrolled(message.zone, update));
      result.unknown = true;
      result.changed.push(key);
      continue;
    }
    if (seenBefore(update.seen_at, known.seen_at)) continue;
    next[at as number] = { ...known, ...update };
    const events = eventsOf(message, known, update);
    result.events.push(...events);
    if (events.length > 0 || known.status !== update.status) result.changed.push(key);
  }
  if (result.unknown) next.sort((a, b) => (a.zone === b.zone ? a.number - b.number : a.zone < b.zone ? -1 : 1));
  return result;
}

function enrolled(zone: string, update: LiveSpace): Space {
  return { zone, label: null, kind: "standard", closed: false, x: null, y: null, lat: null, lon: null, ...update };
}

function eventsOf(message: LiveMessage, known: Space, update: LiveSpace): ParkingEvent[] {
  const events: ParkingEvent[] = [];
  const add = (type: ParkingEvent["type"], at: string, dwell: number | null) =>
    events.push({
      id: `live:${message.zone}:${update.number}:${type}:${at}`,
      at,
      type,
      zone: message.zone,
      space: update.number,
      dwell_seconds: dwell,
    });
  const at = update.since ?? message.at;
  // The first reading of a space that was unknown is a park_start only when it is taken, as in the history.
  if (update.status === "occupied" && known.status !== "occupied") add("park_start", at, null);
  if (update.status === "free" && known.status === "occupied") add("park_end", at, dwellSeconds(known.since, at));
  if (update.connectivity === "lost" && known.connectivity === "online") add("comms_lost", message.at, null);
  if (update.connectivity === "online" && known.connectivity === "lost") add("comms_restored", message.at, null);
  return events;
}

function dwellSeconds(since: string | null, until: string): number | null {
  if (since === null) return null;
  return Math.max(0, Math.round((Date.parse(until) - Date.parse(since)) / 1000));
}

/** Newest first, one entry per fact; entries of the server win over those made from live messages. */
export function mergeEvents(shown: ParkingEvent[], incoming: ParkingEvent[]): ParkingEvent[] {
  const byFact = new Map<string, ParkingEvent>();
  for (const event of [...shown, ...incoming]) {
    const fact = `${event.type}|${event.zone}|${event.space}|${Date.parse(event.at)}`;
    const known = byFact.get(fact);
    if (!known || known.id.startsWith("live:")) byFact.set(fact, event);
  }
  return [...byFact.values()].sort((a, b) => Date.parse(b.at) - Date.parse(a.at)).slice(0, JOURNAL_SIZE);
}

/** Newest first, one entry per id. */
export function mergeAlerts(shown: Alert[], incoming: Alert[]): Alert[] {
  const byId = new Map([...shown, ...incoming].map((alert) => [alert.id, alert]));
  return [...byId.values()].sort((a, b) => Date.parse(b.at) - Date.parse(a.at)).slice(0, JOURNAL_SIZE);
}

/** The list's form of a live alert, or null for another kind of event. */
export function alertOf(message: AlertMessage): Alert | null {
  const type = (["raised", "cleared", "expected"] as const).find((one) => message.type.endsWith(`.${one}`));
  if (!type) return null;
  const { zone, level, occupancy_rate, occupied, total, threshold, at, chance } = message.data;
  const expected = type === "expected";
  return {
    id: message.id,
    at: expected ? message.time : (at ?? message.time),
    type,
    zone: zone ?? null,
    level,
    occupancy_rate,
    occupied,
    total,
    threshold,
    ...(expected && { expected_at: at, chance: chance ?? null }),
  };
}

export function occupancyOf(summary: SummaryMessage): Occupancy {
  return {
    total: summary.total_places,
    free: summary.free,
    occupied: summary.occupied,
    unknown: summary.unknown,
    rate: summary.occupancy_rate,
    updated_at: summary.timestamp,
  };
}

/** True when the summary is older than what is shown. */
export function isStale(summary: SummaryMessage, shown: Occupancy): boolean {
  return shown.updated_at !== null && Date.parse(summary.timestamp) < Date.parse(shown.updated_at);
}

/**
 * Puts a zone's summary into its place; the place's own figures become the sum of its zones, so that cards and zones never
 * disagree. An unknown zone changes nothing: the caller reads the place again.
 */
export function applyZoneSummary(place: Place, zoneId: string, summary: SummaryMessage): Place {
  const zones = place.zones.map((zone) => (zone.id === zoneId ? withOccupancy(zone, place, summary) : zone));
  const occupancy = sumOccupancy(zones);
  return { ...place, zones, occupancy, level: levelOf(occupancy.rate, place.thresholds) };
}

function withOccupancy(zone: Zone, place: Place, summary: SummaryMessage): Zone {
  if (isStale(summary, zone.occupancy)) return zone;
  const level = levelOf(summary.occupancy_rate, zone.thresholds ?? place.thresholds);
  return { ...zone, occupancy: occupancyOf(summary), level };
}

/** Puts a place's own summary into a list of places. */
export function applyPlaceSummary(places: Place[], summary: SummaryMessage): Place[] {
  return places.map((place) => {
    if (place.id !== summary.place || isStale(summary, place.occupancy)) return place;
    const occupancy = occupancyOf(summary);
    return { ...place, occupancy, level: levelOf(occupancy.rate, place.thresholds) };
  });
}
