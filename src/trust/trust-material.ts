import { hash } from "node:crypto";
import { MayflyError } from "../core/errors.ts";
import type { CertificateChain } from "./certificate-chain.ts";
import type { PublicKey } from "./public-key-file.ts";
import type { ValidFor } from "./valid-for.ts";

/** What an operator says of a time; an end that is left open is, a start that is left open has a default. */
export interface Window {
  readonly startMs: number | undefined;
  readonly endMs: number | undefined;
}

/** Something trusted, and when. */
export type Trusted<T> = T & { readonly validFor: ValidFor };

/** A CA by one of its chains. */
export interface Authority {
  readonly chain: CertificateChain;
}

/** A log whose SCTs count. */
export interface CtLog {
  readonly baseUrl: string;
  readonly publicKey: PublicKey;
}

/** A log of signatures (Rekor). */
export interface TransparencyLog {
  /** Where clients submit to it. */
  readonly url: string;
  /** What its checkpoints are known by. */
  readonly baseUrl: string;
  readonly apiVersion: 1 | 2;
  readonly publicKey: PublicKey;
}

/** A timestamp authority (RFC 3161). */
export interface TimestampAuthority {
  /** Where clients send requests, path included. */
  readonly url: string;
  readonly chain: CertificateChain;
}

/** What signers may be sent to beside the CA. */
export interface Service {
  /** Who runs it, as clients group services. */
  readonly operator: string;
  /** Whether signers are not sent there: it has ceased, or is to come. */
  readonly verifyOnly: boolean;
}

/**
 * Whom relying parties and signers are told to trust, from one service's point of view. What has been trusted for longest
 * comes first in each list.
 */
export interface TrustMaterial {
  /** Origin of the CA's API, without a final slash. */
  readonly publicUrl: string;
  readonly operator: Service["operator"];
  /** `iss` of the tokens that signers get from there. */
  readonly issuers: readonly string[];
  /** The one that issues. */
  readonly issuing: Trusted<Authority>;
  /** It and the others. */
  readonly authorities: readonly Trusted<Authority>[];
  /** The log that new certificates are in. */
  readonly activeCtLog: CtLog;
  /** It and the others. */
  readonly ctLogs: readonly Trusted<CtLog>[];
  readonly transparencyLogs: readonly Trusted<TransparencyLog & Service>[];
  readonly timestampAuthorities: readonly Trusted<TimestampAuthority & Service>[];
}

type Written<T> = T & { readonly window: Window };

/** Where a log of certificates is from: the shard that issues, another shard of the same log, or somebody else's log. */
export type CtLogRole = "active" | "shard" | "other";

/** {@link TrustMaterial} as it is written down, before defaults. */
export interface TrustSources extends Pick<TrustMaterial, "publicUrl" | "operator" | "issuers"> {
  readonly issuing: CertificateChain;
  /** When what it certifies is valid. */
  readonly issuingWindow: Window;
  readonly otherAuthorities: readonly Written<Authority>[];
  /** One of them is active. */
  readonly ctLogs: readonly (Written<CtLog> & { readonly role: CtLogRole })[];
  readonly transparencyLogs: readonly Written<TransparencyLog & Service>[];
  readonly timestampAuthorities: readonly Written<TimestampAuthority & Service>[];
}

/**
 * Gives everything the time for which it is trusted. A chain is trusted from when it is valid, a log from when the first CA
 * is: verifiers compare the time of an SCT with the one and the time of signing with the other. A shard that ended before it
 * began, as one that is frozen before its window, has no SCT that counts, and is left out.
 *
 * @throws MayflyError `internal` (TRUST_INVALID) when something stands there twice, or ends before it begins
 */
export function makeTrustMaterial(sources: TrustSources): TrustMaterial {
  const { publicUrl, operator, issuers } = sources;
  const issuing = fromItsChain({ chain: sources.issuing, window: sources.issuingWindow });
  const authorities = [issuing, ...sources.otherAuthorities.map(fromItsChain)];
  const startMs = Math.min(...authorities.map(({ validFor }) => validFor.startMs));
  const activeCtLog = sources.ctLogs.find(({ role }) => role === "active");
  if (activeCtLog === undefined) throw new TypeError("no log is active");
  const ctLogs = sources.ctLogs.filter(({ role, window }) => role === "other" || !isEmpty(window, startMs));
  requireOnce(sources);
  return {
    ...{ publicUrl, operator, issuers, issuing, activeCtLog },
    authorities: oldestFirst(authorities),
    ctLogs: oldestFirst(ctLogs.map((log) => from(startMs, log))),
    transparencyLogs: oldestFirst(sources.transparencyLogs.map((log) => from(startMs, log))),
    timestampAuthorities: oldestFirst(sources.timestampAuthorities.map(fromItsChain)),
  };
}

function fromItsChain<T extends Written<Authority>>(one: T): Trusted<T> {
  return from(one.chain.notBeforeMs, one);
}

function from<T extends Written<unknown>>(defaultStartMs: number, one: T): Trusted<T> {
  const { startMs = defaultStartMs, endMs } = one.window;
  if (isEmpty(one.window, defaultStartMs)) {
    const [start, end] = [startMs, endMs ?? startMs].map((ms) => new Date(ms).toISOString());
    throw new MayflyError("TRUST_INVALID", `trusted until ${String(end)}, which is before it begins: ${String(start)}`);
  }
  return { ...one, validFor: endMs === undefined ? { startMs } : { startMs, endMs } };
}

function isEmpty({ startMs, endMs }: Window, defaultStartMs: number): boolean {
  return endMs !== undefined && endMs < (startMs ?? defaultStartMs);
}

/** The order that protobuf-specs asks for in trusted roots; of equal starts the order in which they are written. */
function oldestFirst<T extends Trusted<unknown>>(things: readonly T[]): readonly T[] {
  return things.toSorted((one, other) => one.validFor.startMs - other.validFor.startMs);
}

/** Twice the same with two times would be trusted in both of them, whatever an operator meant by the end of one. */
function requireOnce({ issuing, otherAuthorities, ctLogs, transparencyLogs }: TrustSources): void {
  const chains = [issuing, ...otherAuthorities.map(({ chain }) => chain)];
  requireDistinct(
    "authority",
    chains.map(({ certificates }) => Buffer.concat(certificates)),
  );
  requireDistinct(
    "log",
    ctLogs.map(({ publicKey }) => publicKey.rawBytes),
  );
  requireDistinct(
    "log of signatures",
    transparencyLogs.map(({ publicKey }) => publicKey.rawBytes),
  );
}

function requireDistinct(what: string, things: readonly Uint8Array[]): void {
  const hashes = things.map((bytes) => hash("sha256", bytes, "hex"));
  const twice = hashes.find((one, at) => hashes.indexOf(one) !== at);
  if (twice !== undefined) throw new MayflyError("TRUST_INVALID", `the same ${what} stands there twice: ${twice}`);
}
