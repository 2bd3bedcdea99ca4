/** The texts of the booking pages, which are loaded with them. */
import type { Text } from "../../i18n/en";
import { render, type Language, type Vars } from "../../i18n/translate";
import { prefs } from "../../prefs.svelte";
import { en } from "./en";
import { adminEn } from "./admin-en";
import { adminFr } from "./admin-fr";
import { fr } from "./fr";

export type BookingKey = keyof typeof en | keyof typeof adminEn;

export const bookingTexts: Record<Language, Record<BookingKey, Text>> = {
  en: { ...en, ...adminEn },
  fr: { ...fr, ...adminFr },
};

/** The text of `key` in the present language. */
export function tb(key: BookingKey, vars?: Vars): string {
  return render(prefs.language, bookingTexts[prefs.language][key], vars);
}
