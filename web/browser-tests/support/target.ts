/** Says what is tested: the stack named by the environment, or the mock, started here. */
import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";
import type { TestProject } from "vitest/node";
import { startMock } from "../../dev/mock-server.ts";

declare module "vitest" {
  interface ProvidedContext {
    url: string;
    mqtt: string;
    /** The stack's Lambda API, by which a schedule is fired on demand; empty for the mock. */
    lambda: string;
  }
}

export default async function setup(project: TestProject): Promise<(() => Promise<void>) | undefined> {
  const { PARVIS_URL, PARVIS_MQTT, PARVIS_LAMBDA } = process.env;
  if (PARVIS_URL) {
    project.provide("url", PARVIS_URL.replace(/\/$/, ""));
    project.provide("mqtt", PARVIS_MQTT ?? "mqtt://127.0.0.1:1883");
    project.provide("lambda", PARVIS_LAMBDA ?? "");
    return undefined;
  }
  const pages = fileURLToPath(new URL("../../dist", import.meta.url));
  if (!existsSync(pages)) throw new Error("web/dist is missing: run `npm run build` first");
  const mock = await startMock({ port: 0, mqttPort: 0, wsPort: 0, stepMs: 0, pages });
  project.provide("url", mock.url);
  project.provide("mqtt", mock.mqttUrl);
  project.provide("lambda", "");
  return () => mock.close();
}
