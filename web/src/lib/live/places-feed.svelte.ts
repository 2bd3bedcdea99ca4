/** All places with their occupancy, kept current by reads and retained-then-live summaries. */
import type { Api } from "../api/client";
import type { Place, SummaryMessage } from "../api/types";
import { applyPlaceSummary } from "./apply";
import { levelOf } from "./level";
import type { Feed } from "./link.svelte";

export class PlacesFeed implements Feed {
  places = $state.raw<Place[]>([]);
  loaded = $state(false);
  readFailed = $state(false);

  readonly filters = ["summary/+"];
  #api: Api;
  /** Summaries of one frame, applied together: a city sends hundreds a second. */
  #waiting = new Map<string, SummaryMessage>();
  #frame: ReturnType<typeof setTimeout> | undefined;
  /** When each place's summary last came (epoch ms), so that an answer asked for earlier does not undo it. */
  #liveAt = new Map<string, number>();

  constructor(api: Api) {
    this.#api = api;
  }

  async refresh(): Promise<void> {
    const asked = Date.now();
    const { places } = await this.#api.places();
    const shown = new Map(this.places.map((place) => [place.id, place]));
    this.places = places.map((place) => {
      const known = shown.get(place.id);
      if (!known || (this.#liveAt.get(place.id) ?? 0) < asked) return place;
      return { ...place, occupancy: known.occupancy, level: levelOf(known.occupancy.rate, place.thresholds) };
    });
    this.loaded = true;
  }

  message(_topic: string, payload: unknown): void {
    const summary = payload as SummaryMessage;
    this.#liveAt.set(summary.place, Date.now());
    this.#waiting.set(summary.place, summary);
    this.#frame ??= setTimeout(() => this.#flush(), 100);
  }

  dispose(): void {
    clearTimeout(this.#frame);
  }

  #flush(): void {
    this.#frame = undefined;
    let places = this.places;
    for (const summary of this.#waiting.values()) places = applyPlaceSummary(places, summary);
    this.#waiting.clear();
    this.places = places;
  }
}
