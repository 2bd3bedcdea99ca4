import { defineConfig } from "vitest/config";

/** Browser tests: against PARVIS_URL and PARVIS_MQTT where they are set, otherwise against the mock with the built pages. */
export default defineConfig({
  test: {
    include: ["browser-tests/**/*.test.ts"],
    // The mock has no bookings, forecasts and notifications, and sells nothing: those pages are tested against a stack only.
    exclude: process.env.PARVIS_URL
      ? []
      : [
          "browser-tests/bookings/**",
          "browser-tests/payments/**",
          "browser-tests/notices/**",
          "browser-tests/forecasts.test.ts",
        ],
    environment: "node",
    globalSetup: "browser-tests/support/target.ts",
    // One browser at a time: the machines that run this have two cores, and the tests share one car park.
    fileParallelism: false,
    // What comes by itself is awaited as long as a locator is; the default of one second fails on a busy machine.
    expect: { poll: { timeout: 40_000 } },
    testTimeout: 180_000,
    hookTimeout: 120_000,
  },
});
