/**
 * `npm run dev`: the mock and Vite's development server in front of it. `npm run mock`: the mock alone, with the built pages.
 * Set PARVIS_URL to develop against a running stack instead of the mock.
 */
import { fileURLToPath } from "node:url";
import { createServer } from "vite";
import { startMock } from "./mock-server.ts";

const withVite = process.argv.includes("--vite");
const running = process.env.PARVIS_URL;
const pages = withVite ? null : fileURLToPath(new URL("../dist", import.meta.url));
const port = Number(process.env.MOCK_PORT ?? 8090);

const target =
  running ??
  (await startMock({ port, mqttPort: port + 1, wsPort: port + 2, stepMs: Number(process.env.STEP_MS ?? 1500), pages }))
    .url;
if (withVite) {
  const proxy = Object.fromEntries(["/v1", "/config.json", "/_local", "/api"].map((path) => [path, { target }]));
  const server = await createServer({ server: { proxy } });
  await server.listen();
  server.printUrls();
}
console.log(`Answers come from ${target}`);
