import { createPublicKey, hash, verify } from "node:crypto";
import { readFileSync } from "node:fs";
import { systemClock } from "../adapters/clock/system-clock.ts";
import { LOAD_MESSAGE } from "../adapters/signers/load-message.ts";
import { SIGNATURE_DIGEST } from "../adapters/signers/signature-digest.ts";
import { activeAuthority } from "../config/active-authority.ts";
import { ConfigError } from "../config/load-config.ts";
import type { AuthorityConfig } from "../config/ca-schema.ts";
import type { Config } from "../config/schema.ts";
import type { SignerConfig } from "../config/signer-schema.ts";
import { checkChain } from "../core/certificate/check-chain.ts";
import { assertSignerMatches } from "../core/certificate/issuer-chain.ts";
import type { IssuerChain } from "../core/certificate/issuer-chain.ts";
import type { CaCertificate } from "../core/certificate/read-ca-certificate.ts";
import { describeCauses, MayflyError } from "../core/errors.ts";
import type { Signer } from "../ports/signer.ts";
import { readTrustedChains } from "../trust/read-trusted-chains.ts";
import { CA_RULES } from "./ca-rules.ts";
import type { CaRule, CaRuleText } from "./ca-rules.ts";
import { refuseDevelopmentKeys } from "./development-keys.ts";
import { openSigner } from "./open-signer.ts";
import type { Environment } from "./read-secret.ts";
import { SIGNER_ROLES } from "./signer-roles.ts";

/** One rule that a CA breaks. */
export interface CaFinding extends CaRuleText {
  readonly rule: CaRule;
  readonly what: string;
}

/** One certificate of the chain, to be compared with what others have. */
export interface CheckedCertificate {
  readonly commonName: string;
  /** Hex SHA-256 of the certificate, and of its SubjectPublicKeyInfo. */
  readonly sha256: string;
  readonly keySha256: string;
  readonly algorithm: string;
  readonly notBefore: string;
  readonly notAfter: string;
}

/** A CA, judged. */
export interface CaReport {
  readonly chain: string;
  readonly certificates: readonly CheckedCertificate[];
  /** The worst first. */
  readonly findings: readonly CaFinding[];
}

/** What a CA is judged with beside its configuration. */
export interface CheckCaOptions {
  readonly env: Environment;
  /** A trusted root that clients have. */
  readonly trustedRoot?: string;
  /** Name of an issuing CA of `ca.authorities`; the one that issues when left out. */
  readonly authority?: string;
}

/**
 * Judges a configuration's CA as a start would and beyond: chain, key, and a signature of it over a text that is worth nothing.
 *
 * @throws ConfigError for a CA that is made in memory at each start
 * @throws MayflyError `internal` (FILE_NOT_READ, TRUST_INVALID) when a file to compare with cannot be used
 */
export async function checkCa(config: Config, options: CheckCaOptions): Promise<CaReport> {
  const { ca } = config;
  const { chain: file, signer } = chosenAuthority(config, options.authority);
  if (file === undefined || signer?.kind === "memory") {
    throw new ConfigError("ca.signer: a key that is forgotten at exit, and its chain, cannot be checked");
  }
  const { lifetimeSeconds, backdateSeconds } = ca;
  const leaf = { nowMs: systemClock.now(), lifetimeSeconds, backdateSeconds };
  const { certificates, findings, chain } = checkChain(readBytes(file, "ca.chain"), leaf);
  const all = [
    ...findings.map(({ rule, what }) => finding(rule, what)),
    ...(signer === undefined ? [] : await checkKey(config, { signer, chain, env: options.env })),
    ...(options.trustedRoot === undefined ? [] : compareTrust(certificates, options.trustedRoot)),
  ];
  return { chain: file, certificates: certificates.map(describe), findings: worstFirst(all) };
}

/** Staged ones are judged before they are activated; those without a signer by their chain alone. */
function chosenAuthority(config: Config, name: string | undefined): AuthorityConfig {
  if (name === undefined) return activeAuthority(config);
  const { authorities } = config.ca;
  const chosen = authorities.find((authority) => authority.name === name);
  if (chosen !== undefined) return chosen;
  const names = authorities.map((authority) => authority.name).join(", ");
  throw new ConfigError(`--authority: no issuing CA is called that; there are: ${names}`);
}

const finding = (rule: CaRule, what: string): CaFinding => ({ rule, ...CA_RULES[rule], what });

const RANK = { error: 0, warning: 1, note: 2 } as const;

function worstFirst(findings: readonly CaFinding[]): readonly CaFinding[] {
  return findings.toSorted((one, other) => RANK[one.severity] - RANK[other.severity]);
}

interface CheckedKey {
  readonly signer: SignerConfig;
  readonly chain: IssuerChain | undefined;
  readonly env: Environment;
}

async function checkKey(config: Config, { signer: from, chain, env }: CheckedKey): Promise<readonly CaFinding[]> {
  const development = config.environment === "development";
  let signer: Signer;
  try {
    // Whatever signs wrongly also rejects, and is found by that.
    signer = await openSigner(from, SIGNER_ROLES.ca, { env, development, onMismatch: () => undefined });
  } catch (error) {
    return [refusal("signer", error)];
  }
  try {
    return [
      ...(await attempt("development-key", () => {
        refuseDevelopmentKeys(config, [signer]);
      })),
      ...(await attempt("key-match", () => {
        if (chain !== undefined) assertSignerMatches(chain, signer.publicKey);
      })),
      ...(await attempt("test-signature", () => signForTest(signer))),
    ];
  } finally {
    await signer.close();
  }
}

/** Signed and verified here once more: what opened the signer may have proved it long ago, or elsewhere. */
async function signForTest(signer: Signer): Promise<void> {
  const key = createPublicKey({ key: Buffer.from(signer.publicKey), format: "der", type: "spki" });
  const signature = await signer.sign(LOAD_MESSAGE);
  if (verify(SIGNATURE_DIGEST[signer.algorithm], LOAD_MESSAGE, key, signature)) return;
  throw new MayflyError(
    "SIGNATURE_INVALID",
    "the signature over a test text does not verify under the key's public half",
  );
}

/** What `check` refuses, as a finding. */
async function attempt(rule: CaRule, check: () => unknown): Promise<readonly CaFinding[]> {
  try {
    await check();
    return [];
  } catch (error) {
    return [refusal(rule, error)];
  }
}

function refusal(rule: CaRule, error: unknown): CaFinding {
  if (!(error instanceof MayflyError)) throw error;
  return finding(rule, `${describeCauses(error)} (${error.reason})`);
}

function compareTrust(certificates: readonly CaCertificate[], file: string): readonly CaFinding[] {
  const ours = Buffer.concat(certificates.map(({ der }) => der));
  const chains = readTrustedChains(readBytes(file, "trusted root"));
  if (chains.some((chain) => Buffer.concat([...chain]).equals(ours))) return [];
  return [finding("trusted-root", `${file} has no authority whose chain is this one, octet for octet`)];
}

function readBytes(file: string, what: string): Uint8Array {
  try {
    return readFileSync(file);
  } catch (cause) {
    throw new MayflyError("FILE_NOT_READ", `${what} ${file} cannot be read`, { cause });
  }
}

function describe(certificate: CaCertificate): CheckedCertificate {
  const { commonName, der, subjectPublicKeyInfo, signatureAlgorithm, notBeforeMs, notAfterMs } = certificate;
  return {
    commonName,
    sha256: hash("sha256", der, "hex"),
    keySha256: hash("sha256", subjectPublicKeyInfo, "hex"),
    algorithm: signatureAlgorithm,
    notBefore: new Date(notBeforeMs).toISOString(),
    notAfter: new Date(notAfterMs).toISOString(),
  };
}
