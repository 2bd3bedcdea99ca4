import { createHash, randomBytes, randomUUID } from "node:crypto";
import { chromium } from "playwright-core";
import { instantOf, isoDay } from "./src/lib/bookings/zoned.ts";
const [url, folder, ...only] = process.argv.slice(2) as [string, string, ...string[]];
const ZONE = "Europe/Paris";
async function tokenOf(user: string) {
  const d = await (await fetch(`${url}/_local/identity/.well-known/openid-configuration`)).json() as any;
  const verifier = randomBytes(32).toString("base64url");
  const q = new URLSearchParams({ response_type: "code", client_id: "parvis-web", redirect_uri: `${url}/`, scope: "openid email profile", state: "x", code_challenge: createHash("sha256").update(verifier).digest("base64url"), code_challenge_method: "S256" });
  const r = await fetch(`${d.authorization_endpoint}?${q}`, { method: "POST", redirect: "manual", body: new URLSearchParams({ demo: user }) });
  const code = new URL(r.headers.get("location")!, url).searchParams.get("code")!;
  const t = await (await fetch(d.token_endpoint, { method: "POST", body: new URLSearchParams({ grant_type: "authorization_code", client_id: "parvis-web", redirect_uri: `${url}/`, code, code_verifier: verifier }) })).json() as any;
  return t.access_token as string;
}
const tokens: Record<string, string> = {};
async function as(user: string, method: string, path: string, body?: unknown) {
  tokens[user] ??= await tokenOf(user);
  const r = await fetch(url + path, { method, headers: { authorization: `Bearer ${tokens[user]}`, "content-type": "application/json", "idempotency-key": randomUUID() }, body: body === undefined ? undefined : JSON.stringify(body) });
  const text = await r.text();
  if (!r.ok) console.log(method, path, r.status, text.slice(0, 300));
  return text ? JSON.parse(text) : null;
}
const week = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"];
const site = "parvis-lab";
await as("manager", "PUT", "/v1/policies/usual", { name: "Règles usuelles", max_minutes: 480, buffer_after_minutes: 15, check_in: { opens_minutes_before: 30, window_minutes: 30, needs_code: false }, cancellation: [{ minutes_before: 1440, refund_percent: 100 }, { minutes_before: 120, refund_percent: 50 }] });
await as("manager", "PUT", "/v1/policies/approved", { name: "Sur accord", requires_approval: true });
await as("manager", "PUT", `/v1/sites/${site}`, { name: "Parvis Lab", timezone: ZONE, address: "12 rue de la Loge, Montpellier", opening: { weekly: [{ days: week, from: "08:00:00", until: "20:00:00" }], exceptions: [{ from: "2026-12-25", to: "2026-12-25", yearly: true, reason: "Noël" }] } });
const rooms = ["Ada", "Blaise", "Curie", "Descartes", "Émilie", "Fermat"];
for (const [i, name] of rooms.entries()) await as("manager", "PUT", `/v1/resources/room-${i + 1}`, { site, kind: "room", name, policy: i === 5 ? "approved" : "usual", floor: i < 4 ? "1" : "2", capacity: 4 + 2 * i, features: ["écran", ...(i % 2 ? ["tableau"] : []), ...(i > 3 ? ["visio"] : [])], accessible: i !== 3, description: i === 0 ? "Vue sur la place." : null, rates: { standard: { hour: 1200 + 300 * i, half_day: 4000 + 800 * i, day: 7000 + 1000 * i }, vat: 2000, deposit: i === 5 ? 5000 : 0 }, plan: { x: [14, 40, 66, 88, 25, 70][i], y: [20, 20, 20, 20, 30, 30][i] } });
await as("manager", "PUT", "/v1/pools/desks", { site, name: "Bureau au 1er", kind: "desk", seats: { count: 8, like: { policy: "usual", floor: "1", rates: { standard: { day: 2000, half_day: 1200 }, vat: 2000 } } } });
for (let i = 1; i <= 8; i++) { const { timezone, version, ...r } = await as("manager", "GET", `/v1/resources/desks-${i}`); await as("manager", "PUT", `/v1/resources/desks-${i}`, { ...r, plan: { x: 12 + 11 * (i - 1), y: 70 } }); }
await as("manager", "PUT", "/v1/resources/projector", { site, kind: "equipment", name: "Projecteur", policy: "usual", floor: "1" });
const today = Date.parse(new Intl.DateTimeFormat("en-CA", { timeZone: ZONE }).format(new Date()) + "T00:00:00Z") / 86400000;
const slot = (d: number, a: number, b: number) => ({ start: new Date(instantOf(d, a * 60, ZONE)).toISOString(), end: new Date(instantOf(d, b * 60, ZONE)).toISOString() });
const book = (u: string, r: string, d: number, a: number, b: number, title: string, more = {}) => as(u, "POST", "/v1/bookings", { items: [{ resource: r }], slot: slot(d, a, b), title, suggest: false, ...more });
if (!only.includes("noseed")) {
  for (let d = 0; d < 9; d++) {
    await book("agent", `room-${1 + (d % 5)}`, today + 1 + d, 9, 11, "Réunion d'équipe");
    await book("agent", `room-${1 + ((d + 1) % 5)}`, today + 1 + d, 14, 15.5, "Entretien");
    await book("agent", `room-${1 + ((d + 3) % 5)}`, today + 1 + d, 10.5, 12, "Atelier");
    await book("driver", `room-${1 + ((d + 2) % 5)}`, today + 1 + d, 16, 17.5, ["Point projet", "Formation", "Présentation"][d % 3]!, { participants: 3, guests: [{ name: "Ada Lovelace", email: "ada@example.org" }] });
    await book("agent", `desks-${1 + (d % 8)}`, today + 1, 9, 18, "Travail");
  }
  await book("driver", "room-6", today + 2, 9, 12, "Assemblée");
  await book("driver", "room-1", today + 1, 9.5, 10, "Si ça se libère", { waitlist: true });
  await as("driver", "PUT", "/v1/me/favourites/room-2");
  const now = Math.floor(Date.now() / 900000) * 900000;
  await as("driver", "POST", "/v1/bookings", { items: [{ resource: "room-4" }], slot: { start: new Date(now).toISOString(), end: new Date(now + 3600000).toISOString() }, title: "En ce moment", suggest: false });
}
const T = isoDay(today + 1);
const pages: [string, string, string][] = [
  ["day", "driver", `#/bookings?date=${T}`], ["week", "driver", `#/bookings?view=week&date=${T}&resource=room-3`], ["month", "driver", `#/bookings?view=month&date=${T}`],
  ["timeline", "driver", `#/bookings?view=timeline&date=${T}`], ["plan", "driver", `#/bookings?view=plan&date=${T}`], ["find", "driver", "#/bookings/find"], ["mine", "driver", "#/bookings/mine"],
  ["use", "manager", "#/bookings/use"], ["resources", "manager", "#/bookings/resources"], ["editor", "manager", "#/bookings/resources?part=places&id=room-1"], ["policy", "manager", "#/bookings/resources?part=policies&id=usual"],
  ["book", "driver", `#/bookings?date=${T}`], ["details", "driver", "#/bookings/mine"], ["series", "driver", `#/bookings?date=${T}`], ["taken", "driver", `#/bookings?date=${T}`], ["parking", "driver", "#/parking"],
];
const browser = await chromium.launch({ executablePath: "/usr/bin/chromium", args: ["--no-sandbox", "--disable-gpu"] });
const wanted = only.filter((one) => one !== "noseed");
for (const [size, viewport] of Object.entries({ phone: { width: 390, height: 844 }, desktop: { width: 1360, height: 860 } })) {
  for (const user of ["driver", "manager"]) {
    const dark = size === "phone" && user === "manager";
    const context = await browser.newContext({ viewport, locale: size === "phone" ? "fr-FR" : "en-GB", timezoneId: size === "phone" ? ZONE : "America/New_York", colorScheme: dark ? "dark" : "light", hasTouch: size === "phone", serviceWorkers: "block" });
    const page = await context.newPage();
    page.on("pageerror", (e) => console.log(size, e.message));
    page.on("console", (m) => m.type() === "error" && console.log(size, m.text()));
    await page.goto(url + "/#/bookings"); await page.getByTestId("login").click(); await page.locator(`button[value=${user}]`).click(); await page.getByTestId("logout").waitFor();
    for (const [name, who, hash] of pages) {
      if (who !== user || (wanted.length && !wanted.includes(name))) continue;
      await page.goto(`${url}/${hash}`); await page.reload(); await page.waitForTimeout(1800);
      try {
        if (name === "book" || name === "series") { await page.getByTestId("lane-room-1").click({ position: { x: 40, y: 300 } }); await page.waitForTimeout(300); await page.getByTestId("book-title").fill("Réunion"); if (name === "series") { await page.getByTestId("repeat").selectOption("weekly"); } await page.waitForTimeout(1500); }
        if (name === "details") { await page.getByTestId("open-booking").first().click(); await page.waitForTimeout(600); }
        if (name === "taken") { await page.getByTestId("block-taken").first().click(); await page.waitForTimeout(1500); }
      } catch (e) { console.log(name, String(e).slice(0, 200)); }
      await page.screenshot({ path: `${folder}/${size}-${name}.png`, fullPage: ["use", "mine", "editor", "find", "policy"].includes(name) });
    }
    await context.close();
  }
}
await browser.close();
