import { randomBytes } from "node:crypto";
import { openAuditFile } from "../adapters/audit/file.ts";
import { readAuditTrailEnd } from "../adapters/audit/verify-audit-trail.ts";
import { systemClock } from "../adapters/clock/system-clock.ts";
import { openRateLimits } from "../adapters/limits/open-rate-limits.ts";
import type { IssuerSettings } from "../adapters/oidc/issuer-settings.ts";
import { openTokenVerifier } from "../adapters/oidc/open-token-verifier.ts";
import type { TokenVerifier } from "../adapters/oidc/open-token-verifier.ts";
import { openTelemetry } from "../adapters/telemetry/open-telemetry.ts";
import type { ProcessTelemetry, TelemetryOptions } from "../adapters/telemetry/open-telemetry.ts";
import { unsafeOptions } from "../config/rules.ts";
import type { Config } from "../config/schema.ts";
import { describeCauses } from "../core/errors.ts";
import type { MayflyError } from "../core/errors.ts";
import { makeAdmission } from "../entrance/admission.ts";
import type { Admission } from "../entrance/admission.ts";
import { makePauseSwitch } from "../issuance/pause-switch.ts";
import type { PauseSwitch } from "../issuance/pause-switch.ts";
import type { Clock } from "../ports/clock.ts";
import type { Signer } from "../ports/signer.ts";
import { dataPaths } from "./data-paths.ts";
import { refuseDevelopmentKeys } from "./development-keys.ts";
import { endOnAuditFailure } from "./end-on-audit-failure.ts";
import { loadChain } from "./load-chain.ts";
import { lockData } from "./lock-data.ts";
import { startGenerations } from "./generations.ts";
import { makeHandOver } from "./hand-over.ts";
import type { HandOver } from "./hand-over.ts";
import { prepareGenerations } from "./make-generation.ts";
import { expiredAuthorities, openIssuers } from "./open-issuers.ts";
import { openListeners } from "./open-listeners.ts";
import type { ServiceUrls } from "./open-listeners.ts";
import { LogShards, shardSource } from "./log-shards.ts";
import { openSigner, SIGNER_ROLES } from "./open-signer.ts";
import { openTrustFiles } from "./open-trust-files.ts";
import { readConfigAgain } from "./read-again.ts";
import type { ReadAgainParts } from "./read-again.ts";
import type { Environment } from "./read-secret.ts";
import { reconcileInBackground } from "./reconcile-in-background.ts";
import { makeShutdown } from "./shutdown.ts";
import type { Shutdown } from "./shutdown.ts";
import { readVersion } from "./version.ts";

/** What the process gives its service. */
export interface ServiceContext {
  readonly env: Environment;
  /** Id of this process, for whoever finds its data directory in use. */
  readonly pid?: number;
  /** Where log lines go; standard output when left out. */
  readonly destination?: NonNullable<TelemetryOptions["destination"]>;
}

/** A service that answers requests, and how it ends. */
export interface RunningService extends ServiceUrls {
  readonly shutdown: Shutdown;
  /** Issues nothing more until the configuration, read again or at the next start, says otherwise. */
  pauseIssuance(): void;
  /** Puts into force what may change while the service runs; ignored once the service is stopping. Never throws. */
  readConfigAgain(read: () => Config): void;
}

/**
 * Starts the whole service of one configuration and listens. What was opened is closed again when a later part fails.
 *
 * @throws MayflyError or ConfigError saying which part could not be opened
 */
export async function startService(config: Config, context: ServiceContext): Promise<RunningService> {
  const version = readVersion();
  const telemetry = openTelemetry({
    version,
    logLevel: config.logging.level,
    ...(context.destination === undefined ? {} : { destination: context.destination }),
  });
  const resources = new AsyncDisposableStack();
  resources.defer(async () => {
    // Opened first, closed last: whoever reads this line knows that nothing was left undone.
    telemetry.notice("info", "stopped");
    await telemetry.close();
  });
  const shutdown = makeShutdown(config.shutdown, { resources, telemetry });
  const pauseSwitch = openPauseSwitch(config, telemetry);
  try {
    const lock = lockData(config, context.pid);
    // Released when everything in the directory is closed.
    resources.defer(() => {
      lock.release();
    });
    const { urls, handOver } = await openParts({
      config,
      env: context.env,
      telemetry,
      resources,
      shutdown,
      pauseSwitch,
    });
    for (const name of unsafeOptions(config)) telemetry.unsafeOption(name);
    telemetry.notice("info", "ready", { version, environment: config.environment, ...urls });
    return {
      ...urls,
      shutdown,
      pauseIssuance: () => {
        pauseSwitch.set(true);
      },
      readConfigAgain: makeReadAgain({ config, pauseSwitch, telemetry, shards: handOver }, { resources, shutdown }),
    };
  } catch (error) {
    telemetry.notice("error", "start refused", { error: describeCauses(error) });
    // Whatever goes wrong while closing follows from the refusal, and must not take its place.
    await resources.disposeAsync().catch(() => undefined);
    throw error;
  }
}

/** One reading after the other, and none once the service is stopping. */
function makeReadAgain(
  parts: ReadAgainParts,
  { resources, shutdown }: Pick<Parts, "resources" | "shutdown">,
): RunningService["readConfigAgain"] {
  let reading: Promise<void> = Promise.resolve();
  resources.defer(() => reading);
  return (read) => {
    reading = reading.then(() => (shutdown.begun ? undefined : readConfigAgain(read, parts)));
  };
}

/** The configuration of the start decides, whatever was in force in the process before. */
function openPauseSwitch({ issuance }: Config, telemetry: ProcessTelemetry): PauseSwitch {
  const tell = (isPaused: boolean): void => {
    if (isPaused) telemetry.notice("warn", "issuance paused");
    else telemetry.notice("info", "issuance resumed");
  };
  if (issuance.paused) tell(true);
  return makePauseSwitch(issuance.paused, tell);
}

interface Parts {
  readonly config: Config;
  readonly env: Environment;
  readonly telemetry: ProcessTelemetry;
  readonly resources: AsyncDisposableStack;
  readonly shutdown: Shutdown;
  readonly pauseSwitch: PauseSwitch;
}

/** What a service is asked for while it runs. */
interface OpenedParts {
  readonly urls: ServiceUrls;
  readonly handOver: HandOver;
}

async function openParts(parts: Parts): Promise<OpenedParts> {
  const { config, env, telemetry, resources, shutdown, pauseSwitch } = parts;
  const clock = systemClock;
  const onFatal = (error: MayflyError): void => {
    shutdown.fail(error);
  };
  const caSigner = await openCaSigner(parts, onFatal);
  const chain = await loadChain(config, caSigner, clock.now());
  const admission = openAdmission(config);
  const requestsInFlight = (): number => admission.inFlight;
  const { auditTrail } = dataPaths(config);
  const auditEnd = await readAuditTrailEnd(auditTrail);
  // One place for all of them: a shard that comes later is closed with those that were here from the start.
  const ofShards = resources.use(new AsyncDisposableStack());
  const common = { config, env, clock, telemetry, requestsInFlight, auditEnd, onFatal };
  const shards = await LogShards.open(config.log.shards, { ...common, resources: ofShards });
  const writerId = randomBytes(12).toString("hex");
  const audit = await openAuditFile({ path: auditTrail, writerId, clock, end: auditEnd });
  const watchedAudit = endOnAuditFailure(audit, onFatal);
  resources.defer(() => watchedAudit.close());
  const issuers = openTrustedIssuers(parts);
  const verifier = openVerifier(issuers, parts, clock);
  const rateLimits = openRateLimits(config.limits.rates, clock);
  const { verifyIdToken } = verifier;
  const served = { config, chain, caSigner, issuers, verifyIdToken, audit: watchedAudit };
  const makeGeneration = prepareGenerations({ ...served, rateLimits, telemetry, clock, pauseSwitch });
  const trustFiles = await openTrustFiles(config, { chain, shards, telemetry });
  const { certificateLog } = shards.active.log;
  const generations = startGenerations(makeGeneration, { certificateLog, publicKeys: shards.publicKeys });
  const handOver = makeHandOver({ shards, generations, clock, telemetry });
  resources.defer(() => handOver.close());
  telemetry.watch({
    caNotAfterMs: () => chain.notAfterMs,
    issuerKeyFaults: () => verifier.keyFaults(),
    patternIssuers: () => verifier.patternIssuers().counts,
    requestsInFlight,
    issuancePaused: () => pauseSwitch.isPaused,
    shards: () => shards.all.map(shardSource),
  });
  startReconciling(parts, shards);
  const generation = generations.current;
  const listening = { config, generation, shards, chain, admission, rateLimits, telemetry, clock, trustFiles };
  return { urls: await openListeners({ ...listening, resources, shutdown, pauseSwitch }), handOver };
}

/** A log in memory has nothing that another thread could read. */
function startReconciling({ config, telemetry, resources }: Parts, shards: LogShards): void {
  const { everySeconds, since } = config.reconcile;
  if (everySeconds === 0 || config.log.store.kind === "memory") return;
  const background = reconcileInBackground({
    logs: () =>
      shards.all.map(({ config: { name, origin, directory } }) => ({
        name,
        origin,
        paths: dataPaths(config, directory),
      })),
    auditTrail: dataPaths(config).auditTrail,
    clock: systemClock,
    telemetry,
    everyMs: everySeconds * 1_000,
    sinceMs: since,
  });
  resources.defer(() => background.close());
}

function openVerifier(
  issuers: readonly IssuerSettings[],
  { telemetry, resources }: Parts,
  clock: Clock,
): TokenVerifier {
  const verifier = openTokenVerifier({
    issuers,
    clock,
    onNotice: (level, message, fields) => {
      telemetry.notice(level, message, fields);
    },
  });
  resources.defer(() => verifier.close());
  return verifier;
}

function openAdmission({ limits }: Config): Admission {
  const { requestsInFlight: maxInFlight, queuedRequests: maxQueued, queueSeconds } = limits;
  return makeAdmission({ maxInFlight, maxQueued, maxQueueMs: queueSeconds * 1000 });
}

function openTrustedIssuers({ config, telemetry }: Parts): readonly IssuerSettings[] {
  const issuers = openIssuers(config.issuers);
  for (const fields of expiredAuthorities(issuers, systemClock.now())) {
    telemetry.notice("warn", "a certificate authority trusted for an issuer's TLS has expired", fields);
  }
  return issuers;
}

async function openCaSigner(
  { config, env, resources }: Parts,
  onMismatch: (error: MayflyError) => void,
): Promise<Signer> {
  const development = config.environment === "development";
  const signer = await openSigner(config.ca.signer, SIGNER_ROLES.ca, { env, development, onMismatch });
  resources.defer(() => signer.close());
  refuseDevelopmentKeys(config, [signer]);
  return signer;
}
