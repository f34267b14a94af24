import { randomUUID } from "node:crypto";
import type { RequestListener } from "node:http";
import type { AddressInfo } from "node:net";
import type { ProcessTelemetry } from "../adapters/telemetry/open-telemetry.ts";
import { isOnHttpPort } from "../config/grpc-rules.ts";
import { ConfigError } from "../config/load-config.ts";
import type { Config } from "../config/schema.ts";
import { pathOfOrigin } from "../config/shard-rules.ts";
import type { Admission } from "../entrance/admission.ts";
import type { GrpcServer } from "../grpc/grpc-server.ts";
import { makePublicApp } from "../http/app.ts";
import type { ExchangeDeps } from "../http/exchange.ts";
import type { PublishedLog } from "../http/routes/log-read.ts";
import { makeOperationsApp } from "../http/operations-app.ts";
import type { Readiness } from "../http/operations-app.ts";
import { makeClientAddress, makePeerName } from "../entrance/client-address.ts";
import type { ConnectionLimit, ConnectionLimits } from "../http/limit-connections.ts";
import { makeListener, makeRouter } from "../http/listener.ts";
import { makeHttpServer } from "../http/server.ts";
import type { HttpServerOptions, ServerLimits } from "../http/server.ts";
import type { Generation } from "../issuance/generation.ts";
import type { PauseSwitch } from "../issuance/pause-switch.ts";
import type { Clock } from "../ports/clock.ts";
import type { RateLimits } from "../ports/limits.ts";
import type { LogShards, ShardInService } from "./log-shards.ts";
import { ClosedTogether } from "./closed-together.ts";
import type { Openable } from "./configuration-source.ts";
import { makeGrpc } from "./open-grpc.ts";
import { openTlsOfListeners } from "./open-tls.ts";
import type { ServedTrustFiles } from "./open-trust-files.ts";
import { readinessChecks } from "./readiness-checks.ts";
import type { Shutdown } from "./shutdown.ts";
import { watchExpiries } from "./watch-expiries.ts";
import type { WatchedExpiries } from "./watch-expiries.ts";
import { watchFreeSpace } from "./watch-free-space.ts";
import { watchReadiness } from "./watch-readiness.ts";
import type { WatchedReadiness } from "./watch-readiness.ts";

/** What the listeners serve. */
export interface ListenerParts {
  readonly config: Config;
  readonly generation: () => Generation;
  /** What readiness says of the configuration. */
  readonly configuration: () => Readiness["configuration"];
  readonly shards: LogShards;
  /** The configuration in force, and its issuing CAs. */
  readonly inForce: () => Openable;
  readonly admission: Admission;
  readonly rateLimits: RateLimits;
  readonly telemetry: ProcessTelemetry;
  readonly clock: Clock;
  readonly resources: AsyncDisposableStack;
  readonly shutdown: Shutdown;
  readonly pauseSwitch: PauseSwitch;
  /** Undefined where there are none. */
  readonly trustFiles: ServedTrustFiles | undefined;
}

/** Where a service answers. */
export interface ServiceUrls {
  readonly publicUrl: string;
  /** Host and port of the API over gRPC, which has no paths; absent where it is not served. */
  readonly grpcUrl?: string;
  readonly operationsUrl: string;
}

/**
 * Listens: first for operators, then for the public, so that at the end probes are still answered while requests drain.
 *
 * @throws ConfigError when an address cannot be had, or a certificate cannot be used
 */
export async function openListeners(parts: ListenerParts): Promise<ServiceUrls> {
  const { config, clock, telemetry, admission, trustFiles } = parts;
  const common = { clock, telemetry, requestId: () => randomUUID() };
  const clientAddress = makeClientAddress(config.limits.trustedProxies);
  const watched = await openReadiness(parts);
  const operations = makeOperationsApp({
    ...common,
    readiness: () => readiness(parts, watched),
    metrics: async () => ({ contentType: telemetry.contentType, body: await telemetry.metrics() }),
  });
  const app = makePublicApp({
    ...common,
    generation: parts.generation,
    admission,
    rateLimits: parts.rateLimits,
    deadlineMs: config.limits.requestSeconds * 1000,
    clientAddress,
    logs: makePublishedLogs(parts),
    trustFiles: trustFiles && (() => trustFiles.of(parts.inForce().authorities)),
  });
  const grpc = await makeGrpc(config, {
    ...common,
    generation: parts.generation,
    admission,
    rateLimits: parts.rateLimits,
    clientAddress,
    peerName: makePeerName(config.limits.trustedProxies),
    deadlineMs: config.limits.requestSeconds * 1000,
    isReady: () => readiness(parts, watched).ok,
  });
  const operationsUrl = await listen(parts, "operations", { listener: operations, limits: OPERATIONS_LIMITS });
  return { operationsUrl, ...(await openPublic(parts, { app, grpc, common })) };
}

interface PublicSides {
  readonly app: RequestListener;
  readonly grpc: GrpcServer | undefined;
  readonly common: ExchangeDeps;
}

/** Listens for callers, over HTTP and gRPC; at the end both are closed at the same time. */
async function openPublic(
  parts: ListenerParts,
  { app, grpc, common }: PublicSides,
): Promise<Omit<ServiceUrls, "operationsUrl">> {
  const { config, telemetry, admission } = parts;
  const tls = await openTlsOfListeners(parts);
  const together = new ClosedTogether();
  parts.resources.use(together);
  const listening = { ...parts, resources: together };
  const options = {
    ...{ admission, exchange: common, limits: connectionLimits(config.limits) },
    onConnectionRefused: (limit: ConnectionLimit) => {
      telemetry.connectionRefused(limit);
    },
  };
  const http = { ...options, listener: app, ...tls.http };
  if (grpc === undefined) return { publicUrl: await listen(listening, "http", http) };
  if (isOnHttpPort(config)) {
    const publicUrl = await listen(listening, "http", { ...http, http2: grpc });
    return { publicUrl, grpcUrl: publicUrl };
  }
  // Whoever comes with HTTP/1.1 is told that nothing is there.
  const nothing = makeListener(makeRouter(), common);
  const grpcOnly = { ...options, listener: nothing, http2: grpc, prefersHttp2: true, ...tls.grpc };
  return { publicUrl: await listen(listening, "http", http), grpcUrl: await listen(listening, "grpc", grpcOnly) };
}

/** What is served of the log, made anew only when its shards have changed. */
function makePublishedLogs({ shards, inForce }: ListenerParts): () => readonly PublishedLog[] {
  let known: { readonly of: readonly unknown[]; readonly logs: readonly PublishedLog[] } | undefined;
  return () => {
    const { all } = shards;
    const { authorities } = inForce();
    if (known?.of[0] === all && known.of[1] === authorities) return known.logs;
    const roots = acceptedRoots(authorities);
    known = { of: [all, authorities], logs: all.map((shard) => publishedLog(shard, roots)) };
    return known.logs;
  };
}

/** Of the issuing CA that issues, and of those that will. */
function acceptedRoots({ issuing, others }: Openable["authorities"]): readonly Uint8Array[] {
  const chains = [issuing, ...others.filter(({ config }) => config.state === "staged")].map(({ chain }) => chain);
  const roots = chains.flatMap(({ certificates }) => certificates.slice(-1));
  return roots.filter((root, at) => roots.findIndex((other) => Buffer.compare(root, other) === 0) === at);
}

function publishedLog({ config, opened }: ShardInService, roots: readonly Uint8Array[]): PublishedLog {
  const accepted = config.state === "frozen" ? [] : roots;
  return { pathPrefix: pathOfOrigin(config.origin), view: opened.log.view, roots: accepted };
}

/** Watches from now on what readiness rests on. */
async function openReadiness(parts: ListenerParts): Promise<WatchedReadiness> {
  const { config, telemetry, resources } = parts;
  const freeSpace = await watchFreeSpace(config, parts);
  resources.defer(() => {
    freeSpace.close();
  });
  telemetry.watch({ dataDirectoryFreeBytes: () => freeSpace.freeBytes });
  const { shards } = parts;
  const log = {
    refusal: () => shards.active.log.refusal(),
    markFailure: () =>
      shards.all.map(({ opened }) => opened.log.markFailure()).find((failure) => failure !== undefined),
  };
  const ca = () => {
    const { opened, authorities } = parts.inForce();
    return { ...opened.config.ca, ...authorities.issuing };
  };
  const expiries = openExpiries(parts);
  const watched = watchReadiness(readinessChecks({ ca, clock: parts.clock, log, freeSpace, expiries }), parts);
  resources.defer(() => {
    watched.close();
  });
  return watched;
}

function openExpiries({ inForce, shards, clock, telemetry, resources }: ListenerParts): WatchedExpiries {
  const expiries = watchExpiries({ authorities: () => inForce().authorities, shards, clock, telemetry });
  resources.defer(() => {
    expiries.close();
  });
  telemetry.watch({ expiries: expiries.source });
  return expiries;
}

/** Operators are few and near: whoever holds more connections, or sends slowly, is none of them. */
const OPERATIONS_LIMITS: Partial<ServerLimits> = {
  maxConnections: 8,
  headersTimeoutMs: 5_000,
  requestTimeoutMs: 5_000,
  keepAliveTimeoutMs: 5_000,
};

function connectionLimits({ connections, connectionsPerAddress, trustedProxies }: Config["limits"]): ConnectionLimits {
  return { maxConnections: connections, maxConnectionsPerAddress: connectionsPerAddress, trustedProxies };
}

type ListeningParts = Pick<ListenerParts, "config" | "shutdown"> & {
  readonly resources: Pick<AsyncDisposableStack, "defer">;
};

async function listen(
  { config, resources, shutdown }: ListeningParts,
  setting: "grpc" | "http" | "operations",
  options: HttpServerOptions,
): Promise<string> {
  const wanted = config[setting]?.listen;
  if (wanted === undefined) throw new TypeError(`${setting} has no address`);
  const server = makeHttpServer(options);
  let address: AddressInfo;
  try {
    address = await server.listen(wanted);
  } catch (cause) {
    const why = Error.isError(cause) ? cause.message : String(cause);
    throw new ConfigError(`${setting}.listen: ${why}`, { cause });
  }
  resources.defer(async () => {
    await server.close({ drainMs: shutdown.drainMs });
  });
  const host = address.family === "IPv6" ? `[${address.address}]` : address.address;
  return `${options.tls === undefined ? "http" : "https"}://${host}:${String(address.port)}`;
}

/**
 * Whether a request sent now would get its certificate, as far as this process alone can tell. A pause is no reason to
 * send requests elsewhere: where every process is paused, nobody would be left to serve trust bundle and log.
 */
function readiness(
  { configuration, shutdown, pauseSwitch, shards }: ListenerParts,
  watched: WatchedReadiness,
): Readiness {
  const checks = [{ name: "accepting", ok: !shutdown.begun }, ...watched.checks()];
  const issuance = pauseSwitch.isPaused ? "paused" : "running";
  const shard = shards.active.config.name;
  return { ok: checks.every(({ ok }) => ok), issuance, configuration: configuration(), shard, checks };
}
