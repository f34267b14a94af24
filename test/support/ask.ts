import { fetch } from "undici";
import { keyRequest } from "./signing-body.ts";
import type { SigningBody } from "./signing-body.ts";

/** A JSON answer as it came over HTTP. */
export interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly text: string;
  /** Undefined when it is no JSON. */
  readonly body: unknown;
}

/** Makes a request and reads the whole answer. */
export async function ask(url: string, init: Parameters<typeof fetch>[1] = {}): Promise<Answer> {
  const response = await fetch(url, init);
  const text = await response.text();
  let body: unknown;
  try {
    body = JSON.parse(text);
  } catch {
    body = undefined;
  }
  return { status: response.status, headers: Object.fromEntries(response.headers), text, body };
}

/** Calls the signing route with the token in the header, as Go, Python and Rust clients do; for a fresh key unless told. */
export function askForCertificate(
  publicUrl: string,
  token: string,
  body: SigningBody | object = keyRequest(),
): Promise<Answer> {
  return ask(`${publicUrl}/api/v2/signingCert`, {
    method: "POST",
    headers: { authorization: `Bearer ${token}`, "content-type": "application/json" },
    body: JSON.stringify(body),
  });
}
