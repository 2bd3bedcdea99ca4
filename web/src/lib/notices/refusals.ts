/** What the notifications API refuses, in the reader's language. */
import { ApiError } from "../api/client";
import { tn, type NoticeKey } from "./texts";

/** Why something did not go through, and which field of the request it is about. */
export interface Refusal {
  field: string | null;
  text: string;
}

/** What the API says of fields; a test finds each of them in the API's code. */
export const MESSAGES: Record<string, NoticeKey> = {
  "an e-mail address is wanted": "refused.email",
  "a phone number in international form is wanted, such as +33612345678": "refused.phone",
  "this address is proven already": "refused.proven",
  "messages to this address were objected to or opted out of; it is not written to": "refused.unwanted",
  "there is no code, or it has lapsed; ask for a new one": "refused.codeLapsed",
  "this is not the code": "refused.codeWrong",
  "the code was given wrong too often; ask for a new one": "refused.codeTooOften",
  "there is no such place": "refused.place",
  "there is no such zone": "refused.zone",
  "this link is not one of ours": "refused.link",
  "this is not a URL": "refused.url",
  "the address must start with https://": "refused.https",
  "the address must not contain a user name or password": "refused.urlLogin",
};

/** What is told of a field whatever the API says of it. */
const FIELDS: Record<string, NoticeKey> = {
  "/filter/types": "refused.types",
  "/name": "refused.name",
  "/quiet": "refused.quiet",
  "/timezone": "refused.timezone",
  "/url": "refused.private",
};

/** Refusals that are about no field, by the end of the problem's type. */
const TYPES: Record<string, NoticeKey> = {
  "code-just-sent": "refused.codeJustSent",
  "too-many-codes": "refused.codesToday",
  "version-changed": "refused.changed",
  unauthorized: "refused.login",
  forbidden: "refused.role",
  "not-found": "refused.gone",
  unavailable: "fail.unreachable",
};

/** Why `error` came, in words; what is not known is told as the API does, after a word in the reader's language. */
export function refusalOf(error: unknown): Refusal {
  if (!(error instanceof ApiError)) return { field: null, text: tn("fail.unreachable") };
  const wrong = error.errors[0];
  const key = wrong ? (MESSAGES[wrong.message] ?? FIELDS[wrong.field]) : TYPES[error.slug];
  const said = wrong?.message ?? error.message;
  return { field: wrong?.field ?? null, text: key ? tn(key) : tn("refused.other", { said }) };
}
