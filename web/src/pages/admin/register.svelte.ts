/** One place of the register as the administrator sees it: read once, then kept by what each write answers. */
import { ApiError, placePath, zonePath, type Api, type Written } from "../../lib/api/client";
import type {
  Occupancy,
  Place,
  PlaceAttributes,
  Space,
  SpaceAttributes,
  Zone,
  ZoneAttributes,
} from "../../lib/api/types";
import { recentWrites, type RecentWrites } from "./recent-writes";

const NOTHING: Occupancy = { total: 0, free: 0, occupied: 0, unknown: 0, rate: 0, updated_at: null };

/** Creates a place without zones. */
export async function createPlace(
  api: Api,
  id: string,
  attributes: PlaceAttributes,
  recent = recentWrites,
): Promise<void> {
  await api.send("POST", "/v1/places", { body: { id, ...attributes, zones: [] } });
  const place: Place = { id, ...attributes, version: 1, occupancy: NOTHING, level: "normal", zones: [] };
  recent.note(id, { place, spaces: [], versions: new Map() });
}

export class Register {
  place = $state.raw<Place | null>(null);
  spaces = $state.raw<Space[]>([]);
  /** Changes whenever the place was read anew, so that forms start from what was read. */
  reads = $state(0);

  #api: Api;
  #id: string;
  #recent: RecentWrites;
  /** Versions that writes answered, newer than those that were read. */
  #versions = new Map<string, number>();

  constructor(api: Api, id: string, recent = recentWrites) {
    this.#api = api;
    this.#id = id;
    this.#recent = recent;
  }

  async load(): Promise<void> {
    const written = this.#recent.of(this.#id);
    if (written) {
      this.place = written.place;
      this.spaces = written.spaces;
      this.#versions = new Map(written.versions);
    } else {
      const [place, spaces] = await Promise.all([this.#api.place(this.#id), this.#api.spaces(this.#id)]);
      this.place = place;
      this.spaces = spaces.spaces;
      this.#versions.clear();
    }
    this.reads++;
  }

  async savePlace(attributes: PlaceAttributes): Promise<void> {
    await this.#write("", (version) => this.#api.send("PATCH", placePath(this.#id), { body: attributes, version }));
    this.#changePlace(attributes);
  }

  async deletePlace(): Promise<void> {
    await this.#write("", (version) => this.#api.send("DELETE", placePath(this.#id), { version }));
    this.#recent.note(this.#id, null);
  }

  async createZone(id: string, attributes: ZoneAttributes): Promise<void> {
    await this.#write(id, () => this.#api.send("PUT", zonePath(this.#id, id), { body: attributes }));
    const zone: Zone = {
      id,
      ...attributes,
      occupancy: { ...NOTHING, total: attributes.capacity ?? 0 },
      level: "normal",
      version: 1,
    };
    this.#changePlace({ zones: [...(this.place?.zones ?? []), zone] });
  }

  async saveZone(id: string, attributes: Partial<ZoneAttributes>): Promise<void> {
    await this.#write(id, (version) => this.#api.send("PATCH", zonePath(this.#id, id), { body: attributes, version }));
    const change = (zone: Zone) => (zone.id === id ? { ...zone, ...attributes } : zone);
    this.#changePlace({ zones: this.place?.zones.map(change) ?? [] });
  }

  async deleteZone(id: string): Promise<void> {
    await this.#write(id, (version) => this.#api.send("DELETE", zonePath(this.#id, id), { version }));
    this.spaces = this.spaces.filter((space) => space.zone !== id);
    this.#changePlace({ zones: this.place?.zones.filter((zone) => zone.id !== id) ?? [] });
  }

  /**
   * New spaces among `first` to `last`; resolves to how many. Those that are there already stay as they are: each is a request of its
   * own that overwrites nothing, so that what was cut short is finished by asking for the same again.
   */
  async addSpaces(
    zone: string,
    first: number,
    last: number,
    attributes: SpaceAttributes,
    progress: (done: number, total: number) => void = () => {},
  ): Promise<number> {
    const known = new Set(this.spaces.filter((space) => space.zone === zone).map((space) => space.number));
    const numbers = Array.from({ length: last - first + 1 }, (_, index) => first + index);
    const missing = numbers.filter((number) => !known.has(number));
    for (const [done, number] of missing.entries()) {
      progress(done, missing.length);
      await this.#write(zone, () => this.#api.send("PUT", this.#spacePath(zone, number), { body: attributes }));
      this.#changeSpaces(zone, [...this.spaces, { ...unheard(zone, number), ...attributes }]);
    }
    return missing.length;
  }

  async saveSpace(zone: string, number: number, change: Partial<Space>): Promise<void> {
    await this.#write(zone, (version) =>
      this.#api.send("PATCH", this.#spacePath(zone, number), { body: change, version }),
    );
    const changed = (space: Space) =>
      space.zone === zone && space.number === number ? { ...space, ...change } : space;
    this.#changeSpaces(zone, this.spaces.map(changed));
  }

  async deleteSpace(zone: string, number: number): Promise<void> {
    await this.#write(zone, (version) => this.#api.send("DELETE", this.#spacePath(zone, number), { version }));
    this.#changeSpaces(
      zone,
      this.spaces.filter((space) => space.zone !== zone || space.number !== number),
    );
  }

  #spacePath(zone: string, number: number): string {
    return `${zonePath(this.#id, zone)}/spaces/${number}`;
  }

  #versionOf(zone: string): number | undefined {
    const read = zone === "" ? this.place?.version : this.place?.zones.find((one) => one.id === zone)?.version;
    return this.#versions.get(zone) ?? read;
  }

  /** Writes with the version seen. After a conflict the page reads the present state, before the user decides again. */
  async #write(zone: string, send: (version: number | undefined) => Promise<Written<unknown>>): Promise<void> {
    const seen = this.#versionOf(zone);
    try {
      const { version } = await send(seen);
      // A deletion inside a zone answers nothing; it is one change all the same.
      this.#versions.set(zone, version ?? (seen ?? 0) + 1);
    } catch (error) {
      // 428: what was to be created is there already, though this page does not know it.
      if (error instanceof ApiError && [409, 412, 428].includes(error.status)) {
        this.#recent.forget(this.#id);
        await this.load();
      }
      throw error;
    }
  }

  #changePlace(change: Partial<Place>): void {
    if (!this.place) return;
    this.place = { ...this.place, ...change };
    this.#note();
  }

  #changeSpaces(zone: string, spaces: Space[]): void {
    this.spaces = spaces.toSorted((a, b) => (a.zone === b.zone ? a.number - b.number : a.zone < b.zone ? -1 : 1));
    const total = this.spaces.filter((space) => space.zone === zone && !space.closed).length;
    const counted = (one: Zone) => (one.id === zone ? { ...one, occupancy: { ...one.occupancy, total } } : one);
    this.#changePlace({ zones: this.place?.zones.map(counted) ?? [] });
  }

  #note(): void {
    if (!this.place) return;
    this.place = { ...this.place, version: this.#versions.get("") ?? this.place.version };
    this.#recent.note(this.#id, { place: this.place, spaces: this.spaces, versions: new Map(this.#versions) });
  }
}

/** A registered space that no sensor has reported on yet. */
function unheard(zone: string, number: number): Space {
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
