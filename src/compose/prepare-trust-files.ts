import { readFileSync } from "node:fs";
import type { AuthorityConfig } from "../config/ca-schema.ts";
import type { ShardConfig } from "../config/log-schema.ts";
import { publicUrlOf } from "../config/public-url.ts";
import { isPatternEntry } from "../config/issuer-rules.ts";
import type { Config } from "../config/schema.ts";
import { settingName } from "../config/setting-name.ts";
import type { TrustConfig } from "../config/trust-schema.ts";
import { withoutPort } from "../config/without-port.ts";
import { MayflyError } from "../core/errors.ts";
import { parseCertificateChain, readCertificateChain } from "../trust/certificate-chain.ts";
import type { CertificateChain } from "../trust/certificate-chain.ts";
import { makeTrustFiles } from "../trust/make-trust-files.ts";
import { parsePublicKeyFile, readPublicKey } from "../trust/public-key-file.ts";
import type { TrustFiles } from "../trust/trust-file-names.ts";
import { makeTrustMaterial } from "../trust/trust-material.ts";
import type { Service, TrustSources, Window } from "../trust/trust-material.ts";

/** What is trusted of one shard. */
export interface TrustedShard {
  readonly config: Pick<ShardConfig, "origin" | "state" | "window">;
  /** DER SubjectPublicKeyInfo of the key that signs its SCTs. */
  readonly logPublicKey: Uint8Array;
  /** When it was frozen; undefined while it may take entries. */
  readonly frozenMs: number | undefined;
}

/** What is trusted of the issuing CAs: the one that issues, and the others. */
export interface TrustedAuthorities {
  readonly issuing: {
    readonly config: Pick<AuthorityConfig, "window">;
    /** DER, issuing CA first, root last. */
    readonly chain: { readonly certificates: readonly Uint8Array[] };
  };
  readonly others: readonly { readonly config: Pick<AuthorityConfig, "window">; readonly chain: CertificateChain }[];
}

/** Makes the trust files of issuing CAs and shards as they are. */
export type MakeTrustFiles = (authorities: TrustedAuthorities, shards: readonly TrustedShard[]) => TrustFiles;

/** A configuration with trust files. */
export type TrustingConfig = Config & { readonly trust: TrustConfig };

/**
 * Reads every file that the trust files are made of, except what they say of issuing CAs and log.
 *
 * @throws MayflyError naming the setting and the file that cannot be used
 */
export function prepareTrustFiles(config: TrustingConfig): MakeTrustFiles {
  const { trust } = config;
  const publicUrl = publicUrlOf(config);
  if (publicUrl === undefined) throw new TypeError("a configuration without a public URL was not checked");
  const otherLogs = readAll(trust, "otherLogs", ({ publicKey, baseUrl }) => ({
    ...{ baseUrl, role: "other" as const, publicKey: requireP256(parsePublicKeyFile(readFileSync(publicKey))) },
  }));
  const operator = trust.operator ?? new URL(publicUrl).hostname;
  const service = (one: ServiceSettings): Service => ({
    ...{ operator: one.operator ?? operator, verifyOnly: one.verifyOnly },
  });
  const otherAuthorities = readAll(trust, "otherAuthorities", ({ chain }) => ({
    chain: parseCertificateChain(readFileSync(chain), "issuing"),
  }));
  const fixed = {
    publicUrl,
    operator,
    issuers: [...new Set(trust.issuers ?? interactiveIssuers(config))],
    transparencyLogs: readAll(trust, "transparencyLogs", ({ url, baseUrl, apiVersion, publicKey, ...more }) => ({
      ...{ url, apiVersion, baseUrl: baseUrl ?? (apiVersion === 2 ? withoutPort(url) : url) },
      ...{ publicKey: parsePublicKeyFile(readFileSync(publicKey)), ...service(more) },
    })),
    timestampAuthorities: readAll(trust, "timestampAuthorities", ({ url, chain, ...more }) => ({
      ...{ url, chain: parseCertificateChain(readFileSync(chain), "timestamping"), ...service(more) },
    })),
  } satisfies Omit<TrustSources, "ctLogs" | "issuing" | "issuingWindow" | "otherAuthorities">;
  return ({ issuing, others }, shards) => {
    const sources = {
      ...fixed,
      issuing: readCertificateChain(issuing.chain.certificates, "issuing"),
      issuingWindow: issuing.config.window,
      otherAuthorities: [...others.map(({ chain, config: { window } }) => ({ chain, window })), ...otherAuthorities],
      ctLogs: [...shards.map(ctLog), ...otherLogs],
    };
    return makeTrustFiles(makeTrustMaterial(sources));
  };
}

type ServiceSettings = Pick<TrustConfig["timestampAuthorities"][number], "operator" | "verifyOnly">;

type Lists = Pick<TrustConfig, "otherAuthorities" | "otherLogs" | "timestampAuthorities" | "transparencyLogs">;

/** Reads what each member of a list names, and keeps its time. */
function readAll<L extends keyof Lists, T>(
  trust: Lists,
  list: L,
  read: (member: Lists[L][number]) => T,
): readonly (T & { readonly window: Window })[] {
  return trust[list].map((member: Lists[L][number], at) => {
    try {
      return { ...read(member), window: { startMs: member.start, endMs: member.end } };
    } catch (cause) {
      const [name, file] = "chain" in member ? ["chain", member.chain] : ["publicKey", member.publicKey];
      const place = `${settingName(["trust", list, at, name])} ${file}`;
      if (cause instanceof MayflyError) throw new MayflyError(cause.reason, place, { cause });
      throw new MayflyError("FILE_NOT_READ", `${place} cannot be read`, { cause });
    }
  });
}

/** Tokens of a CI platform are there by themselves; the other kinds have somebody sign in. Nobody can go to a pattern. */
function interactiveIssuers({ issuers }: Config): readonly string[] {
  const exact = issuers.filter((issuer) => !isPatternEntry(issuer));
  const interactive = exact.filter(({ identity }) => identity.kind === "email");
  return (interactive.length > 0 ? interactive : exact).map(({ url }) => url);
}

/** A log that takes nothing more has no SCT that is younger, whatever its window leaves open. */
function ctLog({ config, logPublicKey, frozenMs }: TrustedShard): TrustSources["ctLogs"][number] {
  const { origin, state, window } = config;
  const ends = [window?.endMs, frozenMs].filter((end) => end !== undefined);
  return {
    baseUrl: `https://${origin}`,
    publicKey: readPublicKey(logPublicKey),
    role: state === "active" ? "active" : "shard",
    window: { startMs: window?.startMs, endMs: ends.length > 0 ? Math.min(...ends) : undefined },
  };
}

function requireP256(key: ReturnType<typeof parsePublicKeyFile>): ReturnType<typeof parsePublicKeyFile> {
  if (key.keyDetails === "PKIX_ECDSA_P256_SHA_256") return key;
  throw new MayflyError("TRUST_INVALID", "the key of a log with SCTs is ECDSA on P-256: clients take no other");
}
