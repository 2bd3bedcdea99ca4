// Adds up, compressed, what the dashboard loads, and fails the build when it is over the budget.
import { readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";

const BUDGET = 300 * 1024;
const dist = fileURLToPath(new URL("../dist", import.meta.url));
const manifest = JSON.parse(readFileSync(join(dist, "build-manifest.json"), "utf8"));

/** Chunks that the dashboard loads: the entry, what it imports, and what it always loads right after the first paint. */
const ALWAYS = [/^index\.html$/, /lib\/chart\/draw\.ts$/, /node_modules\/mqtt\//];

const size = (file) => gzipSync(readFileSync(join(dist, file)), { level: 9 }).length;
const loaded = new Set(["index.html"]);
function add(key) {
  const chunk = manifest[key];
  if (!chunk || loaded.has(chunk.file)) return;
  loaded.add(chunk.file);
  for (const style of chunk.css ?? []) loaded.add(style);
  for (const imported of chunk.imports ?? []) add(imported);
}
for (const key of Object.keys(manifest)) if (ALWAYS.some((pattern) => pattern.test(key))) add(key);

const rows = [...loaded].map((file) => ({ file, bytes: size(file) }));
const others = readdirSync(join(dist, "assets"))
  .map((name) => `assets/${name}`)
  .filter((file) => /\.(js|css)$/.test(file) && !loaded.has(file))
  .map((file) => ({ file, bytes: size(file) }));
const total = rows.reduce((sum, row) => sum + row.bytes, 0);
const kb = (bytes) => `${(bytes / 1024).toFixed(1)} KB`.padStart(10);
for (const row of rows.sort((a, b) => b.bytes - a.bytes)) console.log(`${kb(row.bytes)}  ${row.file}`);
for (const row of others) console.log(`${kb(row.bytes)}  ${row.file} (on demand)`);
console.log(
  `${kb(total)}  first load of the dashboard, compressed, live connection and charts included (budget ${kb(BUDGET).trim()})`,
);
if (total > BUDGET) {
  console.error("The first load is over its budget.");
  process.exit(1);
}
