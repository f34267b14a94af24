import type { HttpAnswer } from "./send-http.ts";

/**
 * What is compared of an answer: `status`, `header NAME`, and each value of the body by its path, such as
 * `body.chains.0.certificates.1`. Certificates are replaced by a word, their white space stays.
 */
export type Answer = Readonly<Record<string, string>>;

/** Of the transfer and its moment, not of the answer. */
const TRANSFER = new Set(["connection", "content-length", "date", "keep-alive", "transfer-encoding"]);

const PEM = /-----BEGIN CERTIFICATE-----\n[A-Za-z0-9+/=\n]+\n-----END CERTIFICATE-----/gu;

/**
 * What an answer over HTTP comes to.
 *
 * @param issuerUrl the issuer's URL of this run, which a word replaces
 */
export function answerOfHttp({ status, headers, text: sent }: HttpAnswer, issuerUrl: string): Answer {
  const text = sent.replaceAll(issuerUrl, "(issuer)");
  const answer: Record<string, string> = { status: String(status) };
  for (const [name, value] of headers) if (!TRANSFER.has(name)) answer[`header ${name}`] = value;
  if (text === "") return answer;
  const body = parseJson(text);
  return { ...answer, ...(body === undefined ? { body: withoutCertificates(text) } : answerOfJson(body)) };
}

/** The values in a JSON body by their paths. */
export function answerOfJson(body: unknown): Answer {
  const answer: Record<string, string> = {};
  collect(body, "body", answer);
  return answer;
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return undefined;
  }
}

function collect(value: unknown, path: string, answer: Record<string, string>): void {
  // One value to whoever reads it: the second side of the one difference that every refusal has.
  if (path === "body.details") answer[path] = JSON.stringify(value);
  else if (path === "body.issuers" && Array.isArray(value))
    for (const [at, issuer] of sorted(value).entries()) collect(issuer, `${path}.${String(at)}`, answer);
  else if (typeof value === "object" && value !== null) {
    const members = Object.entries(value);
    if (members.length === 0) answer[path] = JSON.stringify(value);
    for (const [name, member] of members) collect(member, `${path}.${name}`, answer);
  } else if (typeof value !== "string") answer[path] = JSON.stringify(value);
  else answer[path] = path === "body.message" ? withoutInput(value) : withoutCertificates(value);
}

/** Go's decoders quote what they were given; that of protobuf also varies its spaces from build to build. */
function withoutInput(message: string): string {
  if (message.startsWith("proto:")) return "proto: (the decoder's text)";
  return message.split("\n")[0] ?? "";
}

/** Fulcio lists issuers in an order that changes with each answer. */
const sorted = (issuers: readonly unknown[]): unknown[] =>
  issuers.toSorted((a, b) => (JSON.stringify(a) < JSON.stringify(b) ? -1 : 1));

const withoutCertificates = (text: string): string => text.replaceAll(PEM, "(certificate)");
