import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { Session } from "../src/lib/auth/session.svelte";
import { router } from "../src/lib/router.svelte";

const OIDC = { issuer: "https://issuer.example", client_id: "web" };
const REFRESH = "parvis.refresh";
const HOUR_MS = 3_600_000;

/** An issuer in the test's hands: what it is asked, and what its token endpoint answers. */
const asked: { path: string; form: URLSearchParams }[] = [];
let tokenAnswer: () => Promise<Response>;

function jwt(claims: object): string {
  return `e30.${Buffer.from(JSON.stringify(claims)).toString("base64url")}.`;
}

function tokens(name: string, refresh?: string): Response {
  const claims = { exp: (Date.now() + HOUR_MS) / 1000, name, "cognito:groups": ["manager"] };
  return Response.json({ access_token: jwt({ ...claims, jti: asked.length }), refresh_token: refresh });
}

const refused = (error: string, status = 400) => Promise.resolve(Response.json({ error }, { status }));

beforeEach(() => {
  vi.useFakeTimers();
  vi.spyOn(Math, "random").mockReturnValue(1);
  vi.spyOn(location, "assign").mockImplementation(() => undefined);
  asked.length = 0;
  sessionStorage.clear();
  history.replaceState(null, "", "/");
  tokenAnswer = async () => tokens("Ada", "second");
  vi.stubGlobal("fetch", async (input: string, init?: RequestInit) => {
    const { pathname, origin } = new URL(input);
    asked.push({ path: pathname, form: new URLSearchParams(String(init?.body ?? "")) });
    expect(init?.signal, `${pathname} ends at some time`).toBeInstanceOf(AbortSignal);
    if (pathname === "/token") return tokenAnswer();
    if (pathname === "/revoke") return new Response(null, { status: 200 });
    return Response.json({
      authorization_endpoint: `${origin}/authorize`,
      token_endpoint: `${origin}/token`,
      revocation_endpoint: `${origin}/revoke`,
      end_session_endpoint: `${origin}/logout`,
    });
  });
});

afterEach(() => {
  vi.unstubAllGlobals();
  vi.useRealTimers();
});

async function loggedIn(): Promise<Session> {
  sessionStorage.setItem(REFRESH, "first");
  const session = new Session(OIDC);
  await session.init();
  expect(session.user).toEqual({ name: "Ada", roles: ["manager"] });
  return session;
}

describe("a session kept by the tab", () => {
  it("is taken up, and a rotated refresh token replaces the old one", async () => {
    await loggedIn();
    expect(asked.at(-1)!.form.get("refresh_token")).toBe("first");
    expect(sessionStorage.getItem(REFRESH)).toBe("second");
  });

  it("is taken up later when the issuer cannot be reached now", async () => {
    sessionStorage.setItem(REFRESH, "first");
    tokenAnswer = () => Promise.reject(new TypeError("network"));
    const session = new Session(OIDC);
    await session.init();
    expect([session.pending, session.user, sessionStorage.getItem(REFRESH)]).toEqual([true, null, "first"]);
    tokenAnswer = async () => tokens("Ada");
    await vi.advanceTimersByTimeAsync(1_000);
    expect([session.pending, session.user?.name, sessionStorage.getItem(REFRESH)]).toEqual([false, "Ada", "first"]);
  });

  it("ends when the issuer refuses it", async () => {
    sessionStorage.setItem(REFRESH, "first");
    tokenAnswer = () => refused("invalid_grant");
    const session = new Session(OIDC);
    await session.init();
    expect([session.pending, session.user, sessionStorage.getItem(REFRESH)]).toEqual([false, null, null]);
    expect(await session.token()).toBeNull();
  });
});

describe("a renewal that is due", () => {
  it("survives a failure of network or issuer, and is no request without a token", async () => {
    const session = await loggedIn();
    await vi.advanceTimersByTimeAsync(HOUR_MS);
    for (const failure of [() => Promise.reject(new TypeError("network")), () => refused("server_error", 503)]) {
      tokenAnswer = failure;
      await expect(session.token()).rejects.toThrow();
      expect([session.user?.name, sessionStorage.getItem(REFRESH)]).toEqual(["Ada", "second"]);
    }
    tokenAnswer = async () => tokens("Ada");
    expect(await session.token()).toMatch(/^e30\./);
  });

  it("uses the old token as long as it is good", async () => {
    const session = await loggedIn();
    const old = await session.token();
    await vi.advanceTimersByTimeAsync(HOUR_MS - 30_000);
    tokenAnswer = () => Promise.reject(new TypeError("network"));
    expect(await session.token()).toBe(old);
  });

  it("is asked for once by many requests", async () => {
    const session = await loggedIn();
    await vi.advanceTimersByTimeAsync(HOUR_MS);
    const before = asked.filter(({ path }) => path === "/token").length;
    const [a, b] = await Promise.all([session.token(), session.token()]);
    expect(a).toBe(b);
    expect(asked.filter(({ path }) => path === "/token")).toHaveLength(before + 1);
  });
});

describe("coming back from the issuer", () => {
  const pending = { state: "right", verifier: "secret", hash: "#/places" };

  it("with the state that was sent ends the login where it began, without the code in the address", async () => {
    sessionStorage.setItem("parvis.login", JSON.stringify(pending));
    history.replaceState(null, "", "/?code=c&state=right");
    const session = new Session(OIDC);
    expect(router.route.page).toBe("dashboard");
    const done = session.init();
    // Before anything was answered: the pages are drawn meanwhile.
    expect(location.search + location.hash).toBe("#/places");
    expect(router.route.page).toBe("places");
    await done;
    expect(asked.at(-1)!.form.get("code_verifier")).toBe("secret");
    expect([session.user?.name, session.failed, session.pending]).toEqual(["Ada", false, false]);
  });

  it("with another state is refused without asking for a token", async () => {
    sessionStorage.setItem("parvis.login", JSON.stringify(pending));
    history.replaceState(null, "", "/?code=c&state=wrong");
    const session = new Session(OIDC);
    await session.init();
    expect([session.user, session.failed]).toEqual([null, true]);
    expect(asked).toEqual([]);
  });
});

describe("logging out", () => {
  it("makes the refresh token worthless before the issuer's own page", async () => {
    const session = await loggedIn();
    await session.logout();
    expect(asked.at(-1)).toMatchObject({ path: "/revoke" });
    expect(Object.fromEntries(asked.at(-1)!.form)).toEqual({ client_id: "web", token: "second" });
    expect([session.user, sessionStorage.getItem(REFRESH)]).toEqual([null, null]);
    expect(location.assign).toHaveBeenCalledWith(expect.stringContaining("https://issuer.example/logout"));
  });
});
