// Adds up, compressed, what the dashboard, the booking calendar and the driver's parking page load first, and fails the build when one is over the budget.
import { readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";

const BUDGET = 300 * 1024;
const dist = fileURLToPath(new URL("../dist", import.meta.url));
const manifest = JSON.parse(readFileSync(join(dist, "build-manifest.json"), "utf8"));

/** What a page loads: the entry, what it imports, and what it always loads right after the first paint. */
const PAGES = {
  "the dashboard, live connection and charts included": [
    /^index\.html$/,
    /lib\/chart\/draw\.ts$/,
    /node_modules\/mqtt\//,
  ],
  "the booking calendar, live connection included": [
    /^index\.html$/,
    /pages\/bookings\/Bookings\.svelte$/,
    /node_modules\/mqtt\//,
  ],
  "the driver's parking page, live connection included": [
    /^index\.html$/,
    /pages\/payments\/Payments\.svelte$/,
    /node_modules\/mqtt\//,
  ],
};

const size = (file) => gzipSync(readFileSync(join(dist, file)), { level: 9 }).length;
const kb = (bytes) => `${(bytes / 1024).toFixed(1)} KB`.padStart(10);

function filesOf(patterns) {
  const loaded = new Set(["index.html"]);
  const add = (key) => {
    const chunk = manifest[key];
    if (!chunk || loaded.has(chunk.file)) return;
    loaded.add(chunk.file);
    for (const style of chunk.css ?? []) loaded.add(style);
    for (const imported of chunk.imports ?? []) add(imported);
  };
  for (const pattern of patterns) {
    const keys = Object.keys(manifest).filter((key) => pattern.test(key));
    // A page that was renamed must not be measured as nothing.
    if (keys.length === 0) throw new Error(`nothing in the build matches ${pattern}`);
    keys.forEach(add);
  }
  return loaded;
}

const first = Object.entries(PAGES).map(([name, patterns]) => ({ name, files: filesOf(patterns) }));
const sizes = new Map(
  ["index.html", ...readdirSync(join(dist, "assets")).map((name) => `assets/${name}`)]
    .filter((file) => /\.(js|css|html)$/.test(file))
    .map((file) => [file, size(file)]),
);
for (const [file, bytes] of [...sizes].sort((a, b) => b[1] - a[1])) {
  const demanded = first.some(({ files }) => files.has(file)) ? "" : " (on demand)";
  console.log(`${kb(bytes)}  ${file}${demanded}`);
}
let over = false;
for (const { name, files } of first) {
  const total = [...files].reduce((sum, file) => sum + (sizes.get(file) ?? size(file)), 0);
  console.log(`${kb(total)}  first load of ${name}, compressed (budget ${kb(BUDGET).trim()})`);
  over ||= total > BUDGET;
}
if (over) {
  console.error("A first load is over its budget.");
  process.exit(1);
}
