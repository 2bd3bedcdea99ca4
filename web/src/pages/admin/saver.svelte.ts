/** One write at a time, and what became of it, said in the page's language. */
import { ApiError, type FieldError } from "../../lib/api/client";
import { announcer } from "../../lib/announce.svelte";
import type { Key } from "../../lib/i18n/en";
import type { Vars } from "../../lib/i18n/translate";
import { t } from "../../lib/prefs.svelte";

export class Saver {
  busy = $state(false);
  good = $state<string | null>(null);
  bad = $state<string | null>(null);
  /** What the server says of it: in English, whatever the page speaks. */
  detail = $state<string | null>(null);
  /** How far a write of many steps has come. */
  progress = $state<string | null>(null);
  errors = $state.raw<FieldError[]>([]);

  /** Runs a write; true when it went through. `done` is said then, and may depend on the answer. */
  async run<T>(write: () => Promise<T>, done: (answer: T) => [Key, Vars?] = () => ["admin.saved"]): Promise<boolean> {
    if (this.busy) return false;
    this.busy = true;
    this.good = this.bad = this.detail = this.progress = null;
    this.errors = [];
    try {
      this.good = t(...done(await write()));
      announcer.say(this.good);
      return true;
    } catch (error) {
      this.bad = t(reason(error));
      if (error instanceof ApiError) this.errors = error.errors;
      if (error instanceof ApiError && reason(error) === "admin.failed") this.detail = error.message;
      announcer.say(this.bad);
      return false;
    } finally {
      this.busy = false;
      this.progress = null;
    }
  }
}

function reason(error: unknown): Key {
  if (!(error instanceof ApiError)) return "admin.unreachable";
  if (error.status === 401 || error.status === 403) return "admin.forbidden";
  // A creation names no version: the thing is there already.
  if (error.status === 428) return "admin.exists";
  if (error.status === 412) return "admin.conflict";
  return "admin.failed";
}
