/** What every page may use; made once at the start and handed down by Svelte's context. */
import { getContext, setContext } from "svelte";
import { Api } from "./api/client";
import type { AppConfig } from "./api/types";
import { Session } from "./auth/session.svelte";
import { Link } from "./live/link.svelte";
import { mqttConnect } from "./live/transport";

export interface App {
  config: AppConfig;
  api: Api;
  session: Session;
  link: Link;
}

const KEY = Symbol("app");
const SETTINGS_TIMEOUT_MS = 15_000;

export async function loadConfig(): Promise<AppConfig> {
  const response = await fetch("./config.json", {
    cache: "no-cache",
    signal: AbortSignal.timeout(SETTINGS_TIMEOUT_MS),
  });
  if (!response.ok) throw new Error(`config.json answered ${response.status}`);
  return (await response.json()) as AppConfig;
}

export function createApp(config: AppConfig): App {
  const session = new Session(config.oidc ?? null);
  const api = new Api({ base: config.api ?? "", token: () => session.token() });
  // An address that is empty is none: retrying it for ever would only show visitors a failure.
  const link = new Link(config.mqtt?.url ? mqttConnect(config.mqtt) : null);
  return { config, api, session, link };
}

export function provideApp(app: App): void {
  setContext(KEY, app);
}

export function useApp(): App {
  return getContext<App>(KEY);
}
