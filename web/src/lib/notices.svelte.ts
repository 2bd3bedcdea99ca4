/** One thing at a time that a part of the product says after a write, beside what it shows. */
import { announcer } from "./announce.svelte";

/** Something to say, with a way back where there is one. */
export interface Notice {
  text: string;
  bad: boolean;
  undo: (() => void) | null;
}

const SHOWN_MS = 12_000;

export class Notices {
  notice = $state.raw<Notice | null>(null);
  #timer: ReturnType<typeof setTimeout> | undefined;

  /** What went wrong stays until it is dismissed. */
  say(text: string, bad = false, undo: Notice["undo"] = null): void {
    clearTimeout(this.#timer);
    this.notice = { text, bad, undo };
    announcer.say(text);
    if (!bad) this.#timer = setTimeout(() => (this.notice = null), SHOWN_MS);
  }

  dismiss(): void {
    this.notice = null;
  }
}
