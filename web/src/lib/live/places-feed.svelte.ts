/** All places with their occupancy, kept current by reads and retained-then-live summaries. */
import type { Api } from "../api/client";
import type { Place, SummaryMessage } from "../api/types";
import { applyPlaceSummary } from "./apply";
import type { Feed } from "./link.svelte";

export class PlacesFeed implements Feed {
  places = $state.raw<Place[]>([]);
  loaded = $state(false);

  readonly filters = ["summary/+"];
  #api: Api;
  /** Summaries of one frame, applied together: a city sends hundreds a second. */
  #waiting = new Map<string, SummaryMessage>();
  #frame: ReturnType<typeof setTimeout> | undefined;

  constructor(api: Api) {
    this.#api = api;
  }

  async refresh(): Promise<void> {
    const { places } = await this.#api.places();
    this.places = places;
    this.loaded = true;
  }

  message(_topic: string, payload: unknown): void {
    const summary = payload as SummaryMessage;
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
