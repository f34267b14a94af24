import { randomBytes } from "node:crypto";
import { openAuditFile } from "../adapters/audit/file.ts";
import { readAuditTrailEnd } from "../adapters/audit/verify-audit-trail.ts";
import { systemClock } from "../adapters/clock/system-clock.ts";
import { openRateLimits } from "../adapters/limits/open-rate-limits.ts";
import type { ConfigSource } from "../adapters/telemetry/config-metrics.ts";
import { openTelemetry } from "../adapters/telemetry/open-telemetry.ts";
import type { ProcessTelemetry, TelemetryOptions } from "../adapters/telemetry/open-telemetry.ts";
import { unsafeOptions } from "../config/rules.ts";
import { recordFilesRead } from "../config/read-settings-file.ts";
import type { FilesRead } from "../config/read-settings-file.ts";
import type { Config } from "../config/schema.ts";
import { describeCauses, MayflyError } from "../core/errors.ts";
import { makeAdmission } from "../entrance/admission.ts";
import type { Admission } from "../entrance/admission.ts";
import type { Readiness } from "../http/operations-app.ts";
import { makePauseSwitch } from "../issuance/pause-switch.ts";
import type { PauseSwitch } from "../issuance/pause-switch.ts";
import { AuthorityKeys } from "./authority-keys.ts";
import type { ConfigurationInForce, ReadingCause } from "./configuration-in-force.ts";
import type { Openable } from "./configuration-source.ts";
import { dataPaths } from "./data-paths.ts";
import { refuseDevelopmentKeys } from "./development-keys.ts";
import { endOnAuditFailure } from "./end-on-audit-failure.ts";
import { lockData } from "./lock-data.ts";
import { openAuthorities } from "./open-authorities.ts";
import type { OpenedAuthorities } from "./open-authorities.ts";
import { openConfiguration } from "./open-configuration.ts";
import type { OpenedConfiguration } from "./open-configuration.ts";
import { openConfigurationInForce } from "./open-configuration-in-force.ts";
import { openListeners } from "./open-listeners.ts";
import type { ServiceUrls } from "./open-listeners.ts";
import { LogShards, shardSource } from "./log-shards.ts";
import { openTrustFiles } from "./open-trust-files.ts";
import type { Environment } from "./read-secret.ts";
import { refuseUncheckedTls } from "./refuse-unchecked-tls.ts";
import { reconcileInBackground } from "./reconcile-in-background.ts";
import { makeShutdown } from "./shutdown.ts";
import type { Shutdown } from "./shutdown.ts";
import { signersOfService } from "./signer-roles.ts";
import { readVersion } from "./version.ts";
import { watchConfig } from "./watch-config.ts";

/** Where a configuration comes from. */
export interface ConfigFiles {
  /** Files that were read for the start, with what they held. */
  readonly read: FilesRead;
  /** Reads them again; throws a ConfigError. */
  readonly readAgain: () => Config;
}

/** What the process gives its service. */
export interface ServiceContext {
  readonly env: Environment;
  /** Id of this process, for whoever finds its data directory in use. */
  readonly pid?: number;
  /** Files whose changes are put into force; left out, only {@link RunningService.readConfigAgain} changes anything. */
  readonly configFiles?: ConfigFiles;
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
    refuseUncheckedTls(context.env);
    const lock = lockData(config, context.pid);
    // Released when everything in the directory is closed.
    resources.defer(() => {
      lock.release();
    });
    const { env, configFiles } = context;
    const parts = { config, env, telemetry, resources, shutdown, pauseSwitch, files: configFiles?.read ?? new Map() };
    const { urls, configuration } = await openParts(parts);
    const readAgain = makeReadAgain(configuration, parts);
    if (configFiles !== undefined) watchFiles(configuration, parts, () => readAgain(configFiles.readAgain, "change"));
    for (const name of unsafeOptions(config)) telemetry.unsafeOption(name);
    telemetry.notice("info", "ready", { version, environment: config.environment, ...urls });
    return {
      ...urls,
      shutdown,
      pauseIssuance: () => {
        pauseSwitch.set(true);
      },
      readConfigAgain: (read) => {
        void readAgain(read, "signal");
      },
    };
  } catch (error) {
    const reason = error instanceof MayflyError ? { reason: error.reason } : {};
    telemetry.notice("error", "start refused", { ...reason, error: describeCauses(error) });
    // Whatever goes wrong while closing follows from the refusal, and must not take its place.
    await resources.disposeAsync().catch(() => undefined);
    throw error;
  }
}

/** One reading after the other, and none once the service is stopping. */
function makeReadAgain(
  configuration: ConfigurationInForce,
  { resources, shutdown }: Parts,
): (read: () => Config, cause: ReadingCause) => Promise<void> {
  let reading: Promise<void> = Promise.resolve();
  resources.defer(() => reading);
  return (read, cause) => {
    reading = reading.then(() => (shutdown.begun ? undefined : configuration.readAgain(read, cause)));
    return reading;
  };
}

function watchFiles(configuration: ConfigurationInForce, { resources }: Parts, onChange: () => Promise<void>): void {
  const watched = watchConfig({ files: () => configuration.files, onChange });
  resources.defer(() => {
    watched.close();
  });
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
  /** What was read for the configuration itself. */
  readonly files: FilesRead;
}

/** What a service is asked for while it runs. */
interface OpenedParts {
  readonly urls: ServiceUrls;
  readonly configuration: ConfigurationInForce;
}

async function openParts(parts: Parts): Promise<OpenedParts> {
  const { config, env, telemetry, resources, shutdown, pauseSwitch } = parts;
  const clock = systemClock;
  const onFatal = (error: MayflyError): void => {
    shutdown.fail(error);
  };
  const files = new Map(parts.files);
  const opened = recordFilesRead(files, () => openConfiguration(config));
  const { authorityKeys, authorities } = await openStartedAuthorities(parts, opened, onFatal);
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
  const trustFiles = await openTrustFiles(config, { authorities, shards, telemetry });
  const rateLimits = openRateLimits(config.limits.rates, clock);
  const signing = { audit: watchedAudit, rateLimits, telemetry, clock, pauseSwitch };
  const started = { opened, authorities };
  const { configuration, generations } = openConfigurationInForce({
    ...{ ...signing, resources, shards, authorityKeys, trustFiles, started, files },
  });
  const generation = generations.current;
  const inForceFrom = { timeMs: clock.now(), generation: generation().number, cause: "start" } as const;
  await audit.append({ kind: "configuration", ...inForceFrom, configuration: configuration.source.opened.digest });
  const configSource = (): ConfigSource => {
    const { digest } = configuration.source.opened;
    return { generation: generation().number, digest };
  };
  telemetry.watch({
    caNotAfterMs: () => configuration.source.authorities.issuing.chain.notAfterMs,
    configuration: configSource,
    issuerKeyFaults: () => configuration.source.verifier.keyFaults(),
    issuers: () => configuration.source.opened.issuers,
    patternIssuers: () => configuration.source.verifier.patternIssuers().counts,
    requestsInFlight,
    issuancePaused: () => pauseSwitch.isPaused,
    shards: () => shards.all.map(shardSource),
  });
  startReconciling(parts, shards);
  const described = (): Readiness["configuration"] => {
    const { lastFailure } = configuration;
    return { ...configSource(), ...(lastFailure === undefined ? {} : { lastFailure }) };
  };
  const inForce = (): Openable => configuration.source;
  const listening = { ...signing, config, generation, inForce, shards, admission, trustFiles };
  const urls = await openListeners({ ...listening, configuration: described, resources, shutdown });
  return { urls, configuration };
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

function openAdmission({ limits }: Config): Admission {
  const { requestsInFlight: maxInFlight, queuedRequests: maxQueued, queueSeconds } = limits;
  return makeAdmission({ maxInFlight, maxQueued, maxQueueMs: queueSeconds * 1000 });
}

/** The issuing CAs of the start, and the keys that later configurations share with it. */
async function openStartedAuthorities(
  parts: Parts,
  { authorities: read }: OpenedConfiguration,
  onFatal: (error: MayflyError) => void,
): Promise<{ readonly authorityKeys: AuthorityKeys; readonly authorities: OpenedAuthorities }> {
  const { config, resources } = parts;
  const authorityKeys = new AuthorityKeys({
    opening: signersOfService({ ...parts, onFatal }),
    judge: (signer) => {
      refuseDevelopmentKeys(config, [signer]);
    },
  });
  const authorities = await openAuthorities(read, authorityKeys, systemClock.now());
  // For a start that fails before there are generations, which let go of them otherwise.
  resources.defer(() => authorities.close());
  return { authorityKeys, authorities };
}
