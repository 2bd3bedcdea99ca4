import { afterEach, describe, expect, it, vi } from "vitest";
import type { AppConfig } from "../src/lib/api/types";
import { createApp, type App } from "../src/lib/app";

let app: App;
afterEach(() => {
  app.link.stop();
  vi.useRealTimers();
});

/** The settings as `WebConfig` of template.yaml gives them (crates/sam/tests/template.rs has the other end). */
const deployed = (mqtt: AppConfig["mqtt"]): AppConfig => ({ api: "", mqtt, oidc: null, default_place: "default" });

describe("the settings of a deployment without a broker", () => {
  it.each([null, { url: "", authorizer: "parvis-prod-browsers" }])(
    "make pages that poll and say so: %j",
    async (mqtt) => {
      vi.useFakeTimers();
      app = createApp(deployed(mqtt));
      let reads = 0;
      app.link.attach({ filters: [], readFailed: false, message: () => undefined, refresh: async () => void reads++ });
      app.link.start();
      await vi.advanceTimersByTimeAsync(20_000);
      expect({ state: app.link.state, broker: app.link.hasBroker, retryAt: app.link.retryAt }).toEqual({
        state: "polling",
        broker: false,
        retryAt: null,
      });
      expect(reads).toBe(3);
    },
  );
});

it("a deployment with a broker has live pages", () => {
  app = createApp(deployed({ url: "wss://broker.example/mqtt", authorizer: null }));
  expect(app.link.hasBroker).toBe(true);
});
