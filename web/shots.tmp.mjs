import { mkdirSync } from "node:fs";
import { chromium } from "playwright-core";
const [base, folder] = process.argv.slice(2);
mkdirSync(folder, { recursive: true });
const browser = await chromium.launch({ executablePath: "/usr/bin/chromium", args: ["--no-sandbox","--disable-gpu","--disable-quic","--disable-background-networking","--disable-sync"] });
const sizes = { phone: { width: 390, height: 844 }, desktop: { width: 1440, height: 900 } };
const loginAs = async (page, user) => { await page.getByTestId("login").click(); await page.locator(`button[value=${user}]`).click(); await page.getByTestId("logout").waitFor({state:"attached"}); };
const jobs = {
  driver: ["#/bookings?site=parvis", "#/bookings?site=parvis&view=week", "#/bookings?site=parvis&view=month", "#/bookings?site=parvis&view=timeline&kind=all", "#/bookings?site=parvis&view=plan", "#/bookings/find?site=parvis", "#/bookings/mine"],
  manager: ["#/bookings/use?site=parvis", "#/bookings/resources", "#/bookings/resources?part=policies&id=meeting-rooms", "#/bookings/resources?part=plans", "#/bookings/resources?part=persons","#/bookings/resources?part=places&id=arago"],
};
const next = new Date(Date.now() + 2*86400000).toISOString().slice(0,10);
for (const [name, viewport] of Object.entries(sizes)) for (const [user, hashes] of Object.entries(jobs)) {
  const context = await browser.newContext({ baseURL: base, viewport, locale: name === "phone" ? "fr-FR" : "en-GB", colorScheme: name === "phone" ? "light" : "light" });
  const page = await context.newPage();
  page.on("pageerror", (e) => console.log(name, e.message));
  await page.goto("/#/bookings"); 
  try { await loginAs(page, user); } catch (e) { console.log("login", String(e).slice(0,200)); }
  for (const hash of hashes) {
    await page.goto(`/${hash}${hash.includes("view=")||hash.endsWith("site=parvis")&&hash.startsWith("#/bookings?")?`&date=${next}`:""}`);
    await page.waitForTimeout(2200);
    if (hash.includes("policies")) await page.evaluate(() => document.querySelectorAll("details").forEach((d) => (d.open = true)));
    await page.screenshot({ path: `${folder}/${name}-${user}-${hash.replace(/\W+/g, "_")}.png`, fullPage: hash.includes("use")||hash.includes("resources") });
  }
  if (user === "driver") {
    await page.goto(`/#/bookings?site=parvis&date=${next}`); await page.waitForTimeout(1500);
    const own = page.getByTestId("block-booking").first();
    if (await own.count()) { await own.click(); await page.waitForTimeout(1000); await page.screenshot({ path: `${folder}/${name}-details.png` }); await page.keyboard.press("Escape"); }
    const taken = page.getByTestId("block-taken").first();
    if (await taken.count()) { await taken.click(); await page.waitForTimeout(1800); await page.screenshot({ path: `${folder}/${name}-taken.png` }); await page.keyboard.press("Escape"); }
    await page.goto("/#/bookings/find?site=parvis"); await page.waitForTimeout(800);
    await page.getByTestId("find-submit").click(); await page.waitForTimeout(1500); await page.screenshot({ path: `${folder}/${name}-found.png`, fullPage: true });
  }
  await context.close();
}
await browser.close();
