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
  type Tokens,
} from "./oidc";

export type Role = "admin" | "manager" | "agent" | "driver";

export interface User {
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

  #oidc: AppConfig["oidc"];
  #access: string | null = null;
  #idToken: string | null = null;
  #expiresAt = 0;
  #renewing: Promise<void> | null = null;

  constructor(oidc: AppConfig["oidc"]) {
    this.#oidc = oidc;
  }

  get available(): boolean {
    return this.#oidc !== null;
  }

  has(...roles: Role[]): boolean {
    return this.user?.roles.some((role) => roles.includes(role)) ?? false;
  }

  /** Ends a login under way (the issuer came back with a code) or takes up the tab's session. */
  async init(): Promise<void> {
    if (!this.#oidc) return;
    const query = new URLSearchParams(location.search);
    try {
      if (query.has("code") || query.has("error")) await this.#finish(query);
      else if (sessionStorage.getItem(REFRESH_KEY)) await this.#renew();
    } catch {
      this.failed = query.has("code") || query.has("error");
      this.#forget();
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
    this.#forget();
    try {
      const { end_session_endpoint } = await discover(this.#oidc.issuer);
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

  /** The access token, renewed when it is about to end; null for a visitor. */
  async token(): Promise<string | null> {
    if (this.#access && Date.now() > this.#expiresAt - MARGIN_MS) {
      this.#renewing ??= this.#renew().finally(() => (this.#renewing = null));
      await this.#renewing.catch(() => this.#forget());
    }
    return this.#access;
  }

  async #finish(query: URLSearchParams): Promise<void> {
    const pending = JSON.parse(sessionStorage.getItem(PENDING_KEY) ?? "null") as Pending | null;
    sessionStorage.removeItem(PENDING_KEY);
    // The code is used once and must not stay in the address or the history.
    history.replaceState(null, "", `${location.pathname}${pending?.hash ?? location.hash}`);
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
    if (!this.#oidc || !refresh) throw new Error("no refresh token");
    const { token_endpoint } = await discover(this.#oidc.issuer);
    this.#accept(
      await requestTokens(token_endpoint, {
        grant_type: "refresh_token",
        client_id: this.#oidc.client_id,
        refresh_token: refresh,
      }),
    );
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
    this.user = { name: name ?? "?", roles: groupsOf(claims) as Role[] };
  }

  #forget(): void {
    this.#access = null;
    this.#idToken = null;
    sessionStorage.removeItem(REFRESH_KEY);
    this.user = null;
  }
}
