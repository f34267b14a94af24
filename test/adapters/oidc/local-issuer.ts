import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { exportJWK, generateKeyPair, SignJWT, type CryptoKey, type JWK, type JWTPayload } from "jose";
import type { IssuerSettings } from "../../../src/adapters/oidc/issuer-settings.ts";
import { openTokenVerifier, type TokenVerifierOptions } from "../../../src/adapters/oidc/open-token-verifier.ts";
import { MayflyError, type Reason } from "../../../src/core/errors.ts";
import { makeFakeClock, type FakeClock } from "../../fakes/fake-clock.ts";
import { issuerSettings } from "../../support/issuer-settings.ts";

/** When a local issuer's tokens are made, unless a test says otherwise. */
export const NOW_MS = 1_800_000_000_000;
const NOW = NOW_MS / 1000;

/** A key pair of an issuer, and the member of its JWK Set. */
export interface IssuerKey {
  readonly privateKey: CryptoKey;
  readonly publicKey: CryptoKey;
  readonly alg: string;
  readonly jwk: JWK;
}

/** A fresh key for an algorithm of RFC 7518. */
export async function makeKey(alg: string, kid?: string, options: { crv?: string } = {}): Promise<IssuerKey> {
  const { privateKey, publicKey } = await generateKeyPair(alg, { extractable: true, ...options });
  const jwk = await exportJWK(publicKey);
  return { privateKey, publicKey, alg, jwk: { ...jwk, ...(kid === undefined ? {} : { kid }) } };
}

/** What answers a request for one of the issuer's documents. */
export type Handler = (request: IncomingMessage, response: ServerResponse) => void;

/** Answers with a body as JSON. */
export function json(body: unknown, headers: Readonly<Record<string, string>> = {}): Handler {
  return (_request, response) => {
    response.writeHead(200, { "content-type": "application/json", ...headers });
    response.end(typeof body === "string" || Buffer.isBuffer(body) ? body : JSON.stringify(body));
  };
}

/** A real HTTP issuer on 127.0.0.1 that counts what is asked of it. What it answers can be replaced at any time. */
export class LocalIssuer {
  readonly url: string;
  readonly fetches = { discovery: 0, jwks: 0 };
  discovery: Handler;
  jwks: Handler;
  readonly #close: () => Promise<void>;

  private constructor(url: string, close: () => Promise<void>) {
    this.url = url;
    this.#close = close;
    this.discovery = json(this.document());
    this.jwks = json({ keys: [] });
  }

  static async start(): Promise<LocalIssuer> {
    const server = createServer((request, response) => {
      if (request.url === "/jwks") {
        issuer.fetches.jwks++;
        issuer.jwks(request, response);
      } else {
        issuer.fetches.discovery++;
        issuer.discovery(request, response);
      }
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const { port } = server.address() as AddressInfo;
    const issuer = new LocalIssuer(`http://127.0.0.1:${port}`, async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    });
    return issuer;
  }

  document(changes: Readonly<Record<string, unknown>> = {}): Record<string, unknown> {
    return {
      issuer: this.url,
      jwks_uri: `${this.url}/jwks`,
      id_token_signing_alg_values_supported: ["RS256", "ES256", "ES384", "PS256", "EdDSA", "none", "HS256"],
      ...changes,
    };
  }

  serve(...keys: readonly IssuerKey[]): void {
    this.jwks = json({ keys: keys.map(({ jwk }) => jwk) });
  }

  settings(changes: Partial<IssuerSettings> = {}): IssuerSettings {
    return issuerSettings({ url: this.url, allowInsecureHttp: true, allowPrivateNetwork: true, ...changes });
  }

  claims(changes: Readonly<Record<string, unknown>> = {}): JWTPayload {
    return { iss: this.url, aud: "sigstore", sub: "subject", iat: NOW, exp: NOW + 600, ...changes };
  }

  token(key: IssuerKey, changes: Readonly<Record<string, unknown>> = {}, header: object = {}): Promise<string> {
    const kid = key.jwk.kid === undefined ? {} : { kid: key.jwk.kid };
    return new SignJWT(this.claims(changes))
      .setProtectedHeader({ alg: key.alg, typ: "JWT", ...kid, ...header })
      .sign(key.privateKey);
  }

  close(): Promise<void> {
    return this.#close();
  }
}

/** A verifier for one local issuer, with a test's clock and no jitter. */
export function openFor(issuer: LocalIssuer, changes: Partial<TokenVerifierOptions> & { clock?: FakeClock } = {}) {
  const clock = changes.clock ?? makeFakeClock(NOW_MS);
  const verifier = openTokenVerifier({ issuers: [issuer.settings()], random: () => 0.5, ...changes, clock });
  return {
    clock,
    verify: (token: string) => verifier.verifyIdToken(token, clock.now()),
    close: () => verifier.close(),
  };
}

/** The error of an outcome that must be one; anything but a MayflyError passes through. */
export async function refusal(outcome: Promise<unknown>): Promise<MayflyError> {
  try {
    await outcome;
  } catch (error) {
    if (error instanceof MayflyError) return error;
    throw error;
  }
  throw new Error("nothing was refused");
}

/** The reason of an outcome that must be a refusal. */
export const reasonOf = async (outcome: Promise<unknown>): Promise<Reason> => (await refusal(outcome)).reason;
