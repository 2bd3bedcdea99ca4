/**
 * What this tab wrote in the last seconds. The register is cached for up to 10 s by each sandbox of the API, so a read right after a write may
 * tell the state before it; until then the answers of the writes themselves are the truth.
 */
import type { Place, Space } from "../../lib/api/types";

export interface Snapshot {
  place: Place;
  spaces: Space[];
  /** Versions of zones by id, and of the place under the empty id. */
  versions: Map<string, number>;
}

const TTL_MS = 15_000;

export class RecentWrites {
  /** Null for a deleted place. */
  #entries = new Map<string, { at: number; snapshot: Snapshot | null }>();
  #now: () => number;

  constructor(now: () => number = Date.now) {
    this.#now = now;
  }

  note(id: string, snapshot: Snapshot | null): void {
    this.#entries.set(id, { at: this.#now(), snapshot });
  }

  /** The server is ahead of what was noted. */
  forget(id: string): void {
    this.#entries.delete(id);
  }

  /** What was written to a place lately: a snapshot, null when it was deleted, undefined when nothing was. */
  of(id: string): Snapshot | null | undefined {
    const entry = this.#entries.get(id);
    if (!entry || this.#now() - entry.at > TTL_MS) return undefined;
    return entry.snapshot;
  }

  /** A list of places as it is with what was written lately. */
  over(places: Place[]): Place[] {
    const listed = new Map(places.map((place) => [place.id, place]));
    for (const id of this.#entries.keys()) {
      const snapshot = this.of(id);
      if (snapshot === null) listed.delete(id);
      else if (snapshot) listed.set(id, snapshot.place);
    }
    return [...listed.values()];
  }
}

export const recentWrites = new RecentWrites();
