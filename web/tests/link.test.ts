import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { Link, type Feed } from "../src/lib/live/link.svelte";
import type { Connect, TransportEvents } from "../src/lib/live/transport";

/** A broker in the test's hands. */
class FakeBroker {
  attempts: TransportEvents[] = [];
  subscribed: string[][] = [];
  unsubscribed: string[][] = [];
  closed = 0;
  refuseSubscriptions = false;

  connect: Connect = (events) => {
    this.attempts.push(events);
    return {
      subscribe: async (filters) => {
        if (this.refuseSubscriptions) throw new Error("refused");
        this.subscribed.push(filters);
      },
      unsubscribe: (filters) => void this.unsubscribed.push(filters),
      close: () => void this.closed++,
    };
  };

  get last(): TransportEvents {
    return this.attempts.at(-1)!;
  }
}

class FakeFeed implements Feed {
  filters = ["live/p/#"];
  messages: unknown[] = [];
  reads = 0;
  reachable = true;
  readFailed = false;

  message(_topic: string, payload: unknown): void {
    this.messages.push(payload);
  }

  async refresh(): Promise<void> {
    this.reads++;
    if (!this.reachable) throw new Error("unreachable");
  }
}

let broker: FakeBroker;
let feed: FakeFeed;
let link: Link;

/** Lets timers up to `ms` run, and the promises behind them. */
const pass = (ms: number) => vi.advanceTimersByTimeAsync(ms);

beforeEach(() => {
  vi.useFakeTimers();
  vi.spyOn(Math, "random").mockReturnValue(1);
  broker = new FakeBroker();
  feed = new FakeFeed();
  link = new Link(broker.connect);
  link.attach(feed);
  link.start();
});

afterEach(() => {
  link.stop();
  vi.useRealTimers();
});

async function goLive(): Promise<void> {
  broker.last.up();
  await pass(0);
  expect(link.state).toBe("live");
}

describe("the link", () => {
  it("is not live before the subscription is confirmed and everything was read after it", async () => {
    await pass(0);
    expect(link.state).toBe("connecting");
    const before = feed.reads;
    feed.reachable = false;
    broker.last.up();
    await pass(0);
    expect(broker.subscribed).toEqual([["live/p/#"]]);
    expect(link.state).toBe("lost");
    feed.reachable = true;
    await pass(10_000);
    expect(feed.reads).toBeGreaterThan(before + 1);
    expect(link.state).toBe("live");
  });

  it("delivers only what a feed asked for", async () => {
    await goLive();
    broker.last.message("live/p/Zone_A", 1);
    broker.last.message("live/q/Zone_A", 2);
    expect(feed.messages).toEqual([1]);
  });

  it("says lost when neither broker nor API answer, and does not call old data fresh", async () => {
    await goLive();
    const fresh = link.freshAt;
    feed.reachable = false;
    await pass(5_000);
    broker.last.down();
    await pass(100);
    expect(link.state).toBe("lost");
    expect(link.freshAt).toBe(fresh);
    expect(link.retryAt).not.toBeNull();
  });

  it("polls every ten seconds while only the broker is away", async () => {
    await goLive();
    broker.last.down();
    await pass(0);
    expect(link.state).toBe("polling");
    const before = feed.reads;
    await pass(30_000);
    expect(feed.reads - before).toBe(3);
  });

  it("comes back with backoff, subscribes anew and catches up before it is live", async () => {
    await goLive();
    broker.last.down();
    await pass(999);
    expect(broker.attempts).toHaveLength(1);
    await pass(1);
    expect(broker.attempts).toHaveLength(2);
    broker.last.down();
    await pass(1_999);
    expect(broker.attempts).toHaveLength(2);
    await pass(1);
    expect(broker.attempts).toHaveLength(3);
    const before = feed.reads;
    broker.last.up();
    await pass(0);
    expect(broker.subscribed).toHaveLength(2);
    expect(feed.reads).toBeGreaterThan(before);
    expect(link.state).toBe("live");
  });

  it("treats a refused subscription as no connection", async () => {
    broker.refuseSubscriptions = true;
    broker.last.up();
    await pass(0);
    expect(link.state).not.toBe("live");
    expect(broker.closed).toBe(1);
    await pass(1_000);
    expect(broker.attempts).toHaveLength(2);
  });

  it("does not trust a socket that the browser's offline event leaves open", async () => {
    await goLive();
    feed.reachable = false;
    dispatchEvent(new Event("offline"));
    await pass(0);
    expect(broker.closed).toBe(1);
    expect(link.state).toBe("lost");
    feed.reachable = true;
    dispatchEvent(new Event("online"));
    await pass(0);
    expect(broker.attempts.length).toBeGreaterThan(1);
    await goLive();
  });

  it("reads again every minute while live, to repair what a message may have missed", async () => {
    await goLive();
    const before = feed.reads;
    await pass(59_000);
    expect(feed.reads).toBe(before);
    await pass(2_000);
    expect(feed.reads).toBe(before + 1);
  });

  it("says so when a page opened while live cannot be read, and does not wait for the next reconciliation", async () => {
    await goLive();
    const other = new FakeFeed();
    other.reachable = false;
    link.attach(other);
    await pass(0);
    expect([link.state, feed.readFailed, other.readFailed]).toEqual(["live", false, true]);
    const before = other.reads;
    other.reachable = true;
    await pass(10_000);
    expect([other.reads, other.readFailed]).toEqual([before + 1, false]);
    await pass(30_000);
    expect(other.reads).toBe(before + 1);
  });

  it("reads at once when the user asks for it while live", async () => {
    await goLive();
    feed.reachable = false;
    link.attach(new FakeFeed());
    await pass(0);
    expect(feed.readFailed).toBe(true);
    feed.reachable = true;
    link.retryNow();
    await pass(0);
    expect(feed.readFailed).toBe(false);
  });

  it("works without any broker", async () => {
    const poller = new Link(null);
    const other = new FakeFeed();
    poller.attach(other);
    poller.start();
    await pass(20_000);
    expect(poller.state).toBe("polling");
    expect(other.reads).toBe(3);
    poller.stop();
  });

  it("stops asking for what no page shows any more", async () => {
    await goLive();
    const other = new FakeFeed();
    other.filters = ["summary/+"];
    const detach = link.attach(other);
    await pass(0);
    expect(broker.subscribed.at(-1)).toEqual(["summary/+"]);
    detach();
    expect(broker.unsubscribed).toEqual([["summary/+"]]);
  });
});
