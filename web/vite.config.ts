import { svelte } from "@sveltejs/vite-plugin-svelte";
import { fileURLToPath } from "node:url";
import { defineConfig } from "vitest/config";

export default defineConfig({
  // Relative URLs: the same build works at the root of the local stack, on CloudFront and under a path.
  base: "./",
  plugins: [svelte()],
  // Svelte's client build runs in the unit tests; the mock's WebSocket server stays Node's.
  resolve: process.env.VITEST
    ? {
        conditions: ["browser"],
        alias: { ws: fileURLToPath(new URL("./node_modules/ws/wrapper.mjs", import.meta.url)) },
      }
    : {},
  build: {
    target: "es2022",
    sourcemap: true,
    // Written for scripts/bundle-budget.js, which adds up what the first page loads.
    manifest: "build-manifest.json",
  },
  server: { port: 5173, strictPort: true },
  test: {
    environment: "happy-dom",
    include: ["tests/**/*.test.ts"],
    restoreMocks: true,
  },
});
