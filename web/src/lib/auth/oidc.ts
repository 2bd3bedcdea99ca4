/** Authorization code with PKCE against any OIDC issuer (Cognito, or the local stack's own). No secret, no cookie. */

export interface Discovery {
  authorization_endpoint: string;
  token_endpoint: string;
  end_session_endpoint?: string;
  revocation_endpoint?: string;
}

export interface Tokens {
  access_token: string;
  id_token?: string;
  refresh_token?: string;
  expires_in?: number;
}

export interface Claims {
  sub?: string;
  exp?: number;
  name?: string;
  email?: string;
  preferred_username?: string;
  username?: string;
  "cognito:username"?: string;
  "cognito:groups"?: string[] | string;
}

/** An issuer that does not answer within this time counts as unreachable. */
const TIMEOUT_MS = 10_000;
/** Logging out waits no longer than this for the revocation. */
const REVOKE_TIMEOUT_MS = 3_000;
/** Answers of a token endpoint (RFC 6749, 5.2) that asking again will not change. */
const FINAL = new Set(["invalid_grant", "invalid_client", "unauthorized_client"]);

/** The issuer has decided: this code or refresh token is good no more. Every other failure may pass. */
export class TokenRefused extends Error {
  override name = "TokenRefused";
}

export async function discover(issuer: string): Promise<Discovery> {
  const address = `${issuer.replace(/\/$/, "")}/.well-known/openid-configuration`;
  const response = await fetch(address, { signal: AbortSignal.timeout(TIMEOUT_MS) });
  if (!response.ok) throw new Error(`discovery answered ${response.status}`);
  return (await response.json()) as Discovery;
}

export function base64url(bytes: Uint8Array): string {
  return btoa(String.fromCharCode(...bytes))
    .replaceAll("+", "-")
    .replaceAll("/", "_")
    .replace(/=+$/, "");
}

export function randomText(): string {
  return base64url(crypto.getRandomValues(new Uint8Array(32)));
}

/** RFC 7636 S256. */
export async function challengeOf(verifier: string): Promise<string> {
  const digest = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(verifier));
  return base64url(new Uint8Array(digest));
}

/** Where the issuer sends the browser back to: the page itself, without query or hash. */
export function redirectUri(): string {
  return new URL(location.pathname, location.origin).toString();
}

export async function authorizeUrl(
  discovery: Discovery,
  request: { clientId: string; state: string; verifier: string; language: string },
): Promise<string> {
  const url = new URL(discovery.authorization_endpoint);
  url.search = new URLSearchParams({
    response_type: "code",
    client_id: request.clientId,
    redirect_uri: redirectUri(),
    scope: "openid email profile",
    state: request.state,
    code_challenge: await challengeOf(request.verifier),
    code_challenge_method: "S256",
    ui_locales: request.language,
    lang: request.language,
  }).toString();
  return url.toString();
}

export async function requestTokens(endpoint: string, form: Record<string, string>): Promise<Tokens> {
  const response = await post(endpoint, form, TIMEOUT_MS);
  if (response.ok) return (await response.json()) as Tokens;
  const answer = (await response.json().catch(() => null)) as { error?: string } | null;
  if (response.status < 500 && FINAL.has(answer?.error ?? "")) throw new TokenRefused(answer?.error);
  throw new Error(`token endpoint answered ${response.status}`);
}

/** RFC 7009: makes a refresh token worthless, also where it was copied to. */
export async function revoke(endpoint: string, clientId: string, token: string): Promise<void> {
  await post(endpoint, { client_id: clientId, token }, REVOKE_TIMEOUT_MS);
}

function post(endpoint: string, form: Record<string, string>, timeout: number): Promise<Response> {
  return fetch(endpoint, {
    method: "POST",
    headers: { "content-type": "application/x-www-form-urlencoded" },
    body: new URLSearchParams(form).toString(),
    signal: AbortSignal.timeout(timeout),
  });
}

/** Reads a token's claims for showing them; only the server's verification counts. */
export function claimsOf(token: string): Claims {
  const part = token.split(".")[1];
  if (!part) return {};
  try {
    const bytes = Uint8Array.from(atob(part.replaceAll("-", "+").replaceAll("_", "/")), (c) => c.charCodeAt(0));
    return JSON.parse(new TextDecoder().decode(bytes)) as Claims;
  } catch {
    return {};
  }
}

/** `cognito:groups`, which arrives as a list, or in some tokens as one string. */
export function groupsOf(claims: Claims): string[] {
  const groups = claims["cognito:groups"] ?? [];
  return Array.isArray(groups)
    ? groups
    : groups
        .replace(/^\[|\]$/g, "")
        .split(/[\s,]+/)
        .filter(Boolean);
}
