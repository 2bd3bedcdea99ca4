import type { Place } from "../../lib/api/types";
import { levelRank } from "../../lib/live/level";

export type SortColumn = "name" | "level" | "rate" | "free" | "total" | "findings" | "updated";

/** A sorted copy; equal places stay in the order of their names. */
export function sortPlaces(places: Place[], column: SortColumn, descending: boolean, language: string): Place[] {
  const sign = descending ? -1 : 1;
  const byName = new Intl.Collator(language, { numeric: true }).compare;
  return places.toSorted((a, b) => {
    const names = byName(a.name, b.name);
    if (column === "name") return sign * names;
    return sign * (valueOf(a, column) - valueOf(b, column)) || names;
  });
}

function valueOf(place: Place, column: Exclude<SortColumn, "name">): number {
  switch (column) {
    case "level":
      // Within a level, the fuller one is nearer to the next.
      return levelRank(place.level) * 1000 + place.occupancy.rate;
    case "findings":
      return place.findings ?? 0;
    case "updated":
      return place.occupancy.updated_at ? Date.parse(place.occupancy.updated_at) : 0;
    default:
      return place.occupancy[column];
  }
}
