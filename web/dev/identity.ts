/** An OIDC issuer for the mock: code + PKCE with one demo user per role, unsigned tokens. For development only. */
import { createHash, randomBytes } from "node:crypto";

const USERS: Record<string, string[]> = {
  admin: ["admin"],
  manager: ["manager"],
  agent: ["agent"],
  driver: ["driver"],
};
const codes = new Map<string, { user: string; challenge: string; redirect: string }>();

export interface Answer {
  status: number;
  headers: Record<string, string>;
  body: string;
}

export function identity(
  issuer: string,
  method: string,
  path: string,
  query: URLSearchParams,
  form: URLSearchParams,
): Answer {
  if (path === "/.well-known/openid-configuration") {
    return json(200, {
      issuer,
      authorization_endpoint: `${issuer}/authorize`,
      token_endpoint: `${issuer}/token`,
      end_session_endpoint: `${issuer}/logout`,
    });
  }
  if (path === "/authorize" && method === "GET") return loginPage(query);
  if (path === "/authorize" && method === "POST") return authorize(query, form);
  if (path === "/token") return token(form);
  if (path === "/logout") return redirect(query.get("post_logout_redirect_uri") ?? "/");
  return json(404, { title: "Not found" });
}

function loginPage(query: URLSearchParams): Answer {
  const buttons = Object.keys(USERS)
    .map((name) => `<p><button name="demo" value="${name}">${name}</button></p>`)
    .join("");
  const action = `authorize?${query.toString().replaceAll("&", "&amp;").replaceAll('"', "&quot;")}`;
  const body = `<!doctype html><title>Mock login</title><h1>Mock login</h1><form method="post" action="${action}">${buttons}</form>`;
  return { status: 200, headers: { "content-type": "text/html; charset=utf-8" }, body };
}

function authorize(query: URLSearchParams, form: URLSearchParams): Answer {
  const user = form.get("demo") ?? "";
  const target = query.get("redirect_uri");
  const challenge = query.get("code_challenge");
  if (!USERS[user] || !target || !challenge || query.get("code_challenge_method") !== "S256")
    return json(400, { title: "Bad request" });
  const code = randomBytes(16).toString("hex");
  codes.set(code, { user, challenge, redirect: target });
  const url = new URL(target);
  url.searchParams.set("code", code);
  url.searchParams.set("state", query.get("state") ?? "");
  return redirect(url.toString());
}

function token(form: URLSearchParams): Answer {
  if (form.get("grant_type") === "refresh_token") {
    const user = (form.get("refresh_token") ?? "").replace(/^refresh-/, "");
    return USERS[user] ? json(200, tokens(user)) : json(400, { error: "invalid_grant" });
  }
  const found = codes.get(form.get("code") ?? "");
  codes.delete(form.get("code") ?? "");
  const challenge = createHash("sha256")
    .update(form.get("code_verifier") ?? "")
    .digest("base64url");
  const good = found && found.challenge === challenge && found.redirect === form.get("redirect_uri");
  return good ? json(200, tokens(found.user)) : json(400, { error: "invalid_grant" });
}

function tokens(user: string): Record<string, unknown> {
  const exp = Math.floor(Date.now() / 1000) + 900;
  const claims = { sub: user, exp, username: user, "cognito:groups": USERS[user] };
  return {
    access_token: jwt({ ...claims, token_use: "access" }),
    id_token: jwt({ ...claims, token_use: "id", name: user }),
    refresh_token: `refresh-${user}`,
    token_type: "Bearer",
    expires_in: 900,
  };
}

function jwt(claims: Record<string, unknown>): string {
  const part = (value: unknown) => Buffer.from(JSON.stringify(value)).toString("base64url");
  return `${part({ alg: "none" })}.${part(claims)}.`;
}

function json(status: number, body: unknown): Answer {
  return {
    status,
    headers: { "content-type": "application/json", "cache-control": "no-store" },
    body: JSON.stringify(body),
  };
}

function redirect(location: string): Answer {
  return { status: 303, headers: { location }, body: "" };
}
