/** What the notifications API gives; see `/docs?api=notifications`. */
export type Channel = "sms" | "email" | "push";
export const CHANNELS: Channel[] = ["sms", "email", "push"];
export type When = "busy" | "saturated" | "has_places";
export const WHENS: When[] = ["busy", "saturated", "has_places"];
export type LetterState = "sending" | "sent" | "failed" | "dropped";

export interface Note {
  id: string;
  at: string;
  subject_name: string;
  type: string;
  title: string;
  body: string;
  link: string | null;
  channels: Channel[];
}

export interface Address {
  id: string;
  channel: Channel;
  to: string;
  /** What its owner calls a device. */
  name: string | null;
  verified_at: string | null;
  /** Why nothing is sent there: a new code ends `nobody`. */
  left_alone: "nobody" | "unwanted" | null;
}

/** What an unsubscribe link would end. */
export interface Ending {
  subject_name: string;
  channel: Channel;
  /** Whether it is a visitor's, whose subscriptions end with it. */
  visitor: boolean;
  /** Enough of the address to recognise it. */
  to: string | null;
}

export interface PreferencesInput {
  language: "fr" | "en" | null;
  timezone: string | null;
  quiet: { from: string; to: string } | null;
  channels: Record<string, Channel[]>;
  /** Not used whatever else is said: what unsubscribe links have ended. */
  silenced: Record<string, Channel[]>;
}

export interface Preferences extends PreferencesInput {
  addresses: Address[];
  subjects: string[];
  version: number;
}

export interface Subscription {
  id: string;
  place: string;
  zone: string | null;
  when: When;
  channels: Channel[];
  confirmed: boolean;
}

export interface Letter {
  id: string;
  at: string;
  person: string | null;
  channel: string;
  to: string;
  subject_name: string;
  text: string;
  state: LetterState;
  attempts: number;
  reason: string | null;
}

export interface Preview {
  language: "fr" | "en";
  example: number;
  subject: string;
  sms: string;
  sms_parts: number;
  email: string;
}

export interface MessageText {
  text: string;
  type: string;
  title: string;
  subject_name: string;
  before: string[];
  urgent: boolean;
  previews: Preview[];
}

export interface Webhook {
  id: string;
  name: string;
  url: string;
  filter: { types: string[]; subjects: string[] };
  active: boolean;
  /** Since when it has taken nothing; after a day it is turned off. */
  failing_since: string | null;
  /** Why it was turned off, when nobody did. */
  turned_off: string | null;
  secret?: string;
}

export interface Attempt {
  at: string;
  event: string;
  type: string;
  status: number | null;
  taken: boolean;
  reason: string | null;
  milliseconds: number;
}
