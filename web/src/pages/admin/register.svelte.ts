/** One place of the register as the administrator sees it: read, written with the version that was read, read again. */
import { placePath, zonePath, type Api, type Written } from "../../lib/api/client";
import type { Place, PlaceAttributes, Space, SpaceAttributes, ZoneAttributes } from "../../lib/api/types";

export class Register {
  place = $state.raw<Place | null>(null);
  spaces = $state.raw<Space[]>([]);
  /** Changes whenever the place was read anew, so that forms start from what was read. */
  reads = $state(0);

  #api: Api;
  #id: string;
  /** Versions that writes answered: an answer from a cache may still tell the one before. */
  #versions = new Map<string, number>();

  constructor(api: Api, id: string) {
    this.#api = api;
    this.#id = id;
  }

  async load(): Promise<void> {
    const [place, spaces] = await Promise.all([this.#api.place(this.#id), this.#api.spaces(this.#id)]);
    this.place = place;
    this.spaces = spaces.spaces;
    this.reads++;
  }

  savePlace(attributes: PlaceAttributes): Promise<void> {
    return this.#write("", (version) => this.#api.send("PATCH", placePath(this.#id), { body: attributes, version }));
  }

  async deletePlace(): Promise<void> {
    await this.#api.send("DELETE", placePath(this.#id), { version: this.#versionOf("") });
  }

  async createZone(zone: string, attributes: ZoneAttributes): Promise<void> {
    await this.#api.send("PUT", zonePath(this.#id, zone), { body: attributes });
    await this.load();
  }

  saveZone(zone: string, attributes: Partial<ZoneAttributes>): Promise<void> {
    return this.#write(zone, (version) =>
      this.#api.send("PATCH", zonePath(this.#id, zone), { body: attributes, version }),
    );
  }

  deleteZone(zone: string): Promise<void> {
    return this.#write(zone, (version) => this.#api.send("DELETE", zonePath(this.#id, zone), { version }));
  }

  /** New spaces `first` to `last`; each is its own request, so that an existing one stops there and changes nothing. */
  async addSpaces(zone: string, first: number, last: number, attributes: SpaceAttributes): Promise<void> {
    try {
      for (let number = first; number <= last; number++) {
        const { version } = await this.#api.send("PUT", this.#spacePath(zone, number), { body: attributes });
        if (version !== null) this.#versions.set(zone, version);
      }
    } finally {
      await this.load();
    }
  }

  saveSpace(zone: string, number: number, change: Partial<Space>): Promise<void> {
    return this.#write(zone, (version) =>
      this.#api.send("PATCH", this.#spacePath(zone, number), { body: change, version }),
    );
  }

  deleteSpace(zone: string, number: number): Promise<void> {
    return this.#write(zone, (version) => this.#api.send("DELETE", this.#spacePath(zone, number), { version }));
  }

  #spacePath(zone: string, number: number): string {
    return `${zonePath(this.#id, zone)}/spaces/${number}`;
  }

  #versionOf(zone: string): number | undefined {
    const read = zone === "" ? this.place?.version : this.place?.zones.find((one) => one.id === zone)?.version;
    if (read === undefined) return undefined;
    return Math.max(read, this.#versions.get(zone) ?? 0);
  }

  /** Writes with the version seen, and reads again whatever came of it: after a conflict the page shows the present state. */
  async #write(zone: string, send: (version: number | undefined) => Promise<Written<unknown>>): Promise<void> {
    try {
      const { version } = await send(this.#versionOf(zone));
      if (version !== null) this.#versions.set(zone, version);
    } catch (error) {
      // What was remembered may be what was wrong.
      this.#versions.delete(zone);
      throw error;
    } finally {
      await this.load();
    }
  }
}
