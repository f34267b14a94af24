import { once } from "node:events";
import { connect } from "node:net";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { Agent, request as httpRequest } from "node:http";
import type { IncomingMessage } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { sign } from "node:crypto";
import type { X509Certificate } from "node:crypto";
import { expect } from "@jest/globals";
import { createMemoryAuditTrail } from "../../src/adapters/audit/memory.ts";
import type { MemoryAuditTrail } from "../../src/adapters/audit/memory.ts";
import type { IssuerSettings } from "../../src/adapters/oidc/issuer-settings.ts";
import { openTokenVerifier } from "../../src/adapters/oidc/open-token-verifier.ts";
import type { TokenVerifierOptions } from "../../src/adapters/oidc/open-token-verifier.ts";
import { openTelemetry } from "../../src/adapters/telemetry/open-telemetry.ts";
import { makeIssuance } from "../../src/compose/make-issuance.ts";
import { tokenClaims } from "../../dev/token-claims.ts";
import { UNLIMITED } from "../../src/adapters/limits/open-rate-limits.ts";
import { TokenUses } from "../../src/adapters/limits/token-uses.ts";
import { makeAdmission } from "../../src/entrance/admission.ts";
import { makeClientAddress } from "../../src/entrance/client-address.ts";
import { makePublicApp } from "../../src/http/app.ts";
import { makeHttpServer } from "../../src/http/server.ts";
import type { IssuanceDeps } from "../../src/issuance/issue-certificate.ts";
import { makeFakeClock } from "../fakes/fake-clock.ts";
import type { FakeClock } from "../fakes/fake-clock.ts";
import { makeKey, pemOf } from "./caller-keys.ts";
import type { CallerKey } from "./caller-keys.ts";
import { makeIssuanceDeps, OPEN_LOG, someSct } from "./issuance.ts";
import { certificateIn } from "./issued.ts";
import { issuerSettings } from "./issuer-settings.ts";
import { githubRules } from "./provider-samples.ts";
import { expectRefused, reasonIn } from "./refusal.ts";
import type { Refusal } from "./refusal.ts";
import { makeTokenKey, signToken } from "./tokens.ts";
import type { TokenKey } from "./tokens.ts";

/** When everything behind a door happens, in seconds; its clock stands still until a test moves it. */
export const NOW = 1_800_000_000;

/** The caller of a good token, and the subject of its certificate. */
export const EMAIL = "canary.signer@example.com";
/** The issuer of a good token. */
export const EMAIL_ISSUER = "https://issuer.example.com";
/** The issuer of GitHub Actions' tokens. */
export const GITHUB_ISSUER = "https://actions.example.com";
/** An e-mail issuer that is believed without `email_verified`. */
export const UNCHECKED_ISSUER = "https://unchecked.example.com";

/** An e-mail issuer that writes `email_verified` as a text. */
export const TEXT_ISSUER = "https://texts.example.com";

/** An issuer of each kind without templates beside e-mail, by the kind. */
export const KIND_ISSUERS = {
  uri: "https://uris.example.com",
  username: "https://users.example.com",
  spiffe: "https://spire.example.com",
  kubernetes: "https://cluster.example.com",
  chainguard: "https://chainguard.example.com",
  federated: "https://federated.example.com",
} as const;

/** One call, as bytes on the wire; the path is that of signing and the method POST unless told otherwise. */
export interface Call {
  readonly method?: string;
  readonly path?: string;
  /** Name, value, name, value …, so that a field can come twice. */
  readonly headers?: readonly string[];
  readonly body?: string | Uint8Array;
}

/** An answer, and what was used behind the door while it was made. */
export interface Answer {
  readonly status: number;
  readonly headers: IncomingMessage["headers"];
  readonly text: string;
  /** Undefined when it is no JSON. */
  readonly body: unknown;
  readonly used: Usage;
}

/** What costs or commits: signatures by the CA, entries of the log, fetches of issuers' documents. */
export interface Usage {
  readonly signatures: number;
  readonly entries: number;
  readonly fetches: number;
}

/** A signing call by its parts; what is left out is good. */
export interface SigningCall {
  /** The caller's token; a good one for {@link EMAIL} when left out. */
  readonly token?: string;
  /** What the proof signs; {@link EMAIL} when left out. */
  readonly challenge?: string;
}

/** Where a test may stand between the parts behind a {@link Door}. */
export interface DoorOptions {
  /** Replaces the three issuers whose documents are in memory. */
  readonly issuers?: readonly IssuerSettings[];
  /** Replaces them by others whose documents are in memory too. */
  readonly memoryIssuers?: readonly IssuerSettings[];
  /** Key set of each issuer whose documents are in memory; the door's own key when left out. */
  readonly keys?: (own: TokenKey, issuerUrl: string) => readonly TokenKey[];
  /** For issuers with documents of their own. */
  readonly verifier?: Partial<TokenVerifierOptions>;
  /** Stands between issuance and its ports. */
  readonly ports?: (deps: IssuanceDeps) => Partial<IssuanceDeps>;
}

/** What a secret's shortest telling part is: shorter ones could stand in any text. */
const TELLING_LENGTH = 16;

/**
 * The whole public service in this process, from the socket to the audit trail: Mayfly's own HTTP server, the app, the
 * verification of tokens and proofs, issuance by a key in memory. Only the log and the issuers' documents are doubles,
 * and they count how often they are asked.
 */
export class Door {
  readonly clock: FakeClock;
  readonly audit: MemoryAuditTrail;
  readonly key: TokenKey;
  readonly callerKey: CallerKey;
  readonly port: number;
  /** URLs of issuers' documents in memory that were fetched. */
  readonly fetched: readonly string[];
  readonly #use: () => Usage;
  readonly #metrics: () => Promise<string>;
  readonly #close: () => Promise<string>;
  readonly #agent = new Agent({ keepAlive: true });
  readonly #keyRequests = new Map<string, object>();
  readonly #secrets = new Set<string>();
  readonly #shown: string[] = [];

  constructor(parts: DoorParts) {
    this.clock = parts.clock;
    this.audit = parts.audit;
    this.key = parts.key;
    this.callerKey = parts.callerKey;
    this.port = parts.port;
    this.fetched = parts.fetched;
    this.#use = parts.use;
    this.#metrics = parts.metrics;
    this.#close = parts.close;
  }

  /** What was used since the door was opened. */
  get used(): Usage {
    return this.#use();
  }

  /** Claims of a good token for {@link EMAIL}; `undefined` leaves one out. */
  claims(changes: Readonly<Record<string, unknown>> = {}): Record<string, unknown> {
    return {
      iss: EMAIL_ISSUER,
      aud: "sigstore",
      sub: "canary-subject-of-the-token",
      email: EMAIL,
      email_verified: true,
      iat: NOW,
      exp: NOW + 600,
      ...changes,
    };
  }

  /** A token that is good but for the changes, signed by the issuers' key. */
  token(changes: Readonly<Record<string, unknown>> = {}, header: object = {}): string {
    return signToken(this.key, this.claims(changes), header);
  }

  /** A signing call as a job of GitHub Actions whose claims are good but for the changes. */
  signAsJob(changes: Readonly<Record<string, unknown>> = {}): Promise<Answer> {
    const job: Record<string, unknown> = { ...tokenClaims("github"), ...changes };
    const claims = { iss: GITHUB_ISSUER, aud: "sigstore", iat: NOW, exp: NOW + 600, ...job };
    return this.sign({ token: signToken(this.key, claims), challenge: String(job["sub"]) });
  }

  /** The key half of a signing body: PEM and a proof over `challenge`. */
  keyRequest(challenge = EMAIL): object {
    const known = this.#keyRequests.get(challenge);
    if (known !== undefined) return known;
    const content = pemOf(this.callerKey.publicKey).toString();
    const proof = sign("sha256", Buffer.from(challenge), this.callerKey.privateKey).toString("base64");
    this.keepSecret(proof, ...content.split("\n").filter((line) => !line.startsWith("-----")));
    const made = { publicKey: { content }, proofOfPossession: proof };
    this.#keyRequests.set(challenge, made);
    return made;
  }

  /** A signing call through the API. */
  sign({ token = this.token(), challenge }: SigningCall = {}): Promise<Answer> {
    this.keepTokenSecret(token);
    const body = { credentials: { oidcIdentityToken: token }, publicKeyRequest: this.keyRequest(challenge) };
    return this.call({ body: JSON.stringify(body) });
  }

  /** Any call; what is used behind the door meanwhile is counted as its doing. */
  async call({ method = "POST", path = "/api/v2/signingCert", headers = [], body }: Call = {}): Promise<Answer> {
    const before = this.used;
    const length = body === undefined ? [] : ["Content-Length", String(Buffer.byteLength(body))];
    const request = httpRequest({
      port: this.port,
      host: "127.0.0.1",
      agent: this.#agent,
      method,
      path,
      headers: ["Host", "ca.example", ...length, ...headers],
    });
    request.end(body);
    const [response] = (await once(request, "response")) as [IncomingMessage];
    const chunks: Buffer[] = [];
    for await (const chunk of response as AsyncIterable<Buffer>) chunks.push(chunk);
    const text = Buffer.concat(chunks).toString("utf8");
    return {
      status: response.statusCode ?? 0,
      headers: response.headers,
      text,
      body: parsed(text),
      used: this.#since(before),
    };
  }

  /** Bytes on a connection of their own, which is then closed by halves or left open; all that came back, first answer. */
  async raw(bytes: string | Uint8Array, { end = false } = {}): Promise<Answer> {
    const before = this.used;
    const socket = connect({ port: this.port, host: "127.0.0.1" });
    socket.on("error", () => undefined);
    const chunks: Buffer[] = [];
    socket.on("data", (chunk: Buffer) => chunks.push(chunk));
    const closed = once(socket, "close");
    if (end) socket.end(bytes);
    else socket.write(bytes);
    await closed;
    const all = Buffer.concat(chunks).toString("utf8");
    const [head = "", ...rest] = all.split("\r\n\r\n");
    const [line = "", ...fields] = head.split("\r\n");
    const headers = Object.fromEntries(
      fields.map((field) => [field.slice(0, field.indexOf(":")).toLowerCase(), field.slice(field.indexOf(":") + 2)]),
    );
    const text = rest.join("\r\n\r\n");
    return { status: Number(line.split(" ")[1]), headers, text, body: parsed(text), used: this.#since(before) };
  }

  #since(before: Usage): Usage {
    const after = this.used;
    return {
      signatures: after.signatures - before.signatures,
      entries: after.entries - before.entries,
      fetches: after.fetches - before.fetches,
    };
  }

  /** Names texts that may never leave: they are looked for in every refusal, and at the end in all output. */
  keepSecret(...texts: readonly string[]): void {
    for (const text of texts) if (text.length >= TELLING_LENGTH) this.#secrets.add(text);
  }

  /** {@link keepSecret} for each part of a token, and for who is in it. */
  keepTokenSecret(token: string): void {
    this.keepSecret(token, ...token.slice(0, 20_000).split("."), EMAIL, "canary-subject-of-the-token");
  }

  /**
   * Asserts that a call was refused so, byte for byte of what a caller sees, and that nothing came of it: no signature,
   * no log entry, no certificate, and no secret in the answer.
   */
  expectRefused(answer: Answer, refusal: Refusal): void {
    expectRefused(answer, refusal);
    expect({ signatures: answer.used.signatures, entries: answer.used.entries }).toEqual({ signatures: 0, entries: 0 });
    this.#shown.push(answer.text + JSON.stringify(answer.headers));
    expect(this.#leaks(this.#shown.at(-1) ?? "")).toEqual([]);
  }

  /** Asserts that a call was answered with a certificate that is in the log, and gives the certificate. */
  expectIssued(answer: Answer): X509Certificate {
    expect({ status: answer.status, reason: reasonIn(answer.text) }).toEqual({ status: 200, reason: undefined });
    expect({ signatures: answer.used.signatures, entries: answer.used.entries }).toEqual({ signatures: 2, entries: 1 });
    return certificateIn(answer);
  }

  /** All metrics, in the text format of Prometheus. */
  metrics(): Promise<string> {
    return this.#metrics();
  }

  /** Closes everything and asserts that no secret of any call is in log, metrics or audit trail. */
  async close(): Promise<void> {
    const metrics = await this.metrics();
    this.#agent.destroy();
    const log = await this.#close();
    const output = [log, metrics, JSON.stringify(this.audit.records)].join("\n");
    expect(this.#leaks(output)).toEqual([]);
    expect(output).not.toMatch(/eyJ[\w-]{8,}|BEGIN [A-Z ]*KEY/u);
  }

  #leaks(text: string): string[] {
    return [...this.#secrets].filter((secret) => text.includes(secret));
  }
}

interface DoorParts {
  readonly clock: FakeClock;
  readonly audit: MemoryAuditTrail;
  readonly key: TokenKey;
  readonly callerKey: CallerKey;
  readonly port: number;
  readonly fetched: readonly string[];
  readonly use: () => Usage;
  readonly metrics: () => Promise<string>;
  /** Gives everything that was written to the log. */
  readonly close: () => Promise<string>;
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** Opens a door. Whoever opens one closes it, which is the last of its assertions. */
export async function openDoor({
  issuers,
  memoryIssuers = usualIssuers(),
  keys,
  verifier: settings,
  ports,
}: DoorOptions = {}): Promise<Door> {
  const folder = mkdtempSync(join(tmpdir(), "mayfly-door-"));
  const logFile = join(folder, "log");
  const telemetry = openTelemetry({ version: "test", logLevel: "debug", destination: logFile });
  const fetched: string[] = [];
  const clock = makeFakeClock(NOW * 1000);
  const audit = createMemoryAuditTrail();
  const key = makeTokenKey("ES256", "ec-1");
  const verifier = openTokenVerifier({
    issuers: issuers ?? memoryIssuers,
    clock,
    random: () => 0.5,
    onNotice: (level, message, fields) => {
      telemetry.notice(level, message, fields);
    },
    ...(issuers === undefined ? { openFetch: memoryFetch((url) => keys?.(key, url) ?? [key], fetched) } : {}),
    ...settings,
  });
  telemetry.watch({ issuerKeyFaults: () => verifier.keyFaults() });
  let entries = 0;
  const { deps, events } = await makeIssuanceDeps({
    now: () => clock.now(),
    verifyIdToken: verifier.verifyIdToken,
    log: { ...OPEN_LOG, add: () => Promise.resolve(someSct(clock.now(), entries++)) },
  });
  const issueCertificate = makeIssuance(
    { ...deps, ...ports?.(deps) },
    {
      stageLimits: { tokenMs: 60_000, signatureMs: 60_000, logMs: 60_000 },
      rateLimits: { issuer: UNLIMITED, subject: UNLIMITED },
      usedTokens: new TokenUses(),
      record: { audit, auditedOutcomes: UNLIMITED, telemetry, clock, generation: 1 },
      pauseSwitch: { isPaused: false },
    },
  );
  const admission = makeAdmission();
  let ids = 0;
  const server = makeHttpServer({
    admission,
    listener: makePublicApp({
      generation: () => ({ number: 1, issueCertificate, issuers: [], trustBundle: [deps.issuer.pem] }),
      admission,
      rateLimits: { signing: UNLIMITED, failedTokens: UNLIMITED, reads: UNLIMITED },
      clientAddress: makeClientAddress([]),
      clock,
      telemetry,
      requestId: () => `own-${++ids}`,
    }),
  });
  const { port } = await server.listen({ host: "127.0.0.1", port: 0 });
  return new Door({
    clock,
    audit,
    key,
    callerKey: makeKey("ecdsa-p256"),
    port,
    fetched,
    use: () => ({
      signatures: events.filter((event) => event === "sign").length,
      entries,
      fetches: fetched.length,
    }),
    metrics: () => telemetry.metrics(),
    close: async () => {
      await server.close({ drainMs: 1_000 });
      await verifier.close();
      await telemetry.close();
      const text = readFileSync(logFile, "utf8");
      rmSync(folder, { recursive: true });
      return text;
    },
  });
}

function usualIssuers(): IssuerSettings[] {
  return [
    issuerSettings({ url: EMAIL_ISSUER }),
    issuerSettings({ url: KIND_ISSUERS.uri, identity: { kind: "uri", subjectDomain: "https://example.com" } }),
    issuerSettings({ url: KIND_ISSUERS.username, identity: { kind: "username", subjectDomain: "example.com" } }),
    issuerSettings({ url: KIND_ISSUERS.spiffe, identity: { kind: "spiffe", trustDomain: "example.org" } }),
    issuerSettings({ url: KIND_ISSUERS.kubernetes, identity: { kind: "kubernetes" } }),
    issuerSettings({ url: KIND_ISSUERS.chainguard, identity: { kind: "chainguard" } }),
    issuerSettings({
      url: KIND_ISSUERS.federated,
      identity: { kind: "email", emailTrust: "verified", issuerClaim: ["federated_claims", "connector_id"] },
    }),
    issuerSettings({ url: UNCHECKED_ISSUER, identity: { kind: "email", emailTrust: "unverified" } }),
    issuerSettings({
      url: TEXT_ISSUER,
      identity: { kind: "email", emailTrust: "verified", acceptTextVerified: true },
    }),
    issuerSettings({ url: GITHUB_ISSUER, identity: githubRules() }),
  ];
}

/** Issuers' documents without a network; each fetch is noted. */
function memoryFetch(
  keysOf: (issuerUrl: string) => readonly TokenKey[],
  fetched: string[],
): NonNullable<TokenVerifierOptions["openFetch"]> {
  return ({ url }) => ({
    fetchJson: (target) => {
      fetched.push(target);
      const document = target.endsWith("/jwks")
        ? { keys: keysOf(url).map(({ jwk }) => jwk) }
        : { issuer: url, jwks_uri: `${url}/jwks`, id_token_signing_alg_values_supported: ANNOUNCED };
      return Promise.resolve({ bytes: Buffer.from(JSON.stringify(document)) });
    },
    close: () => Promise.resolve(),
  });
}

/** Not among them: RS384, RS512, ES512 … */
const ANNOUNCED = ["RS256", "PS256", "ES256", "ES384", "EdDSA", "none", "HS256"];
