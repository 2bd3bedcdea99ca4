/** `npm run screenshots -- URL FOLDER [hash...]`: the pages at phone and desktop size, light and dark, for looking at them. */
import { mkdirSync } from "node:fs";
import { chromium } from "playwright-core";

const [base = "http://127.0.0.1:8090", folder = "/tmp/parvis-shots", ...hashes] = process.argv.slice(2);
mkdirSync(folder, { recursive: true });
const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
  args: ["--no-sandbox", "--disable-gpu", "--disable-quic", "--disable-background-networking", "--disable-sync"],
});
const sizes = { phone: { width: 390, height: 844 }, desktop: { width: 1440, height: 900 } };
for (const [name, viewport] of Object.entries(sizes)) {
  for (const colorScheme of ["light", "dark"] as const) {
    const locale = colorScheme === "light" ? "fr-FR" : "en-GB";
    const context = await browser.newContext({ viewport, colorScheme, locale, deviceScaleFactor: 1 });
    const page = await context.newPage();
    page.on("console", (message) => message.type() === "error" && console.log(`${name}: ${message.text()}`));
    page.on("pageerror", (error) => console.log(`${name}: ${error.message}`));
    for (const hash of hashes.length > 0 ? hashes : ["#/parking"]) {
      await page.goto(`${base}/${hash}`);
      await page.waitForTimeout(2500);
      const file = `${folder}/${name}-${colorScheme}-${hash.replace(/\W+/g, "_")}`;
      await page.screenshot({ path: `${file}.png` });
      await page.screenshot({ path: `${file}-full.png`, fullPage: true });
    }
    await context.close();
  }
}
await browser.close();
