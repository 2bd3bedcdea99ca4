/** MQTT over WebSocket, reduced to what the pages need. mqtt.js is loaded only here, after the first paint. */
import type { AppConfig } from "../api/types";

export interface TransportEvents {
  /** The broker accepted the connection. */
  up(): void;
  /** The connection ended or could not be made; called once. */
  down(): void;
  /** Anything came in, also a ping's answer: the connection is alive. */
  alive(): void;
  message(topic: string, payload: unknown): void;
}

export interface Transport {
  subscribe(filters: string[]): Promise<void>;
  unsubscribe(filters: string[]): void;
  close(): void;
}

export type Connect = (events: TransportEvents) => Transport;

/** AWS IoT takes no keep-alive under 30 s. */
const KEEP_ALIVE_SECONDS = 30;
const CONNECT_TIMEOUT_MS = 8_000;

/** The broker's address, with the custom authorizer named as AWS IoT wants it. */
export function brokerUrl(mqtt: NonNullable<AppConfig["mqtt"]>): string {
  if (!mqtt.authorizer) return mqtt.url;
  const url = new URL(mqtt.url);
  url.searchParams.set("x-amz-customauthorizer-name", mqtt.authorizer);
  return url.toString();
}

/** One connection attempt; reconnecting is the caller's business, since it also decides what is read again. */
export function mqttConnect(mqtt: NonNullable<AppConfig["mqtt"]>): Connect {
  return (events) => {
    let closed = false;
    const down = () => {
      if (closed) return;
      closed = true;
      events.down();
    };
    const client = import("mqtt").then(({ default: library }) => {
      const made = library.connect(brokerUrl(mqtt), {
        clientId: `web-${crypto.getRandomValues(new Uint32Array(2)).join("")}`,
        protocolVersion: 4,
        clean: true,
        keepalive: KEEP_ALIVE_SECONDS,
        connectTimeout: CONNECT_TIMEOUT_MS,
        reconnectPeriod: 0,
        resubscribe: false,
        // Timers in a worker would need a blob: source, which the site's content security policy forbids.
        timerVariant: "native",
      });
      made.on("connect", () => !closed && events.up());
      made.on("packetreceive", () => !closed && events.alive());
      made.on("message", (topic, payload, packet) => {
        // A retained summary may be older than what HTTP answers at the same moment; the read after subscribing covers it.
        if (!closed && !packet.retain) deliver(events, topic, payload);
      });
      made.on("close", () => {
        down();
        made.end(true);
      });
      made.on("error", () => made.end(true));
      if (closed) made.end(true);
      return made;
    });
    client.catch(down);
    return {
      subscribe: async (filters) => {
        await (await client).subscribeAsync(filters, { qos: 0 });
      },
      unsubscribe: (filters) => void client.then((made) => !closed && made.unsubscribe(filters)).catch(() => undefined),
      close: () => {
        closed = true;
        void client.then((made) => made.end(true)).catch(() => undefined);
      },
    };
  };
}

function deliver(events: TransportEvents, topic: string, payload: Uint8Array): void {
  let value: unknown;
  try {
    value = JSON.parse(new TextDecoder().decode(payload));
  } catch {
    return; // Not JSON, so not one of ours: whoever published it, the page goes on.
  }
  events.message(topic, value);
}

/** MQTT's topic matching, for `+` and a final `#`. */
export function matches(filter: string, topic: string): boolean {
  const wanted = filter.split("/");
  const levels = topic.split("/");
  for (const [at, part] of wanted.entries()) {
    if (part === "#") return true;
    if (at >= levels.length || (part !== "+" && part !== levels[at])) return false;
  }
  return wanted.length === levels.length;
}
