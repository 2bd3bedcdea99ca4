/** Finding the zone one stands in: by the code on the sign, or by the position. */
import type { Location, Occupancy, Place, Space } from "../api/types";

/** A zone where parking is sold, as the register of places knows it. */
export interface Spot {
  /** Id of the zone, which is what is written on signs and meters. */
  zone: string;
  name: string;
  /** Null for a zone that no place of the register has. */
  place: Place | null;
  occupancy: Occupancy | null;
  location: Location | null;
}

const EARTH_METRES = 6_371_000;

/** Great-circle distance in metres. */
export function distance(a: Location, b: Location): number {
  const radians = (degrees: number) => (degrees * Math.PI) / 180;
  const [dLat, dLon] = [radians(b.lat - a.lat), radians(b.lon - a.lon)];
  const h = Math.sin(dLat / 2) ** 2 + Math.cos(radians(a.lat)) * Math.cos(radians(b.lat)) * Math.sin(dLon / 2) ** 2;
  return 2 * EARTH_METRES * Math.asin(Math.min(1, Math.sqrt(h)));
}

/** The zones for sale, with their places. A zone of several places stands there once for each. */
export function spotsOf(zones: readonly string[], places: readonly Place[]): Spot[] {
  return zones.flatMap((zone): Spot[] => {
    const found = places.flatMap((place) =>
      place.zones
        .filter((one) => one.id === zone)
        .map(({ name, occupancy }) => ({ zone, name, place, occupancy, location: place.location })),
    );
    return found.length > 0 ? found : [{ zone, name: zone, place: null, occupancy: null, location: null }];
  });
}

/** Zones of a place lie where their spaces do, where the register knows that. */
export function withSpaces(spots: readonly Spot[], place: string, spaces: readonly Space[]): Spot[] {
  return spots.map((spot) => {
    if (spot.place?.id !== place) return spot;
    const own = spaces.filter((space) => space.zone === spot.zone && space.lat !== null && space.lon !== null);
    if (own.length === 0) return spot;
    const mean = (of: (space: Space) => number) => own.reduce((sum, space) => sum + of(space), 0) / own.length;
    return { ...spot, location: { lat: mean((space) => space.lat!), lon: mean((space) => space.lon!) } };
  });
}

/** The nearest first; those without a position last, by name. */
export function byDistance(spots: readonly Spot[], from: Location | null): (Spot & { metres: number | null })[] {
  return spots
    .map((spot) => ({ ...spot, metres: from && spot.location ? distance(from, spot.location) : null }))
    .sort((a, b) => (a.metres ?? Infinity) - (b.metres ?? Infinity) || a.name.localeCompare(b.name));
}

/** As codes are compared: without case, accents and what separates. */
export function codeOf(text: string): string {
  return text
    .normalize("NFD")
    .replace(/[^\p{L}\p{N}]/gu, "")
    .toLowerCase();
}

/** Those that a person may mean by some letters of a code, a zone's or a place's name; an exact code comes first. */
export function matching<T extends Spot>(spots: readonly T[], typed: string): T[] {
  const wanted = codeOf(typed);
  if (wanted === "") return [...spots];
  const exact = spots.filter((spot) => codeOf(spot.zone) === wanted);
  const others = spots.filter(
    (spot) =>
      !exact.includes(spot) &&
      [spot.zone, spot.name, spot.place?.name ?? "", spot.place?.address ?? ""].some((one) =>
        codeOf(one).includes(wanted),
      ),
  );
  return [...exact, ...others];
}

const LOCATE_MS = 10_000;

/** Where the device is. Rejects when it does not know or its owner does not tell. */
export function locate(): Promise<Location> {
  return new Promise((resolve, reject) => {
    if (!("geolocation" in navigator)) return reject(new Error("no position"));
    navigator.geolocation.getCurrentPosition(
      ({ coords }) => resolve({ lat: coords.latitude, lon: coords.longitude }),
      (error) => reject(new Error(error.message)),
      { enableHighAccuracy: true, timeout: LOCATE_MS, maximumAge: 30_000 },
    );
  });
}
