import { flushSync } from "svelte";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { Api, ApiError } from "../src/lib/api/client";
import { Checkout } from "../src/lib/payments/checkout.svelte";
import { PaymentsApi } from "../src/lib/payments/client";
import { Extension } from "../src/lib/payments/extension.svelte";
import { Fare } from "../src/lib/payments/fare.svelte";
import { SessionsFeed } from "../src/lib/payments/sessions-feed.svelte";
import { TariffEditor } from "../src/lib/payments/tariff-editor.svelte";
import { openForm } from "../src/lib/payments/stripe";
import { TestProvider } from "../src/lib/payments/test-provider";
import type { OpenPayment, ParkingSession } from "../src/lib/payments/types";
import { curve, stay } from "./payment-samples";

const EUR = (cents: number) => ({ cents, currency: "EUR" });
const NOW = "2026-11-24T08:00:00Z";

interface Asked {
  method: string;
  path: string;
  body: string;
  headers: Headers;
}

/** An answer that waits until it is let go. */
function hold() {
  let release = () => undefined as void;
  const until = new Promise<void>((resolve) => (release = resolve));
  return { until, release: () => release() };
}

/** An API in the test's hands. */
const asked: Asked[] = [];
let answer: (request: Asked) => Response | Promise<Response>;

const api = new PaymentsApi(
  new Api({
    base: "",
    fetch: async (input, init) => {
      const body = typeof init?.body === "string" ? init.body : "";
      const headers = new Headers(init?.headers);
      const request = {
        method: init?.method ?? "GET",
        path: String(input).replace(/^https?:\/\/[^/]+/, ""),
        body,
        headers,
      };
      asked.push(request);
      return answer(request);
    },
  }),
);

const problem = (status: number, slug: string, members: object = {}) =>
  Response.json({ type: `urn:parvis:problem/${slug}`, title: slug, ...members }, { status });

const payment: OpenPayment = {
  amount: EUR(240),
  intent: "pi_1",
  client_secret: "pi_1_secret",
  until: "2026-11-24T08:10:00Z",
  pays_until: "2026-11-24T09:00:00Z",
};
const pending = stay("a", { state: "pending", payment, actions: ["pay", "stop"], paid: EUR(0) });
const active = stay("a", { version: 2 });

beforeEach(() => {
  vi.useFakeTimers();
  asked.length = 0;
});
afterEach(() => vi.useRealTimers());

describe("a checkout", () => {
  const seen: ParkingSession[] = [];
  const make = (begin: (() => Promise<ParkingSession>) | null, session: ParkingSession | null = null) =>
    new Checkout({
      through: { settle: api.settle, stop: api.stop, written: (one) => void seen.push(one) },
      begin,
      session,
      wait: async () => undefined,
    });

  it("is paid when the platform says so, not when the card was taken", async () => {
    const settled = [pending, pending, active];
    answer = ({ path }) => {
      expect(path).toBe("/v1/parking/sessions/a/settle");
      return Response.json(settled.shift());
    };
    const checkout = make(async () => pending);
    await checkout.prepare();
    expect(checkout.step).toBe("card");
    await checkout.pay(async () => ({ outcome: "done" }));
    expect([checkout.step, settled.length, seen.at(-1)!.state]).toEqual(["paid", 0, "active"]);
  });

  it("tries another card on the same payment", async () => {
    answer = () => Response.json(active);
    const checkout = make(async () => pending);
    await checkout.prepare();
    await checkout.pay(async () => ({ outcome: "refused", text: "insufficient_funds" }));
    expect([checkout.step, checkout.refusal, asked.length]).toEqual(["refused", "insufficient_funds", 0]);
    await checkout.pay(async () => ({ outcome: "asks" }));
    expect(checkout.step).toBe("card");
    await checkout.pay(async () => ({ outcome: "done" }));
    expect([checkout.step, checkout.refusal]).toEqual(["paid", null]);
  });

  it("asks the platform when the card's answer is lost", async () => {
    answer = () => Response.json(active);
    const checkout = make(async () => pending);
    await checkout.prepare();
    await checkout.pay(() => Promise.reject(new Error("network")));
    expect(checkout.step).toBe("paid");
  });

  it("repeats the same wish after a lost answer", async () => {
    let tries = 0;
    const checkout = make(async () => {
      if (++tries === 1) throw new Error("network");
      return active;
    });
    await checkout.prepare();
    expect(checkout.step).toBe("lost");
    await checkout.prepare();
    expect([checkout.step, tries]).toEqual(["paid", 2]);
  });

  it("does not call an extension paid that has lapsed", async () => {
    const extending = stay("a", { payment: { ...payment, pays_until: "2026-11-24T10:00:00Z" } });
    answer = () => Response.json(stay("a", { version: 4, failure: "expired_card" }));
    const checkout = make(async () => extending);
    await checkout.prepare();
    await checkout.pay(async () => ({ outcome: "done" }));
    expect([checkout.step, checkout.session?.failure]).toEqual(["failed", "expired_card"]);
  });

  it("says that it is slow when nobody knows", async () => {
    answer = () => Response.json(pending, { status: 202 });
    const checkout = make(async () => pending);
    await checkout.prepare();
    await checkout.pay(async () => ({ outcome: "done" }));
    expect([checkout.step, asked.length]).toEqual(["slow", 20]);
  });

  it("frees the plate when its driver goes away, unless it was paid just then", async () => {
    answer = ({ path }) =>
      Response.json(stay("a", { version: 3, state: path.endsWith("/stop") ? "failed" : "active" }));
    const checkout = make(async () => pending);
    await checkout.prepare();
    expect(await checkout.leave()).toBe("given_up");
    answer = () => Response.json(active);
    const late = make(async () => pending);
    await late.prepare();
    expect(await late.leave()).toBe("paid");
    // Of an extension, giving up would stop the stay.
    const extending = make(async () => stay("a", { payment }));
    await extending.prepare();
    asked.length = 0;
    expect([await extending.leave(), asked.length]).toEqual(["open", 0]);
  });

  it("takes up a payment that was left open", async () => {
    answer = () => Response.json(pending, { status: 202 });
    const checkout = make(null, pending);
    await checkout.prepare();
    expect([checkout.step, asked[0]!.path]).toEqual(["card", "/v1/parking/sessions/a/settle"]);
  });
});

describe("the test provider", () => {
  it("speaks like Stripe, with the publishable key and the payment's secret", async () => {
    const requests: { url: string; body: string; auth: string }[] = [];
    const answers = [
      Response.json({ status: "succeeded" }),
      Response.json({ error: { code: "card_declined", decline_code: "generic_decline" } }, { status: 402 }),
      Response.json({ status: "requires_action" }),
      Response.json({ status: "requires_payment_method", last_payment_error: { code: "authentication_failed" } }),
    ];
    vi.stubGlobal("fetch", async (url: string, init: RequestInit) => {
      const headers = init.headers as Record<string, string>;
      requests.push({ url, body: String(init.body), auth: headers.authorization! });
      return answers.shift()!;
    });
    const provider = new TestProvider("/_local/provider", "pk_test_parvis");
    const outcomes = [
      await provider.confirm(payment, "pm_card_visa"),
      await provider.confirm(payment, "pm_card_chargeDeclined"),
      await provider.confirm(payment, "pm_card_authenticationRequired"),
      await provider.authenticate(payment, false),
    ];
    vi.unstubAllGlobals();
    expect(outcomes).toEqual([
      { outcome: "done" },
      { outcome: "refused", text: "generic_decline" },
      { outcome: "asks" },
      { outcome: "refused", text: "authentication_failed" },
    ]);
    expect(requests[0]).toEqual({
      url: "/_local/provider/v1/payment_intents/pi_1/confirm",
      body: "client_secret=pi_1_secret&payment_method=pm_card_visa",
      auth: "Bearer pk_test_parvis",
    });
    expect(requests[3]!.url).toMatch(/\/authenticate$/);
  });
});

it("Stripe's form comes from Stripe, once, when somebody pays by it", async () => {
  const scripts: HTMLScriptElement[] = [];
  vi.spyOn(document.head, "append").mockImplementation((...nodes) => {
    scripts.push(nodes[0] as HTMLScriptElement);
  });
  const confirms: unknown[] = [];
  const answers = [{ error: { message: "Votre carte a été refusée." } }, {}];
  const element = {
    mount: () => undefined,
    on: (event: string, handler: (told: object) => void) => void (event === "ready" && handler({})),
    destroy: vi.fn(),
  };
  const elements = { create: () => element };
  vi.stubGlobal("Stripe", (key: string) => ({
    elements: (options: object) => (confirms.push({ key, ...options }), elements),
    confirmPayment: async (options: object) => (confirms.push(options), answers.shift()),
  }));
  const options = { key: "pk_live_1", clientSecret: "secret", language: "fr" as const, dark: true };
  const host = document.createElement("div");
  const opening = openForm(host, options);
  scripts[0]!.onload!(new Event("load"));
  const form = await opening;
  await openForm(host, options);
  expect(scripts.map((script) => script.src)).toEqual(["https://js.stripe.com/v3/"]);
  expect(confirms[0]).toMatchObject({ key: "pk_live_1", clientSecret: "secret", appearance: { theme: "night" } });
  const back = "https://example.org/#/pay/stays";
  expect(await form.confirm(back)).toEqual({ outcome: "refused", text: "Votre carte a été refusée." });
  expect(await form.confirm(back)).toEqual({ outcome: "done" });
  expect(confirms.at(-1)).toEqual({ elements, confirmParams: { return_url: back }, redirect: "if_required" });
  form.close();
  expect(element.destroy).toHaveBeenCalledOnce();
  vi.unstubAllGlobals();
});

describe("a fare", () => {
  const vehicle = { class: "car" as const, electric: false, critair: null };
  const quote = (cents: number, more: object = {}) => ({
    quote: {
      zone: "Zone_A",
      start: NOW,
      end: "2026-11-24T09:00:00Z",
      covered_until: "2026-11-24T09:00:00Z",
      chargeable_seconds: 3600,
      total: EUR(cents),
      paid: EUR(0),
      due: EUR(cents),
      vat_rate: 2000,
    },
    qualification: "visitor",
    explained: [],
    ...more,
  });

  it("has the curve's price at once and the exact one soon, asked once for a turn of the dial", async () => {
    answer = ({ method }) => Response.json(method === "GET" ? curve(NOW, 15, 8) : quote(600));
    const fare = new Fare(api);
    await fare.want({ zone: "Zone_A", plate: "AB-123-CD", vehicle });
    await vi.advanceTimersByTimeAsync(1);
    expect([fare.point!.minutes, fare.quote?.quote.due.cents]).toEqual([60, 600]);
    asked.length = 0;
    for (const index of [4, 5, 6]) fare.choose(index);
    flushSync();
    expect([fare.point!.price.cents, fare.quote]).toEqual([1050, null]);
    await vi.advanceTimersByTimeAsync(200);
    expect(asked.map((one) => JSON.parse(one.body).minutes)).toEqual([105]);
    expect(asked[0]!.path).toBe("/v1/parking/session-quotes");
    expect(fare.quote).not.toBeNull();
  });

  it("reads the curve of the right that the plate has", async () => {
    answer = ({ method, path }) => {
      if (method === "POST") return Response.json(quote(150, { qualification: "resident" }));
      return Response.json(path.includes("qualification=resident") ? curve(NOW, 60, 60) : curve(NOW, 15, 8));
    };
    const fare = new Fare(api);
    await fare.want({ zone: "Zone_A", plate: "AB-123-CD", vehicle });
    await vi.advanceTimersByTimeAsync(1);
    expect([fare.qualification, fare.points.length, fare.point!.minutes]).toEqual(["resident", 60, 60]);
  });

  it("says why there is none, and keeps no price of another vehicle", async () => {
    answer = ({ method }) => Response.json(method === "GET" ? curve(NOW, 15, 8) : quote(600));
    const fare = new Fare(api);
    await fare.want({ zone: "Zone_A", plate: undefined, vehicle });
    await vi.advanceTimersByTimeAsync(1);
    // Who is not logged in is told nothing of a plate.
    expect(asked.at(-1)!.path).toBe("/v1/parking/quotes");
    answer = () => problem(422, "tariff-refusal", { reason: "noAvailability" });
    await fare.want({ zone: "Zone_A", plate: undefined, vehicle: { ...vehicle, class: "heavy" } });
    expect([fare.prices, fare.quote, (fare.error as ApiError).slug]).toEqual([null, null, "tariff-refusal"]);
  });

  it("does not let an older answer win", async () => {
    const held = hold();
    answer = async ({ path }) => {
      if (path.includes("Zone_A")) await held.until;
      return Response.json(path.includes("Zone_A") ? curve(NOW, 15, 3) : curve(NOW, 15, 8));
    };
    const fare = new Fare(api);
    const first = fare.want({ zone: "Zone_A", plate: undefined, vehicle });
    await fare.want({ zone: "Zone_B", plate: undefined, vehicle });
    held.release();
    await first;
    expect(fare.points).toHaveLength(8);
    fare.dispose();
  });

  it("shows no quote of the length before the turn of the dial", async () => {
    const held = hold();
    answer = async ({ method, body }) => {
      if (method === "GET") return Response.json(curve(NOW, 15, 8));
      const { minutes } = JSON.parse(body) as { minutes: number };
      if (minutes === 60) await held.until;
      return Response.json(quote(minutes * 10));
    };
    const fare = new Fare(api);
    await fare.want({ zone: "Zone_A", plate: "AB-123-CD", vehicle });
    await vi.advanceTimersByTimeAsync(1);
    fare.choose(0);
    held.release();
    await vi.advanceTimersByTimeAsync(100);
    expect([fare.minutes, fare.quote]).toEqual([15, null]);
    await vi.advanceTimersByTimeAsync(100);
    expect(fare.quote?.quote.due.cents).toBe(150);
  });

  it("quotes the length that was chosen while the curve was read again", async () => {
    let held: ReturnType<typeof hold> | null = null;
    answer = async ({ method, body }) => {
      if (method === "GET") await held?.until;
      return Response.json(
        method === "GET" ? curve(NOW, 15, 8) : quote((JSON.parse(body) as { minutes: number }).minutes * 10),
      );
    };
    const fare = new Fare(api);
    await fare.want({ zone: "Zone_A", plate: "AB-123-CD", vehicle });
    await vi.advanceTimersByTimeAsync(1);
    held = hold();
    const refreshed = fare.refresh();
    fare.choose(0);
    await vi.advanceTimersByTimeAsync(300);
    held.release();
    await refreshed;
    await vi.advanceTimersByTimeAsync(1);
    expect([fare.reading, fare.quote?.quote.due.cents]).toEqual([false, 150]);
  });
});

it("an extension offers what lies behind the paid end", async () => {
  answer = ({ path, body }) => {
    if (path.includes("/prices")) {
      expect(path).toContain(`start=${encodeURIComponent("2026-11-24T08:00:00Z")}`);
      return Response.json(curve(NOW, 15, 8));
    }
    return Response.json({ quote: { end: JSON.parse(body).end, due: EUR(300) }, explained: [] });
  };
  const extension = new Extension(api, stay("a"));
  await extension.read();
  expect([extension.points.length, extension.paid, extension.point!.minutes]).toEqual([4, 60, 90]);
  expect(JSON.parse(asked.at(-1)!.body)).toEqual({ end: "2026-11-24T09:30:00.000Z" });
  extension.choose(3);
  await vi.advanceTimersByTimeAsync(200);
  expect(JSON.parse(asked.at(-1)!.body)).toEqual({ end: "2026-11-24T10:00:00.000Z" });

  // The quote of the end before comes too late.
  const held = hold();
  answer = async ({ body }) => {
    const { end } = JSON.parse(body) as { end: string };
    await held.until;
    return Response.json({ quote: { end, due: EUR(300) }, explained: [] });
  };
  const late = extension.readQuote();
  extension.choose(2);
  held.release();
  await late;
  expect(extension.quote).toBeNull();
  await vi.advanceTimersByTimeAsync(200);
  expect(extension.quote!.quote.end).toBe(extension.point!.end);
});

it("one's stays go by the server's clock, and come page by page", async () => {
  vi.setSystemTime("2026-11-24T07:00:00Z");
  answer = ({ path }) =>
    path.includes("cursor=next")
      ? Response.json({ sessions: [stay("old", { created_at: "2026-11-01T00:00:00Z" })] })
      : Response.json({ sessions: [stay("a")], next_cursor: "next" });
  const feed = new SessionsFeed(api);
  await feed.refresh();
  expect(new Date(feed.now()).toISOString()).toBe("2026-11-24T08:00:00.000Z");
  expect(feed.more).toBe("next");
  await feed.readMore();
  await feed.refresh();
  expect([feed.sessions.map((one) => one.id), feed.more]).toEqual([["a", "old"], null]);
  feed.clear();
  expect([feed.sessions, feed.loaded]).toEqual([[], false]);
});

describe("the tariff editor", () => {
  const clean = { usable: true, problems: [], zones: ["Zone_A"] };
  const broken = {
    usable: false,
    zones: [],
    problems: [
      { severity: "error", kind: "gap", path: "tables[0]", location: { line: 2, column: 1 }, message: "a gap" },
      { severity: "warning", kind: "no_effect", path: "tables[0]", location: null, message: "nothing" },
    ],
  };
  const open = async () => {
    answer = ({ method }) =>
      method === "GET" ? new Response("a = 1", { headers: { etag: '"7"' } }) : Response.json(clean);
    const editor = new TariffEditor(api);
    await editor.load();
    return editor;
  };

  it("checks what is typed, once it rests, and lets nothing wrong into force", async () => {
    const editor = await open();
    expect([editor.version, editor.usable, editor.changed]).toEqual([7, true, false]);
    asked.length = 0;
    answer = () => Response.json(broken);
    editor.edit("a = ");
    editor.edit("a = 2");
    expect([editor.current, editor.usable]).toEqual([false, false]);
    await vi.advanceTimersByTimeAsync(600);
    expect(asked.map((one) => one.body)).toEqual(["a = 2"]);
    expect([editor.errors, editor.warnings, editor.usable]).toEqual([1, 1, false]);
    answer = () => Response.json(clean);
    editor.revert();
    await vi.advanceTimersByTimeAsync(600);
    expect([editor.usable, editor.changed]).toEqual([true, false]);
  });

  it("knows when expected demand may move what it previews", async () => {
    const editor = await open();
    const told = (text: string) => {
      editor.edit(text);
      return editor.demand;
    };
    expect(told('[[tables]]\ndemand = { place = "default", floor_percent = 80 }')).toBe(true);
    expect(told('[[tables]]\n[tables.demand]\nplace = "default"')).toBe(true);
    expect(told('[[tables]]\n# demand = { place = "default" }')).toBe(false);
    expect(told("[law]\nhighest_demand_percent = 120")).toBe(false);
    editor.dispose();
  });

  it("puts a book in force over the version it was read at, and over no other", async () => {
    const editor = await open();
    editor.edit("a = 2");
    await vi.advanceTimersByTimeAsync(600);
    answer = ({ method, headers }) => {
      expect([method, headers.get("if-match"), headers.get("content-type")]).toEqual([
        "PUT",
        '"7"',
        "application/toml",
      ]);
      return Response.json(clean, { headers: { etag: '"8"' } });
    };
    expect(await editor.put()).toBe(true);
    expect([editor.version, editor.changed]).toEqual([8, false]);
    editor.edit("a = 3");
    answer = () => problem(412, "precondition-failed");
    expect(await editor.put()).toBe(false);
    expect([editor.conflict, editor.text]).toEqual([true, "a = 3"]);
    answer = () => Response.json(broken, { status: 422 });
    expect([await editor.put(), editor.errors]).toEqual([false, 1]);
    editor.dispose();
  });
});
