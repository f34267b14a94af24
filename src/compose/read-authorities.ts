import { ConfigError } from "../config/config-error.ts";
import type { ActiveAuthorityConfig, AuthorityConfig, OtherAuthorityConfig } from "../config/ca-schema.ts";
import { readSettingsFile } from "../config/read-settings-file.ts";
import { settingName } from "../config/setting-name.ts";
import { parseIssuerChain } from "../core/certificate/issuer-chain.ts";
import type { IssuerChain } from "../core/certificate/issuer-chain.ts";
import { encodePem } from "../core/encoding/pem.ts";
import { MayflyError } from "../core/errors.ts";
import { parseCertificateChain } from "../trust/certificate-chain.ts";
import type { CertificateChain } from "../trust/certificate-chain.ts";

/** The issuing CA that issues. */
export interface ReadActiveAuthority {
  readonly config: ActiveAuthorityConfig;
  /** Undefined for a memory signer, which makes its own. */
  readonly chain: IssuerChain | undefined;
}

/** An issuing CA that does not issue. */
export interface ReadOtherAuthority {
  readonly config: OtherAuthorityConfig;
  readonly chain: CertificateChain;
  /** Its certificates as PEM without a final newline. */
  readonly pem: readonly string[];
}

/** The issuing CAs of a configuration, as their files say. No clock was asked: what has expired is there for what it certified. */
export interface ReadAuthorities {
  readonly active: ReadActiveAuthority;
  /** The staged ones before the retired ones. */
  readonly others: readonly ReadOtherAuthority[];
}

/**
 * Reads the chains of all issuing CAs. The active one's and the staged ones' must be as Mayfly wants the chain that it issues
 * with, those of the retired ones as verifiers can follow them.
 *
 * @throws MayflyError `profile_violation` (CHAIN_INVALID), naming the setting and the file
 */
export function readAuthorities(authorities: readonly AuthorityConfig[]): ReadAuthorities {
  let active: ReadActiveAuthority | undefined;
  const others: ReadOtherAuthority[] = [];
  for (const config of authorities) {
    if (config.state === "active") active = { config, chain: readIssuing(config) };
    else others.push(readOther(config));
  }
  if (active === undefined) throw new TypeError("a configuration without an active issuing CA was not checked");
  requireDistinct([...(active.chain === undefined ? [] : [{ config: active.config, chain: active.chain }]), ...others]);
  const inState = (state: OtherAuthorityConfig["state"]): readonly ReadOtherAuthority[] =>
    others.filter(({ config }) => config.state === state);
  return Object.freeze({ active, others: Object.freeze([...inState("staged"), ...inState("retired")]) });
}

/** Settings by which messages name the chain of an issuing CA. */
export const chainSetting = ({ place, chain }: Pick<AuthorityConfig, "place" | "chain">): string =>
  [settingName([...place, "chain"]), ...(chain === undefined ? [] : [chain])].join(" ");

function readIssuing(config: AuthorityConfig): IssuerChain | undefined {
  const { chain } = config;
  return chain === undefined ? undefined : reading(config, () => parseIssuerChain(readFile(chain), undefined));
}

function readOther(config: OtherAuthorityConfig): ReadOtherAuthority {
  return reading(config, () => {
    const file = readFile(config.chain);
    if (config.state === "staged") parseIssuerChain(file, undefined);
    const chain = parseCertificateChain(file, "issuing");
    return { config, chain, pem: chain.certificates.map((der) => encodePem("CERTIFICATE", der)) };
  });
}

/** Twice the same certificate with two states would be issued by and closed at once. */
function requireDistinct(
  all: readonly { readonly config: AuthorityConfig; readonly chain: Pick<IssuerChain, "certificates"> }[],
): void {
  const owners = new Map<string, string>();
  for (const { config, chain } of all) {
    const own = Buffer.from(chain.certificates[0] ?? []).toString("hex");
    const owner = owners.get(own);
    owners.set(own, config.name);
    if (owner === undefined) continue;
    throw new MayflyError("CHAIN_INVALID", `${chainSetting(config)} has the certificate of the issuing CA ${owner}`);
  }
}

function readFile(file: string): Uint8Array {
  try {
    return readSettingsFile(file);
  } catch (cause) {
    if (!(cause instanceof ConfigError)) throw cause;
    throw new MayflyError("CHAIN_INVALID", "cannot be read", { cause });
  }
}

function reading<T>(config: AuthorityConfig, read: () => T): T {
  try {
    return read();
  } catch (cause) {
    if (!(cause instanceof MayflyError)) throw cause;
    throw new MayflyError(cause.reason, chainSetting(config), { cause });
  }
}
