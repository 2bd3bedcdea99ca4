/** The notifications API. */
import type { Api } from "../api/client";
import type {
  Address,
  Attempt,
  Channel,
  Ending,
  Letter,
  MessageText,
  Note,
  Preferences,
  PreferencesInput,
  Subscription,
  Webhook,
  When,
} from "./types";

type Query = Record<string, string | number | null | undefined>;

const PREFERENCES = "/v1/me/notification-preferences";
const SUBSCRIPTIONS = "/v1/alert-subscriptions";

export class NoticesApi {
  #api: Api;

  constructor(api: Api) {
    this.#api = api;
  }

  notes = (before: string | null) =>
    this.#api.own<{ notifications: Note[]; next: string | null }>("/v1/me/notifications", { before });
  preferences = () => this.#api.own<Preferences>(PREFERENCES);
  subscriptions = async () => (await this.#api.own<{ subscriptions: Subscription[] }>(SUBSCRIPTIONS)).subscriptions;
  log = (query: Query) => this.#api.own<{ letters: Letter[]; next: string | null }>("/v1/notification-log", query);
  texts = async () => (await this.#api.own<{ texts: MessageText[] }>("/v1/notification-texts")).texts;
  webhooks = async () => (await this.#api.own<{ webhooks: Webhook[] }>("/v1/webhooks")).webhooks;
  attempts = async (id: string) =>
    (await this.#api.own<{ attempts: Attempt[] }>(`/v1/webhooks/${encodeURIComponent(id)}/attempts`)).attempts;

  /** What an unsubscribe link would end; nothing is ended by asking. */
  ending = (token: string) => this.#api.own<Ending>(`/v1/unsubscribe/${encodeURIComponent(token)}/about`);

  async setPreferences(version: number, input: PreferencesInput): Promise<Preferences> {
    // Version 0 is of somebody of whom nothing is stored yet.
    const options = version > 0 ? { body: input, version } : { body: input };
    return (await this.#api.send<Preferences>("PUT", PREFERENCES, options)).body!;
  }

  async addAddress(channel: Channel, to: string): Promise<Preferences> {
    return (await this.#api.send<Preferences>("POST", `${PREFERENCES}/addresses`, { body: { channel, to } })).body!;
  }

  async verify(channel: Channel, to: string, code: string): Promise<Preferences> {
    const body = { channel, to, code };
    return (await this.#api.send<Preferences>("POST", `${PREFERENCES}/addresses/verify`, { body })).body!;
  }

  /** Devices are registered by their apps; the page lists and removes them. */
  async removeAddress({ id, channel, to }: Address): Promise<Preferences> {
    if (channel === "push") {
      await this.#api.send("DELETE", `/v1/me/devices/${encodeURIComponent(id)}`);
      return this.preferences();
    }
    const path = `${PREFERENCES}/addresses/${channel}/${encodeURIComponent(to)}`;
    return (await this.#api.send<Preferences>("DELETE", path)).body!;
  }

  /** Repeated under its key, a wish is made once. */
  async subscribe(
    wish: { place: string; zone: string | null; when: When; channels: Channel[] },
    key: string,
  ): Promise<void> {
    await this.#api.send("POST", SUBSCRIPTIONS, { body: wish, key });
  }

  /** Repeated under its key, a wish is made once and no second code is sent. */
  async visit(
    wish: { place: string; zone: string | null; when: When; channel: Channel; to: string; language: string },
    key: string,
  ): Promise<Subscription> {
    return (await this.#api.send<Subscription>("POST", `${SUBSCRIPTIONS}/visitors`, { body: wish, key })).body!;
  }

  async confirm(id: string, code: string): Promise<void> {
    await this.#api.send("POST", `${SUBSCRIPTIONS}/${encodeURIComponent(id)}/confirm`, { body: { code } });
  }

  async endSubscription(id: string): Promise<void> {
    await this.#api.send("DELETE", `${SUBSCRIPTIONS}/${encodeURIComponent(id)}`);
  }

  async unsubscribe(token: string): Promise<{ subject_name: string; channel: Channel }> {
    const sent = await this.#api.send<{ subject_name: string; channel: Channel }>("POST", "/v1/unsubscribe", {
      body: { token },
    });
    return sent.body!;
  }

  async makeWebhook(name: string, url: string, types: string[]): Promise<Webhook> {
    return (await this.#api.send<Webhook>("POST", "/v1/webhooks", { body: { name, url, filter: { types } } })).body!;
  }

  async turnWebhook(id: string, active: boolean): Promise<void> {
    await this.#api.send("PATCH", `/v1/webhooks/${encodeURIComponent(id)}`, { body: { active } });
  }

  async endWebhook(id: string): Promise<void> {
    await this.#api.send("DELETE", `/v1/webhooks/${encodeURIComponent(id)}`);
  }
}
