import { describe, expect, it } from "vitest";
import { loginAs, newPage, openLive, useBrowser, violations } from "./support/browser";

useBrowser();

const id = `test-${Date.now().toString(36)}`;

describe("a manager", () => {
  it("creates a car park with a zone and spaces, changes and deletes it", async () => {
    const page = await newPage();
    await openLive(page);
    await loginAs(page, "manager");
    await page.getByRole("link", { name: "Administration" }).click();
    await page.getByTestId("new-place").click();
    const form = page.getByTestId("place-form");
    await form.getByLabel("Identifier").fill(id);
    await form.getByLabel("Name").fill("Test car park");
    await form.getByLabel("Latitude").fill("43.6");
    await form.getByLabel("Longitude").fill("3.88");
    await form.getByRole("button", { name: "Create" }).click();
    await page.getByRole("heading", { level: 1, name: "Test car park" }).waitFor();

    await page.getByTestId("new-zone").click();
    await page.getByLabel("Identifier").fill("North");
    await page.getByRole("button", { name: "Create" }).click();
    await page.getByTestId("admin-zone-North").locator("summary").click();
    const spaces = page.getByTestId("add-spaces");
    await spaces.getByLabel("First number").fill("1");
    await spaces.getByLabel("Last number").fill("3");
    await spaces.getByRole("button", { name: "Add spaces" }).click();
    await page.getByTestId("admin-zone-North").getByTestId("saved").waitFor();
    const row = page.getByTestId("admin-zone-North").locator("tbody tr");
    await expect.poll(() => row.count()).toBe(3);
    await page.getByRole("button", { name: "Space 2: Close" }).click();
    await page.getByRole("button", { name: "Space 2: Reopen" }).waitFor();
    expect(await violations(page)).toEqual([]);

    await page.getByTestId("admin-zone-North").getByLabel("Name").fill("North side");
    await page.getByTestId("admin-zone-North").getByRole("button", { name: "Save" }).click();
    await page.getByTestId("admin-zone-North").locator("summary", { hasText: "North side" }).waitFor();

    await form.getByLabel("Name").fill("Test car park, renamed");
    await form.getByRole("button", { name: "Save" }).click();
    await page.getByRole("heading", { level: 1, name: "Test car park, renamed" }).waitFor();

    const remove = page.locator("[data-testid=place-form] ~ .danger button");
    await remove.click();
    await expect.poll(() => remove.innerText()).toBe("Really delete?");
    await remove.click();
    await page.getByTestId("admin-places").waitFor();
    expect(await page.getByTestId("admin-places").innerText()).not.toContain(id);
  });

  it("is told when somebody else was faster, and loses nothing", async () => {
    const page = await newPage();
    await openLive(page);
    await loginAs(page, "manager");
    await page.goto("/#/admin/default");
    const form = page.getByTestId("place-form");
    await form.waitFor();
    // Somebody else changes the place between reading and saving: the version that is sent is no longer the present one.
    await page.route("**/v1/places/default", async (route) => {
      if (route.request().method() !== "PATCH") return route.continue();
      return route.continue({ headers: { ...route.request().headers(), "if-match": '"0"' } });
    });
    const name = await form.getByLabel("Name").inputValue();
    await form.getByLabel("Name").fill("Overwritten");
    await form.getByRole("button", { name: "Save" }).click();
    await expect.poll(() => page.getByTestId("save-failed").innerText()).toContain("Somebody else changed this");
    await expect.poll(() => page.getByRole("heading", { level: 1 }).innerText()).toBe(name);
  });
});

describe("a visitor", () => {
  it("is asked to log in", async () => {
    const page = await newPage();
    await page.goto("/#/admin");
    await page.getByText("Log in as a manager").waitFor();
    await expect.poll(() => page.getByTestId("admin-places").count()).toBe(0);
  });
});
