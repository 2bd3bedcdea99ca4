/** The texts of the payment pages, which are loaded with them. */
import type { Text } from "../../i18n/en";
import { render, type Language, type Vars } from "../../i18n/translate";
import { prefs } from "../../prefs.svelte";
import { en } from "./en";
import { fr } from "./fr";
import { managerEn } from "./manager-en";
import { managerFr } from "./manager-fr";

export type PaymentKey = keyof typeof en | keyof typeof managerEn;

export const paymentTexts: Record<Language, Record<PaymentKey, Text>> = {
  en: { ...en, ...managerEn },
  fr: { ...fr, ...managerFr },
};

/** The text of `key` in the present language. */
export function tp(key: PaymentKey, vars?: Vars): string {
  return render(prefs.language, paymentTexts[prefs.language][key], vars);
}
