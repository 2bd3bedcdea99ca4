/** Notifications: what is refused is told in the reader's language, at the field that it is about. */
import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { describe, expect, it } from "vitest";
import { ApiError } from "../src/lib/api/client";
import { MESSAGES, refusalOf } from "../src/lib/notices/refusals";
import { noticeTexts } from "../src/lib/notices/texts";
import { prefs } from "../src/lib/prefs.svelte";

const invalid = (field: string, message: string) =>
  new ApiError(422, "Some values are not valid", null, [{ field, message }], "invalid");

describe("refusals", () => {
  it("name the field and are told in both languages", () => {
    const refused = invalid("/to", "an e-mail address is wanted");
    for (const language of ["fr", "en"] as const) {
      prefs.setLanguage(language);
      expect(refusalOf(refused)).toEqual({ field: "/to", text: noticeTexts[language]["refused.email"] });
    }
    prefs.setLanguage("fr");
    expect(refusalOf(refused).text).toContain("adresse e-mail");
  });

  it("are told in the reader's language also where they are about no field", () => {
    prefs.setLanguage("fr");
    const soon = new ApiError(429, "A code was sent a moment ago", "Wait a minute.", [], "code-just-sent");
    expect(refusalOf(soon)).toEqual({ field: null, text: noticeTexts.fr["refused.codeJustSent"] });
    expect(refusalOf(new TypeError("fetch failed")).text).toBe(noticeTexts.fr["fail.unreachable"]);
  });

  it("say what the API says where the page knows no words of its own", () => {
    prefs.setLanguage("fr");
    expect(refusalOf(invalid("/channels", "new rule"))).toEqual({ field: "/channels", text: "Refusé : new rule" });
    const full = new ApiError(409, "Conflict", "At most 50 subscriptions; end one first.", [], "conflict");
    expect(refusalOf(full)).toEqual({ field: null, text: "Refusé : At most 50 subscriptions; end one first." });
  });

  it("are recognised by the words of the API's code", () => {
    const sources = [
      "crates/notices/src/address.rs",
      "crates/notices/src/public_web.rs",
      "functions/inbox/src/codes.rs",
      "functions/inbox/src/routes/alerts.rs",
      "functions/inbox/src/routes/mine.rs",
    ];
    const code = sources.map((path) => readFileSync(resolve("..", path), "utf8")).join();
    for (const message of Object.keys(MESSAGES)) expect(code).toContain(`"${message}"`);
  });
});
