/** The texts of the notification pages, which are loaded with them. */
import type { Text } from "../../i18n/en";
import { render, type Language, type Vars } from "../../i18n/translate";
import { prefs } from "../../prefs.svelte";
import { en } from "./en";
import { fr } from "./fr";

export type NoticeKey = keyof typeof en;

export const noticeTexts: Record<Language, Record<NoticeKey, Text>> = { en, fr };

/** The text of `key` in the present language. */
export function tn(key: NoticeKey, vars?: Vars): string {
  return render(prefs.language, noticeTexts[prefs.language][key], vars);
}

/** A name that the API gives, in words where there are some. */
export function named(group: "channel" | "subject", name: string): string {
  const key = `${group}.${name}`;
  return key in en ? tn(key as NoticeKey) : name;
}
