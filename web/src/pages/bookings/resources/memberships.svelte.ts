/** Subscriptions, and who has one or credits: for staff, read when their page is opened. */
import type { BookingsApi } from "../../../lib/bookings/client";
import type { Member, Plan } from "../../../lib/bookings/types";

export class Memberships {
  plans = $state.raw<Plan[]>([]);
  members = $state.raw<Member[]>([]);
  loaded = $state(false);
  failed = $state(false);

  #api: BookingsApi;

  constructor(api: BookingsApi) {
    this.#api = api;
  }

  async load(): Promise<void> {
    try {
      [this.plans, this.members] = await Promise.all([this.#api.plans(), this.#api.members()]);
      this.loaded = true;
      this.failed = false;
    } catch {
      this.failed = true;
    }
  }
}
