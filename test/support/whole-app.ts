import { createMemoryAuditTrail } from "../../src/adapters/audit/memory.ts";
import { createMemoryLogStore } from "../../src/adapters/log-store/memory/memory-log-store.ts";
import type { IssuerSettings } from "../../src/adapters/oidc/issuer-settings.ts";
import { openTokenVerifier } from "../../src/adapters/oidc/open-token-verifier.ts";
import type { TokenVerifierOptions } from "../../src/adapters/oidc/open-token-verifier.ts";
import { createMemorySigner } from "../../src/adapters/signers/memory.ts";
import { makeManifest } from "../../src/compose/init-log.ts";
import { makeCaChain } from "../../src/compose/make-ca.ts";
import { prepareGenerations } from "../../src/compose/make-generation.ts";
import { openConfiguration } from "../../src/compose/open-configuration.ts";
import { activeAuthority } from "../../src/config/active-authority.ts";
import { parseConfig } from "../../src/config/load-config.ts";
import type { Config } from "../../src/config/schema.ts";
import { parseIssuerChain } from "../../src/core/certificate/issuer-chain.ts";
import type { MayflyError } from "../../src/core/errors.ts";
import { makePublicLogView } from "../../src/ctlog/public-log-view.ts";
import { openCertificateLog } from "../../src/ctlog/submit-precertificate.ts";
import { makeTreeHeadCheckpointSigner } from "../../src/ctlog/tree-head-checkpoint-signer.ts";
import { openRateLimits } from "../../src/adapters/limits/open-rate-limits.ts";
import { TokenUses } from "../../src/adapters/limits/token-uses.ts";
import { makeClientAddress, makePeerName } from "../../src/entrance/client-address.ts";
import { ADMISSION_LIMITS, makeAdmission } from "../../src/entrance/admission.ts";
import { makeGrpcServer } from "../../src/grpc/grpc-server.ts";
import { makePublicApp } from "../../src/http/app.ts";
import { makeHttpServer } from "../../src/http/server.ts";
import type { AuditRecord, AuditTrail } from "../../src/ports/audit-trail.ts";
import type { VerifyIdToken } from "../../src/ports/id-token-verifier.ts";
import type { LogStore } from "../../src/ports/log-store.ts";
import type { Signer } from "../../src/ports/signer.ts";
import { makeEd25519CheckpointSigner } from "../../src/tlog/ed25519-checkpoint-signer.ts";
import { SEQUENCER_LIMITS } from "../../src/tlog/sequencer-options.ts";
import { startSequencer } from "../../src/tlog/sequencer.ts";
import { LocalIssuer, makeKey as makeIssuerKey, NOW_MS } from "../adapters/oidc/local-issuer.ts";
import type { IssuerKey } from "../adapters/oidc/local-issuer.ts";
import { makeFakeClock } from "../fakes/fake-clock.ts";
import type { FakeClock } from "../fakes/fake-clock.ts";
import { makeRecordingTelemetry } from "../fakes/recording-telemetry.ts";
import type { RecordingTelemetry } from "../fakes/recording-telemetry.ts";
import { ask, askForCertificate } from "./ask.ts";
import type { Answer } from "./ask.ts";
import { MEMORY_CONFIG } from "./memory-config.ts";
import { CALLER } from "./signing-body.ts";
import type { SigningBody } from "./signing-body.ts";

/** Origin of the log of a {@link WholeApp}. */
export const LOG_ORIGIN = "log.example.com/whole";

/** Where a test may stand between the parts of a {@link WholeApp}. */
export interface WholeAppOptions {
  /** YAML appended to the configuration. */
  readonly configuration?: string;
  readonly issuer?: Partial<IssuerSettings>;
  /** Trusted beside the issuer of the app. */
  readonly otherIssuers?: readonly IssuerSettings[];
  readonly verifier?: Partial<TokenVerifierOptions>;
  readonly wrapVerifier?: (verify: VerifyIdToken) => VerifyIdToken;
  readonly wrapCaSigner?: (signer: Signer) => Signer | Promise<Signer>;
  readonly wrapLogSigner?: (signer: Signer) => Signer;
  /** What the clocks show at first, milliseconds. */
  readonly startMs?: number;
  readonly wrapStore?: (store: LogStore) => LogStore;
  readonly wrapAudit?: (audit: AuditTrail) => AuditTrail;
  readonly maxPending?: number;
  /** Requests beyond these are refused at once; the product's bounds, with a queue, when left out. */
  readonly maxInFlight?: number;
  /** Limits in place of the configuration's; no rate is limited when left out. */
  readonly rates?: Partial<Config["limits"]["rates"]>;
  /** When the CA's chain was made, milliseconds; a day before the clock's start when left out. */
  readonly caMadeMs?: number;
  /** How long a stage may take; 60, more than any machine needs, when left out. */
  readonly stageSeconds?: number;
}

/**
 * Everything between a caller's socket and the rows of the log, in this process: the real parts over a log, keys and an
 * audit trail in memory, an issuer on loopback, and a clock that moves when the test says so.
 */
export interface WholeApp {
  readonly url: string;
  readonly clock: FakeClock;
  readonly issuer: LocalIssuer;
  readonly issuerKey: IssuerKey;
  readonly chainPem: readonly string[];
  /** Public keys of the service, DER. */
  readonly ownKeys: Readonly<Record<"ca" | "log" | "checkpoint", Uint8Array>>;
  readonly telemetry: RecordingTelemetry;
  readonly audit: { readonly records: readonly AuditRecord[] };
  /** Why the log would refuse the next entry, if it would. */
  readonly logRefusal: () => MayflyError | undefined;
  /** What would have ended the process. */
  readonly fatal: readonly MayflyError[];
  /** How often the CA's key was asked for a signature. */
  readonly caSignatures: () => number;
  readonly treeSize: () => Promise<number>;
  /** A token of {@link CALLER}, unless `claims` say otherwise. */
  readonly token: (claims?: Readonly<Record<string, unknown>>, header?: object) => Promise<string>;
  readonly get: (path: string, headers?: Readonly<Record<string, string>>) => Promise<Answer>;
  /** POSTs to the signing route, with a fresh token unless one is given. */
  readonly send: (body: SigningBody, token?: string) => Promise<Answer>;
  /** @param drainMs how long requests at work may take to finish; 2 s when left out */
  readonly close: (drainMs?: number) => Promise<void>;
}

/** Opens a {@link WholeApp} on a free port of loopback, which answers over gRPC too. */
export async function openWholeApp(options: WholeAppOptions = {}): Promise<WholeApp> {
  const startMs = options.startMs ?? NOW_MS;
  const clock = makeFakeClock(startMs);
  const issuer = await LocalIssuer.start();
  const issuerKey = await makeIssuerKey("ES256", "issuer-key");
  issuer.serve(issuerKey);
  const telemetry = makeRecordingTelemetry();
  const audit = createMemoryAuditTrail();
  const fatal: MayflyError[] = [];
  const onFatal = (error: MayflyError): void => void fatal.push(error);

  const root = createMemorySigner("ecdsa-p384-sha384");
  const ca = createMemorySigner("ecdsa-p256-sha256");
  const log = createMemorySigner("ecdsa-p256-sha256");
  const checkpoint = createMemorySigner("ed25519");
  let caSignatures = 0;
  const countedCa: Signer = {
    ...ca,
    sign: (message) => {
      caSignatures++;
      return ca.sign(message);
    },
  };
  const signers = {
    ca: (await options.wrapCaSigner?.(countedCa)) ?? countedCa,
    log: options.wrapLogSigner?.(log) ?? log,
    checkpoint,
  };
  const madeMs = options.caMadeMs ?? startMs - 86_400_000;
  const chain = parseIssuerChain(
    await makeCaChain({ organization: "Whole", root, issuing: signers.ca, nowMs: madeMs }),
    Math.max(madeMs, startMs),
  );

  const seconds = String(options.stageSeconds ?? 60);
  const text = CONFIGURATION.replaceAll("Seconds: 60", `Seconds: ${seconds}`) + (options.configuration ?? "");
  const config = parseConfig(text, "whole.yaml");
  const issuers = [issuer.settings(options.issuer), ...(options.otherIssuers ?? [])];
  const verifier = openTokenVerifier({
    issuers,
    clock,
    random: () => 0.5,
    onNotice: (level, message, fields) => {
      telemetry.notice(level, message, fields);
    },
    ...options.verifier,
  });
  const memoryStore = createMemoryLogStore({ manifest: makeManifest(LOG_ORIGIN, signers, startMs), onFatal });
  const store = options.wrapStore?.(memoryStore) ?? memoryStore;
  const admission = makeAdmission(
    options.maxInFlight === undefined
      ? ADMISSION_LIMITS
      : { ...ADMISSION_LIMITS, maxInFlight: options.maxInFlight, maxQueued: 0 },
  );
  const rateLimits = openRateLimits(
    { ...config.limits.rates, enabled: options.rates !== undefined, ...options.rates },
    clock,
  );
  const sequencer = await startSequencer({
    store,
    clock,
    origin: LOG_ORIGIN,
    checkpointSigners: [
      makeTreeHeadCheckpointSigner(LOG_ORIGIN, log),
      makeEd25519CheckpointSigner(LOG_ORIGIN, checkpoint),
    ],
    limits: { ...SEQUENCER_LIMITS, maxPending: options.maxPending ?? SEQUENCER_LIMITS.maxPending },
    onTheWay: () => admission.inFlight,
    onBatch: (batch) => {
      telemetry.logBatch({ shard: "whole", ...batch });
    },
    onFatal,
  });
  const makeGeneration = prepareGenerations({
    configuration: { ...openConfiguration(config), issuers },
    authorities: { issuing: { config: activeAuthority(config), chain, signer: signers.ca }, others: [] },
    verifyIdToken: options.wrapVerifier?.(verifier.verifyIdToken) ?? verifier.verifyIdToken,
    audit: options.wrapAudit?.(audit) ?? audit,
    telemetry,
    clock,
    pauseSwitch: { isPaused: false, set: () => undefined },
    rateLimits,
    usedTokens: new TokenUses(),
  });
  const generation = makeGeneration(1, {
    certificateLog: await openCertificateLog({ sequencer, store, logSigner: signers.log }),
    publicKeys: [signers.log.publicKey, signers.checkpoint.publicKey],
  });
  const logs = [
    {
      pathPrefix: "/whole",
      view: makePublicLogView({ store, manifest: await store.manifest() }),
      roots: chain.certificates.slice(-1),
    },
  ];
  let requests = 0;
  const { trustedProxies } = config.limits;
  const common = {
    generation: () => generation,
    admission,
    rateLimits,
    clientAddress: makeClientAddress(trustedProxies),
    clock,
    telemetry,
    requestId: () => `request-${String(++requests)}`,
  };
  const listener = makePublicApp({ ...common, logs: () => logs });
  const http2 = makeGrpcServer({
    ...common,
    peerName: makePeerName(trustedProxies),
    deadlineMs: config.limits.requestSeconds * 1_000,
    isReady: () => true,
    reflection: true,
  });
  const server = makeHttpServer({ listener, admission, http2 });
  const { port } = await server.listen({ host: "127.0.0.1", port: 0 });
  const url = `http://127.0.0.1:${String(port)}`;
  const app: WholeApp = {
    url,
    clock,
    issuer,
    issuerKey,
    chainPem: chain.pem,
    ownKeys: { ca: ca.publicKey, log: log.publicKey, checkpoint: checkpoint.publicKey },
    telemetry,
    audit,
    fatal,
    logRefusal: () => sequencer.refusal(),
    caSignatures: () => caSignatures,
    treeSize: async () => (await memoryStore.head()).size,
    token: (claims = {}, header = {}) =>
      issuer.token(issuerKey, { email: CALLER, email_verified: true, ...timesAt(clock), ...claims }, header),
    get: (path, headers = {}) => ask(`${url}${path}`, { headers }),
    send: async (body, token) => askForCertificate(url, token ?? (await app.token()), body),
    close: async (drainMs = 2_000) => {
      await server.close({ drainMs });
      await verifier.close();
      await sequencer.close();
      await store.close();
      await issuer.close();
    },
  };
  return app;
}

function timesAt(clock: FakeClock): { readonly iat: number; readonly exp: number } {
  const now = Math.floor(clock.now() / 1000);
  return { iat: now, exp: now + 600 };
}

/**
 * What it says of signers, log and issuers is not used: they stand beside it. A test may hold a stage for as long as its
 * machine takes.
 */
const CONFIGURATION = `${MEMORY_CONFIG}limits: { stages: { tokenSeconds: 60, signatureSeconds: 60, logSeconds: 60 } }
`;
