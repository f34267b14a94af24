import { discoveryUrl, hostOf, MAX_DISCOVERY_BYTES, parseDiscovery, type DiscoveryDocument } from "./discovery.ts";
import type { FetchBounds, FetchedJson, FetchJson } from "./fetch-json.ts";
import { IssuerFailure } from "./issuer-failure.ts";
import type { IssuerSettings } from "./issuer-settings.ts";
import { MAX_JWKS_BYTES, parseJwks, type KeySet } from "./jwks.ts";
import { JWS_ALGORITHMS, type JwsAlgorithm } from "../../core/identity/jws-algorithms.ts";

/** An issuer's keys together with what its discovery document says about them. */
export interface IssuerKeys {
  readonly set: KeySet;
  /** Algorithms the issuer announces. */
  readonly algorithms: ReadonlySet<JwsAlgorithm>;
  /** How long the issuer lets the key set be kept, seconds. */
  readonly maxAgeSeconds?: number;
}

const DEFAULT_FRESH_SECONDS = 60 * 60;
const LEAST_FRESH_SECONDS = 5 * 60;
const MOST_FRESH_SECONDS = 24 * 60 * 60;

/** A discovery document outlives its freshness by a day when the issuer cannot give a newer one. */
const STALE_MS = 24 * 60 * 60 * 1000;

/** Fetches an issuer's two documents, and keeps the first one while it is fresh. */
export class IssuerDocuments {
  readonly #issuer: IssuerSettings;
  readonly #fetchJson: FetchJson;
  #discovery: DiscoveryDocument | undefined;
  #freshUntilMs = 0;

  constructor(issuer: IssuerSettings, fetchJson: FetchJson) {
    this.#issuer = issuer;
    this.#fetchJson = fetchJson;
  }

  /**
   * Where the keys are (OpenID Connect Discovery 1.0 §4): the kept document while it is fresh, and for a day longer
   * when a newer one cannot be had.
   *
   * @param nowMs a clock that never steps
   * @throws IssuerFailure
   */
  async discover(nowMs: number, signal: AbortSignal): Promise<DiscoveryDocument> {
    const { jwksUrl, algorithms = JWS_ALGORITHMS } = this.#issuer;
    if (jwksUrl !== undefined) return { jwksUri: jwksUrl, algorithms: new Set(algorithms) };
    const kept = this.#discovery;
    if (kept !== undefined && nowMs < this.#freshUntilMs) return kept;
    try {
      const { bytes, maxAgeSeconds } = await this.#fetch(discoveryUrl(this.#issuer), {
        maxBytes: MAX_DISCOVERY_BYTES,
        signal,
      });
      const discovery = parseDiscovery(bytes, this.#issuer);
      const seconds = Math.max(
        LEAST_FRESH_SECONDS,
        Math.min(maxAgeSeconds ?? DEFAULT_FRESH_SECONDS, MOST_FRESH_SECONDS),
      );
      this.#discovery = discovery;
      this.#freshUntilMs = nowMs + seconds * 1000;
      return discovery;
    } catch (error) {
      if (kept === undefined || nowMs >= this.#freshUntilMs + STALE_MS) throw error;
      return kept;
    }
  }

  /**
   * The keys that a discovery document points to. When they cannot be had, the document may be the reason, so the next
   * `discover` asks for a newer one.
   *
   * @param nowMs a clock that never steps
   * @throws IssuerFailure
   */
  async fetchKeys(discovery: DiscoveryDocument, nowMs: number, signal: AbortSignal): Promise<IssuerKeys> {
    try {
      const { bytes, maxAgeSeconds } = await this.#fetch(discovery.jwksUri, { maxBytes: MAX_JWKS_BYTES, signal });
      const keys = { set: parseJwks(bytes), algorithms: discovery.algorithms };
      return maxAgeSeconds === undefined ? keys : { ...keys, maxAgeSeconds };
    } catch (error) {
      this.#freshUntilMs = Math.min(this.#freshUntilMs, nowMs);
      throw error;
    }
  }
  async #fetch(url: string, bounds: FetchBounds): Promise<FetchedJson> {
    const bearerToken = await this.#bearerTokenFor(url);
    return this.#fetchJson(url, bearerToken === undefined ? bounds : { ...bounds, bearerToken });
  }

  /** A token that was given to us for one host is never shown to another, whatever a document says about where keys are. */
  async #bearerTokenFor(url: string): Promise<string | undefined> {
    const { url: own, discoveryUrl: elsewhere, jwksUrl, readBearerToken } = this.#issuer;
    if (readBearerToken === undefined) return undefined;
    const configured = [elsewhere ?? own, jwksUrl ?? own].map(hostOf);
    if (!url.startsWith("https:") || !configured.includes(hostOf(url))) return undefined;
    try {
      return await readBearerToken();
    } catch (cause) {
      throw new IssuerFailure("transient", "the token that its documents are asked for with cannot be read", { cause });
    }
  }
}
