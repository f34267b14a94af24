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

/** Whom relying parties and signers are told to trust, from one service's point of view. */
export interface TrustMaterial {
  /** Origin of the CA's API, without a final slash. */
  readonly publicUrl: string;
  /** Who runs it, as clients group services. */
  readonly operator: string;
  /** `iss` of the tokens that signers get from there. */
  readonly issuers: readonly string[];
  /** The one that issues first. */
  readonly authorities: readonly [Trusted<Authority>, ...Trusted<Authority>[]];
  readonly ctLogs: readonly Trusted<CtLog>[];
  /** The one of `ctLogs` that new certificates are in. */
  readonly activeCtLog: CtLog;
  readonly transparencyLogs: readonly Trusted<TransparencyLog>[];
  readonly timestampAuthorities: readonly Trusted<TimestampAuthority>[];
}

type Written<T> = T & { readonly window: Window };

/** {@link TrustMaterial} as it is written down, before defaults. */
export interface TrustSources extends Pick<TrustMaterial, "publicUrl" | "operator" | "issuers"> {
  readonly issuing: CertificateChain;
  readonly otherAuthorities: readonly Written<Authority>[];
  /** One of them has `isActive`. */
  readonly ctLogs: readonly (Written<CtLog> & { readonly isActive: boolean })[];
  readonly transparencyLogs: readonly Written<TransparencyLog>[];
  readonly timestampAuthorities: readonly Written<TimestampAuthority>[];
}

/**
 * Gives everything the time for which it is trusted. A chain is trusted from when it is valid, a log from when the first CA
 * is: verifiers compare the time of an SCT with the one and the time of signing with the other.
 *
 * @throws MayflyError `internal` (TRUST_INVALID) when something stands there twice, or is trusted for no time at all
 */
export function makeTrustMaterial(sources: TrustSources): TrustMaterial {
  const { publicUrl, operator, issuers, issuing } = sources;
  const others = sources.otherAuthorities.map(({ chain, window }) => ({
    chain,
    validFor: validFor(window, chain.notBeforeMs),
  }));
  const authorities = [{ chain: issuing, validFor: { startMs: issuing.notBeforeMs } }, ...others] as const;
  const startMs = Math.min(...authorities.map((authority) => authority.validFor.startMs));
  const [active] = sources.ctLogs.filter(({ isActive }) => isActive);
  if (active === undefined) throw new TypeError("no log is active");
  requireOnce(
    "authority",
    authorities.map(({ chain }) => Buffer.concat(chain.certificates)),
  );
  requireOnce(
    "log",
    sources.ctLogs.map(({ publicKey }) => publicKey.rawBytes),
  );
  requireOnce(
    "log of signatures",
    sources.transparencyLogs.map(({ publicKey }) => publicKey.rawBytes),
  );
  return {
    publicUrl,
    operator,
    issuers,
    authorities,
    ctLogs: sources.ctLogs.map(({ window, ...log }) => ({ ...log, validFor: validFor(window, startMs) })),
    activeCtLog: active,
    transparencyLogs: sources.transparencyLogs.map(({ window, ...log }) => ({
      ...log,
      validFor: validFor(window, startMs),
    })),
    timestampAuthorities: sources.timestampAuthorities.map(({ window, ...authority }) => ({
      ...authority,
      validFor: validFor(window, authority.chain.notBeforeMs),
    })),
  };
}

function validFor({ startMs, endMs }: Window, defaultStartMs: number): ValidFor {
  const from = startMs ?? defaultStartMs;
  if (endMs === undefined) return { startMs: from };
  if (endMs < from) {
    const [start, end] = [from, endMs].map((ms) => new Date(ms).toISOString());
    throw new MayflyError("TRUST_INVALID", `trusted until ${String(end)}, which is before it begins: ${String(start)}`);
  }
  return { startMs: from, endMs };
}

/** Twice the same with two times would be trusted in both of them, whatever an operator meant by the end of one. */
function requireOnce(what: string, things: readonly Uint8Array[]): void {
  const hashes = things.map((bytes) => hash("sha256", bytes, "hex"));
  const twice = hashes.find((one, at) => hashes.indexOf(one) !== at);
  if (twice !== undefined) throw new MayflyError("TRUST_INVALID", `the same ${what} stands there twice: ${twice}`);
}
