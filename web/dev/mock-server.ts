/** The mock as a server: HTTP (API, configuration, identity, built pages), MQTT over TCP and over WebSocket. Loopback only. */
import { Aedes } from "aedes";
import { readFile } from "node:fs/promises";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { createServer as createTcpServer, type Server as TcpServer } from "node:net";
import { extname, join, normalize } from "node:path";
import { createWebSocketStream, WebSocketServer } from "ws";
import { identity } from "./identity.ts";
import { problem, read, type Reply } from "./routes.ts";
import { World } from "./world.ts";
import { write } from "./writes.ts";

export interface MockOptions {
  /** 0 takes any free port. */
  port: number;
  mqttPort: number;
  wsPort: number;
  /** Milliseconds between two steps of the simulation; 0 for a world that only answers readings. */
  stepMs: number;
  /** Folder of the built pages, or null when another server has them. */
  pages: string | null;
}

export interface Mock {
  url: string;
  mqttUrl: string;
  wsUrl: string;
  world: World;
  close(): Promise<void>;
}

/** As infra/web.yaml has it for the real site, so that what it forbids fails here first. */
const POLICY = [
  "default-src 'self'",
  "script-src 'self'",
  "style-src 'self' 'unsafe-inline'",
  "img-src 'self' data: blob:",
  "connect-src 'self' ws://127.0.0.1:*",
  "object-src 'none'",
  "base-uri 'none'",
  "form-action 'self'",
  "frame-ancestors 'none'",
].join("; ");

const TYPES: Record<string, string> = {
  ".html": "text/html; charset=utf-8",
  ".js": "text/javascript",
  ".css": "text/css",
  ".svg": "image/svg+xml",
  ".png": "image/png",
  ".json": "application/json",
  ".webmanifest": "application/manifest+json",
};

export async function startMock(options: MockOptions): Promise<Mock> {
  const world = new World();
  const broker = await Aedes.createBroker();
  world.publish = (topic, payload, retain) => {
    const packet = { cmd: "publish", topic, payload: JSON.stringify(payload), qos: 0, retain, dup: false } as const;
    broker.publish(packet, () => undefined);
  };
  broker.on("publish", (packet, client) => {
    if (client) onReading(world, packet.topic, packet.payload.toString());
  });

  const tcp = createTcpServer(broker.handle);
  const mqttPort = await listen(tcp, options.mqttPort);
  const wsHttp = createServer();
  const sockets = new WebSocketServer({ server: wsHttp });
  sockets.on("connection", (socket, request) => broker.handle(createWebSocketStream(socket), request));
  const wsPort = await listen(wsHttp, options.wsPort);

  const wsUrl = `ws://127.0.0.1:${wsPort}/mqtt`;
  const http = createServer((request, response) => void answer(world, options.pages, wsUrl, request, response));
  const port = await listen(http, options.port);
  const timer = options.stepMs > 0 ? setInterval(() => world.step(), options.stepMs) : undefined;

  return {
    url: `http://127.0.0.1:${port}`,
    mqttUrl: `mqtt://127.0.0.1:${mqttPort}`,
    wsUrl,
    world,
    close: async () => {
      clearInterval(timer);
      for (const socket of sockets.clients) socket.terminate();
      await new Promise<void>((done) => broker.close(() => done()));
      for (const server of [tcp, wsHttp, http]) server.close();
      http.closeAllConnections();
    },
  };
}

function onReading(world: World, topic: string, payload: string): void {
  const match = /^(?:default\/)?parking\/([^/]+)\/place_(\d+)$/.exec(topic);
  if (!match) return;
  try {
    const reading = JSON.parse(payload) as { status: "free" | "occupied" };
    world.reading(match[1] as string, Number(match[2]), reading.status);
  } catch {
    // As the product would: a malformed reading changes nothing.
  }
}

async function answer(
  world: World,
  pages: string | null,
  wsUrl: string,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const origin = `http://${request.headers.host}`;
  const url = new URL(request.url ?? "/", origin);
  const body = await bodyOf(request);
  const method = request.method ?? "GET";
  let reply: Reply | null;
  if (url.pathname === "/config.json") reply = config(origin, wsUrl);
  else if (url.pathname.startsWith("/_local/identity")) {
    const path = url.pathname.slice("/_local/identity".length);
    reply = identity(`${origin}/_local/identity`, method, path, url.searchParams, new URLSearchParams(body));
  } else if (method !== "GET") reply = write(world, method, url.pathname, body, request.headers);
  else reply = read(world, url, request.headers["if-none-match"]) ?? (pages ? await page(pages, url.pathname) : null);
  const { status, headers, body: out } = reply ?? problem(404, "Not found");
  response.writeHead(status, headers).end(out);
}

function config(origin: string, wsUrl: string): Reply {
  const oidc = { issuer: `${origin}/_local/identity`, client_id: "parvis-web" };
  const body = { api: "", mqtt: { url: wsUrl, authorizer: null }, oidc, default_place: "default" };
  return { status: 200, headers: { "content-type": "application/json" }, body: JSON.stringify(body) };
}

async function page(folder: string, path: string): Promise<Reply | null> {
  const file = join(folder, normalize(path === "/" ? "/index.html" : path));
  try {
    const type = TYPES[extname(file)] ?? "application/octet-stream";
    return {
      status: 200,
      headers: { "content-type": type, "content-security-policy": POLICY },
      body: await readFile(file),
    };
  } catch {
    return null;
  }
}

async function bodyOf(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString();
}

async function listen(server: Server | TcpServer, port: number): Promise<number> {
  await new Promise<void>((done, failed) => server.once("error", failed).listen(port, "127.0.0.1", done));
  return (server.address() as { port: number }).port;
}
