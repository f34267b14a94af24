import { lookup as systemLookup } from "node:dns";
import { getCACertificates } from "node:tls";
import { Agent, fetch, type Response } from "undici";
import { boundedLookup } from "./bounded-lookup.ts";
import { IssuerFailure } from "./issuer-failure.ts";
import type { IssuerSettings } from "./issuer-settings.ts";
import { hasPrivateLiteral, publicLookup, type LookupAll } from "./public-address.ts";

const DNS_TIMEOUT_MS = 1000;
const CONNECT_TIMEOUT_MS = 2000;
const FIRST_BYTE_TIMEOUT_MS = 3000;
const CONNECTIONS_PER_HOST = 2;
const MAX_RESPONSE_HEADER_BYTES = 16_384;

/** A document as it came: nothing is known about it but its size and that it calls itself JSON. */
export interface FetchedJson {
  readonly bytes: Uint8Array;
  /** `max-age` of Cache-Control (RFC 9111 §5.2.2.1), in seconds. */
  readonly maxAgeSeconds?: number;
}

/** What one fetch may cost. */
export interface FetchBounds {
  /** Of the body, counted after inflation. */
  readonly maxBytes: number;
  /** Ends the fetch: deadline and shutdown. */
  readonly signal: AbortSignal;
}

/**
 * Fetches a document of an issuer.
 *
 * @param url absolute, already checked against the grammar of discovery URLs (scheme, host, port, path)
 * @throws IssuerFailure
 */
export type FetchJson = (url: string, bounds: FetchBounds) => Promise<FetchedJson>;

/** An issuer's own way to the network. */
export interface IssuerFetch {
  readonly fetchJson: FetchJson;
  close(): Promise<void>;
}

/**
 * Opens an issuer's own way to the network: its certificate authorities and its permission for private addresses touch
 * no other issuer. Redirects are refused, names and literals that are not public are refused unless the issuer may use
 * them, and every wait and every size is bounded.
 *
 * @param lookup name resolution; the system's when left out
 */
export function openFetchJson(settings: IssuerSettings, lookup?: LookupAll): IssuerFetch {
  const dispatcher = new Agent({
    allowH2: false,
    connections: CONNECTIONS_PER_HOST,
    headersTimeout: FIRST_BYTE_TIMEOUT_MS,
    maxHeaderSize: MAX_RESPONSE_HEADER_BYTES,
    connect: {
      timeout: CONNECT_TIMEOUT_MS,
      minVersion: "TLSv1.2",
      ...(settings.caCertificatePem === undefined
        ? {}
        : { ca: [...getCACertificates("default"), settings.caCertificatePem] }),
      lookup: boundedLookup(settings.allowPrivateNetwork ? systemLookup : publicLookup(lookup), DNS_TIMEOUT_MS),
    },
  });
  return {
    fetchJson: async (url, { maxBytes, signal }) => {
      if (!settings.allowPrivateNetwork && hasPrivateLiteral(new URL(url))) {
        throw new IssuerFailure("persistent", "the host is an address that is not public");
      }
      try {
        const response = await fetch(url, { dispatcher, signal, redirect: "error", headers: REQUEST_HEADERS });
        const bytes = await readAccepted(response, maxBytes);
        const maxAgeSeconds = parseMaxAge(response.headers.get("cache-control"));
        return maxAgeSeconds === undefined ? { bytes } : { bytes, maxAgeSeconds };
      } catch (cause) {
        if (cause instanceof IssuerFailure) throw cause;
        throw new IssuerFailure("transient", "the document could not be fetched", { cause });
      }
    },
    close: () => dispatcher.destroy(),
  };
}

const REQUEST_HEADERS = { accept: "application/json", "accept-encoding": "identity" };

const JSON_MEDIA_TYPE = /^application\/(?:[a-z0-9.-]+\+)?json(?:\s*;.*)?$/iu;

/** The body of a response that is a 200 and calls itself JSON. */
async function readAccepted(response: Response, maxBytes: number): Promise<Uint8Array> {
  try {
    if (response.status !== 200) {
      const kind = response.status >= 500 || response.status === 429 ? "transient" : "persistent";
      throw new IssuerFailure(kind, `the issuer answered with status ${response.status}`);
    }
    if (!JSON_MEDIA_TYPE.test(response.headers.get("content-type") ?? "")) {
      throw new IssuerFailure("persistent", "the document does not call itself JSON");
    }
    return await readBody(response, maxBytes);
  } catch (error) {
    await response.body?.cancel().catch(() => undefined);
    throw error;
  }
}

async function readBody(response: Response, maxBytes: number): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  const body: AsyncIterable<Uint8Array> | null = response.body;
  if (body === null) return Buffer.alloc(0);
  for await (const chunk of body) {
    size += chunk.length;
    if (size > maxBytes) throw new IssuerFailure("persistent", `the document is longer than ${maxBytes} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks, size);
}

function parseMaxAge(cacheControl: string | null): number | undefined {
  const digits = /(?:^|[\s,])max-age=(?<seconds>[0-9]{1,9})(?:$|[\s,])/iu.exec(cacheControl ?? "")?.groups?.["seconds"];
  return digits === undefined ? undefined : Number(digits);
}
