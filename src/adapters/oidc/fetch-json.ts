import { Agent as HttpAgent } from "../../node-http.ts";
import type { IncomingMessage } from "node:http";
import { Agent as HttpsAgent } from "node:https";
import { boundedLookup } from "./bounded-lookup.ts";
import { getResponse } from "./get-response.ts";
import type { ConnectOptions } from "./get-response.ts";
import { issuerAuthorities } from "./issuer-authorities.ts";
import { IssuerFailure } from "./issuer-failure.ts";
import type { IssuerSettings } from "./issuer-settings.ts";
import { hasPrivateLiteral, permittedLookup, publicLookup, type LookupAll } from "./public-address.ts";
import { readBody } from "./read-body.ts";

const CONNECTIONS_PER_HOST = 2;

/** Longest waits of a fetch, milliseconds. */
export interface FetchWaits {
  readonly dnsMs: number;
  /** For a connection: name resolution, TCP and TLS. */
  readonly connectMs: number;
  /** From there to the end of the response's head. */
  readonly headMs: number;
  /** How long a connection that nobody uses is kept. */
  readonly idleMs: number;
}

/** Each is shorter than the time that an issuer has for both its documents. */
export const FETCH_WAITS: FetchWaits = { dnsMs: 1000, connectMs: 2000, headMs: 3000, idleMs: 4000 };

/** A document as it came: nothing is known about it but its size and that it calls itself JSON. */
export interface FetchedJson {
  readonly bytes: Uint8Array;
  /** `max-age` of Cache-Control (RFC 9111 §5.2.2.1), in seconds. */
  readonly maxAgeSeconds?: number;
}

/** What one fetch may cost. */
export interface FetchBounds {
  /** Of the body as it comes, and again of what it inflates to. */
  readonly maxBytes: number;
  /** Ends the fetch: deadline and shutdown. */
  readonly signal: AbortSignal;
  /** Sent along (RFC 6750 §2.1), for issuers that do not show their documents to everybody. */
  readonly bearerToken?: string;
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
 * no other issuer. Names and literals that are not public are refused unless the issuer may use them, and every wait and
 * every size is bounded. Redirects are refused as a failure that may pass, like a busy server's answer; no proxy of the
 * environment is used, and no cookie kept.
 *
 * @param lookup name resolution; the system's when left out
 */
export function openFetchJson(settings: IssuerSettings, lookup?: LookupAll, waits = FETCH_WAITS): IssuerFetch {
  const pool = { keepAlive: true, maxSockets: CONNECTIONS_PER_HOST, timeout: waits.idleMs };
  const [httpAgent, httpsAgent] = [new HttpAgent(pool), new HttpsAgent(pool)];
  let connection: ConnectOptions | undefined;
  const closed = new AbortController();
  const fetchDocument = async (url: URL, { maxBytes, ...bounds }: FetchBounds): Promise<FetchedJson> => {
    const signal = AbortSignal.any([bounds.signal, closed.signal]);
    const agent = url.protocol === "https:" ? httpsAgent : httpAgent;
    try {
      connection ??= connectOptions(settings, lookup, waits);
      const response = await getResponse(url, { ...waits, ...bounds, agent, connection, signal });
      const bytes = await readAccepted(response, { maxBytes, signal });
      const maxAgeSeconds = parseMaxAge(response.headers["cache-control"]);
      return maxAgeSeconds === undefined ? { bytes } : { bytes, maxAgeSeconds };
    } catch (error) {
      if (error instanceof IssuerFailure) throw error;
      const cause: unknown = signal.aborted ? signal.reason : error;
      throw new IssuerFailure("transient", "the document could not be fetched", { cause });
    }
  };
  return {
    fetchJson: async (text, bounds) => {
      const url = new URL(text);
      if (!settings.allowPrivateNetwork && hasPrivateLiteral(url)) {
        throw new IssuerFailure("persistent", "the host is an address that is not public");
      }
      return fetchDocument(url, bounds);
    },
    close: () => {
      closed.abort();
      httpAgent.destroy();
      httpsAgent.destroy();
      return Promise.resolve();
    },
  };
}

function connectOptions(
  { allowPrivateNetwork, caCertificatePem }: IssuerSettings,
  lookup: LookupAll | undefined,
  { dnsMs }: FetchWaits,
): ConnectOptions {
  return {
    lookup: boundedLookup(allowPrivateNetwork ? permittedLookup(() => true, lookup) : publicLookup(lookup), dnsMs),
    autoSelectFamily: true,
    ALPNProtocols: ["http/1.1"],
    minVersion: "TLSv1.2",
    // Said, because a variable of the environment (NODE_TLS_REJECT_UNAUTHORIZED) would have anybody be any issuer.
    rejectUnauthorized: true,
    ...(caCertificatePem === undefined ? {} : { secureContext: issuerAuthorities(caCertificatePem) }),
  };
}

const REDIRECTS: ReadonlySet<number> = new Set([301, 302, 303, 307, 308]);

const JSON_MEDIA_TYPE = /^application\/(?:[a-z0-9.-]+\+)?json(?:\s*;.*)?$/iu;

/** The body of a response that is a 200 and calls itself JSON. */
async function readAccepted(response: IncomingMessage, bounds: FetchBounds): Promise<Uint8Array> {
  try {
    const { statusCode = 0, headersDistinct } = response;
    if (statusCode !== 200) {
      const kind = isTransient(statusCode) ? "transient" : "persistent";
      throw new IssuerFailure(kind, `the issuer answered with status ${statusCode}`);
    }
    if (!JSON_MEDIA_TYPE.test(headersDistinct["content-type"]?.join(", ") ?? "")) {
      throw new IssuerFailure("persistent", "the document does not call itself JSON");
    }
    return await readBody(response, bounds);
  } catch (error) {
    response.destroy();
    throw error;
  }
}

function isTransient(statusCode: number): boolean {
  return statusCode >= 500 || statusCode === 429 || REDIRECTS.has(statusCode);
}

function parseMaxAge(cacheControl = ""): number | undefined {
  const digits = /(?:^|[\s,])max-age=(?<seconds>[0-9]{1,9})(?:$|[\s,])/iu.exec(cacheControl)?.groups?.["seconds"];
  return digits === undefined ? undefined : Number(digits);
}
