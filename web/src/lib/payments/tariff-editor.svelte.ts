/** A tariff book that is being edited: its text, what the validator finds in it, and putting it in force over the version it came from. */
import { ApiError } from "../api/client";
import type { PaymentsApi } from "./client";
import type { Findings } from "./types";

const CHECK_AFTER_MS = 500;
/** A table's `demand`, in either form that TOML has for it; a line that is commented out has none. */
const DEMAND = /^[ \t]*(?:demand[ \t]*=|\[tables\.demand\])/m;

export class TariffEditor {
  text = $state("");
  loaded = $state(false);
  /** Of what `checked` says. */
  findings = $state.raw<Findings | null>(null);
  /** The text that was checked last without a failure. */
  checked = $state.raw<string | null>(null);
  checking = $state(false);
  busy = $state(false);
  error = $state.raw<unknown>(null);
  version = $state<number | undefined>(undefined);
  /** Somebody else has put another version in force meanwhile. */
  conflict = $state(false);

  #inForce = $state("");
  readonly changed = $derived(this.text !== this.#inForce);
  readonly errors = $derived(this.findings?.problems.filter((problem) => problem.severity === "error").length ?? 0);
  readonly warnings = $derived((this.findings?.problems.length ?? 0) - this.errors);
  /** What is shown as found belongs to the text as it is. */
  readonly current = $derived(this.checked === this.text);
  /** Expected demand may move prices of this text beyond what is previewed. */
  readonly demand = $derived(DEMAND.test(this.text));
  readonly usable = $derived(this.current && this.findings !== null && this.findings.usable && this.errors === 0);

  #api: PaymentsApi;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #asked = 0;

  constructor(api: PaymentsApi) {
    this.#api = api;
  }

  async load(): Promise<void> {
    this.busy = true;
    try {
      const { text, version } = await this.#api.tariffs();
      this.text = text;
      this.#inForce = text;
      this.version = version;
      this.conflict = false;
      this.error = null;
      this.loaded = true;
      await this.check();
    } catch (error) {
      this.error = error;
    }
    this.busy = false;
  }

  edit(text: string): void {
    this.text = text;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => void this.check(), CHECK_AFTER_MS);
  }

  revert(): void {
    this.edit(this.#inForce);
  }

  async check(): Promise<void> {
    const own = ++this.#asked;
    const { text } = this;
    this.checking = true;
    try {
      const findings = await this.#api.checkTariffs(text);
      if (own !== this.#asked) return;
      this.findings = findings;
      this.checked = text;
      this.error = null;
    } catch (error) {
      if (own === this.#asked) this.error = error;
    }
    if (own === this.#asked) this.checking = false;
  }

  /** Whether it is in force now. */
  async put(): Promise<boolean> {
    const { text, version } = this;
    this.busy = true;
    try {
      this.version = await this.#api.replaceTariffs({ text, version });
      this.#inForce = text;
      this.error = null;
      return true;
    } catch (error) {
      this.#refused(error, text);
      return false;
    } finally {
      this.busy = false;
    }
  }

  dispose(): void {
    clearTimeout(this.#timer);
    this.#asked++;
  }

  #refused(error: unknown, text: string): void {
    if (error instanceof ApiError && (error.status === 412 || error.status === 428)) this.conflict = true;
    else if (error instanceof ApiError && error.status === 422 && "problems" in error.members) {
      this.findings = error.members as unknown as Findings;
      this.checked = text;
    } else this.error = error;
  }
}
