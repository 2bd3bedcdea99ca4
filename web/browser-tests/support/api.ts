/** The API as a demo user calls it, beside the browser. */
import { createHash, randomBytes, randomUUID } from "node:crypto";
import { inject } from "vitest";

const tokens = new Map<string, string>();

/** Logs a demo user in as a browser would: code and PKCE. */
async function tokenOf(user: string): Promise<string> {
  const known = tokens.get(user);
  if (known) return known;
  const url = inject("url");
  const issuer = `${url}/_local/identity`;
  const discovery = (await (await fetch(`${issuer}/.well-known/openid-configuration`)).json()) as Record<
    string,
    string
  >;
  const verifier = randomBytes(32).toString("base64url");
  const redirect = `${url}/`;
  const query = new URLSearchParams({
    response_type: "code",
    client_id: "parvis-web",
    redirect_uri: redirect,
    scope: "openid email profile",
    state: "test",
    code_challenge: createHash("sha256").update(verifier).digest("base64url"),
    code_challenge_method: "S256",
  });
  const form = await fetch(`${discovery.authorization_endpoint}?${query}`);
  const action = /<form[^>]*action="([^"]*)"/.exec(await form.text())?.[1]?.replaceAll("&amp;", "&") ?? "";
  const answered = await fetch(new URL(action, form.url), {
    method: "POST",
    redirect: "manual",
    body: new URLSearchParams({ demo: user }),
  });
  const code = new URL(answered.headers.get("location") ?? "", url).searchParams.get("code");
  if (!code) throw new Error(`no code for ${user}: ${answered.status} ${await answered.text()}`);
  const request = { grant_type: "authorization_code", client_id: "parvis-web", redirect_uri: redirect, code };
  const response = await fetch(discovery.token_endpoint!, {
    method: "POST",
    body: new URLSearchParams({ ...request, code_verifier: verifier }),
  });
  const { access_token: token } = (await response.json()) as { access_token: string };
  tokens.set(user, token);
  return token;
}

/** A request to the API by a demo user; throws with what the API said when it is refused. */
export async function as<T = unknown>(user: string, method: string, path: string, body?: unknown): Promise<T> {
  const headers: Record<string, string> = {
    authorization: `Bearer ${await tokenOf(user)}`,
    "idempotency-key": randomUUID(),
  };
  if (body !== undefined) headers["content-type"] = "application/json";
  const sent = { method, headers, body: body === undefined ? undefined : JSON.stringify(body) };
  const response = await fetch(`${inject("url")}${path}`, sent);
  const text = await response.text();
  if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${text}`);
  return (text ? JSON.parse(text) : null) as T;
}
