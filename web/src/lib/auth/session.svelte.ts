/** Who is logged in. Access and ID token live in memory only; the refresh token in sessionStorage, gone with the tab. */
import type { AppConfig } from "../api/types";
import {
  authorizeUrl,
  claimsOf,
  discover,
  groupsOf,
  randomText,
  redirectUri,
  requestTokens,
  revoke,
  TokenRefused,
  type Tokens,
} from "./oidc";
import { backoffMs } from "../live/backoff";

export type Role = "admin" | "manager" | "agent" | "driver";

export interface User {
  /** As the issuer names the person; the same at every login. */
  id: string | undefined;
  name: string;
  roles: Role[];
}

const REFRESH_KEY = "parvis.refresh";
const PENDING_KEY = "parvis.login";
/** A token is renewed this long before it ends. */
const MARGIN_MS = 60_000;

interface Pending {
  state: string;
  verifier: string;
  hash: string;
}

export class Session {
  user = $state.raw<User | null>(null);
  /** A login that did not work out, for the page to say so. */
  failed = $state(false);
  /** A login is being finished, or the tab's session taken up: who is there will be known soon. */
  pending = $state(false);

  #oidc: AppConfig["oidc"];
  #access: string | null = null;
  #idToken: string | null = null;
  #expiresAt = 0;
  #renewing: Promise<void> | null = null;
  #retry: ReturnType<typeof setTimeout> | undefined;

  constructor(oidc: AppConfig["oidc"]) {
    this.#oidc = oidc;
  }

  get available(): boolean {
    return this.#oidc !== null;
  }

  has(...roles: Role[]): boolean {
    return this.user?.roles.some((role) => roles.includes(role)) ?? false;
  }

  /**
   * Ends a login under way (the issuer came back with a code) or takes up the tab's session. The address is put right before the
   * first wait, so that pages can be drawn without waiting for the issuer.
   */
  async init(): Promise<void> {
    if (!this.#oidc) return;
    const query = new URLSearchParams(location.search);
    if (!query.has("code") && !query.has("error")) return this.#resume();
    this.pending = true;
    try {
      await this.#finish(query);
    } catch {
      this.failed = true;
      this.#forget();
    }
    this.pending = false;
  }

  /** Takes up the tab's session, however long the issuer cannot be reached. */
  async #resume(attempt = 0): Promise<void> {
    this.pending = sessionStorage.getItem(REFRESH_KEY) !== null && this.user === null;
    if (!this.pending) return;
    try {
      await this.#renewOnce();
      this.pending = false;
    } catch {
      clearTimeout(this.#retry);
      this.#retry = setTimeout(() => void this.#resume(attempt + 1), backoffMs(attempt));
    }
  }

  async login(language: string): Promise<void> {
    if (!this.#oidc) return;
    this.failed = false;
    try {
      const pending: Pending = { state: randomText(), verifier: randomText(), hash: location.hash };
      sessionStorage.setItem(PENDING_KEY, JSON.stringify(pending));
      const discovery = await discover(this.#oidc.issuer);
      location.assign(await authorizeUrl(discovery, { clientId: this.#oidc.client_id, language, ...pending }));
    } catch {
      this.failed = true;
    }
  }

  async logout(): Promise<void> {
    if (!this.#oidc) return;
    const idToken = this.#idToken;
    const refresh = sessionStorage.getItem(REFRESH_KEY);
    this.#forget();
    try {
      const { end_session_endpoint, revocation_endpoint } = await discover(this.#oidc.issuer);
      if (refresh && revocation_endpoint) {
        await revoke(revocation_endpoint, this.#oidc.client_id, refresh).catch(() => undefined);
      }
      if (!end_session_endpoint) return;
      const url = new URL(end_session_endpoint);
      url.searchParams.set("client_id", this.#oidc.client_id);
      url.searchParams.set("post_logout_redirect_uri", redirectUri());
      // Cognito's own name for the same thing.
      url.searchParams.set("logout_uri", redirectUri());
      if (idToken) url.searchParams.set("id_token_hint", idToken);
      location.assign(url.toString());
    } catch {
      // The issuer cannot be reached: this tab is logged out all the same.
    }
  }

  /**
   * The access token, renewed when it is about to end; null for a visitor, and for one whom the issuer has logged out.
   * Throws when a renewal is due and the issuer cannot be reached: the session lives on, the request may be tried again.
   */
  async token(): Promise<string | null> {
    const kept = this.#access !== null || sessionStorage.getItem(REFRESH_KEY) !== null;
    if (!kept || Date.now() <= this.#expiresAt - MARGIN_MS) return this.#access;
    try {
      await this.#renewOnce();
    } catch (error) {
      if (this.#access === null || Date.now() >= this.#expiresAt) throw error;
    }
    return this.#access;
  }

  /** Renews, once for all who wait. A refusal ends the session; any other failure is thrown and changes nothing. */
  #renewOnce(): Promise<void> {
    this.#renewing ??= this.#renew()
      .catch((error: unknown) => {
        if (!(error instanceof TokenRefused)) throw error;
        this.#forget();
      })
      .finally(() => (this.#renewing = null));
    return this.#renewing;
  }

  async #finish(query: URLSearchParams): Promise<void> {
    const pending = JSON.parse(sessionStorage.getItem(PENDING_KEY) ?? "null") as Pending | null;
    sessionStorage.removeItem(PENDING_KEY);
    // The code is used once and must not stay in the address or the history.
    history.replaceState(null, "", `${location.pathname}${pending?.hash ?? location.hash}`);
    // Replacing the address tells nobody, and the router has read the one before.
    dispatchEvent(new HashChangeEvent("hashchange"));
    const code = query.get("code");
    if (!this.#oidc || !code || !pending || query.get("state") !== pending.state) throw new Error("login refused");
    const { token_endpoint } = await discover(this.#oidc.issuer);
    this.#accept(
      await requestTokens(token_endpoint, {
        grant_type: "authorization_code",
        client_id: this.#oidc.client_id,
        redirect_uri: redirectUri(),
        code_verifier: pending.verifier,
        code,
      }),
    );
  }

  async #renew(): Promise<void> {
    const refresh = sessionStorage.getItem(REFRESH_KEY);
    if (!this.#oidc || !refresh) throw new TokenRefused("no refresh token");
    const { token_endpoint } = await discover(this.#oidc.issuer);
    const tokens = await requestTokens(token_endpoint, {
      grant_type: "refresh_token",
      client_id: this.#oidc.client_id,
      refresh_token: refresh,
    });
    // Who logged out meanwhile stays so.
    if (sessionStorage.getItem(REFRESH_KEY) === refresh) this.#accept(tokens);
  }

  #accept(tokens: Tokens): void {
    const access = claimsOf(tokens.access_token);
    const claims = { ...access, ...(tokens.id_token ? claimsOf(tokens.id_token) : {}) };
    this.#access = tokens.access_token;
    this.#idToken = tokens.id_token ?? this.#idToken;
    this.#expiresAt = access.exp ? access.exp * 1000 : Date.now() + (tokens.expires_in ?? 300) * 1000;
    // Cognito sends no new refresh token when it renews: the old one stays good.
    if (tokens.refresh_token) sessionStorage.setItem(REFRESH_KEY, tokens.refresh_token);
    const name =
      claims.name ??
      claims.preferred_username ??
      claims.email ??
      claims["cognito:username"] ??
      claims.username ??
      claims.sub;
    this.user = { id: claims.sub, name: name ?? "?", roles: groupsOf(claims) as Role[] };
  }

  #forget(): void {
    clearTimeout(this.#retry);
    this.pending = false;
    this.#access = null;
    this.#idToken = null;
    this.#expiresAt = 0;
    sessionStorage.removeItem(REFRESH_KEY);
    this.user = null;
  }
}
