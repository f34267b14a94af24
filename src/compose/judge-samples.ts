import { generateKeyPairSync, sign } from "node:crypto";
import { readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { systemClock } from "../adapters/clock/system-clock.ts";
import { TokenUses } from "../adapters/limits/token-uses.ts";
import { judgeUnsigned } from "../adapters/oidc/judge-unsigned.ts";
import type { UnsignedToken } from "../adapters/oidc/judge-unsigned.ts";
import type { IssuerSettings } from "../adapters/oidc/issuer-settings.ts";
import { openTokenVerifier } from "../adapters/oidc/open-token-verifier.ts";
import { parseToken } from "../adapters/oidc/parse-token.ts";
import { createMemorySigner } from "../adapters/signers/memory.ts";
import { ConfigError } from "../config/load-config.ts";
import { buildTemplate } from "../core/certificate/build-template.ts";
import { describeCertificate } from "../core/certificate/describe-certificate.ts";
import type { DescribedExtension, DescribedName } from "../core/certificate/describe-certificate.ts";
import { parseIssuerChain } from "../core/certificate/issuer-chain.ts";
import { lintTemplate } from "../core/certificate/lint-template.ts";
import { isJsonObject, JsonError, parseJson } from "../core/encoding/json-reader.ts";
import type { JsonObject, JsonValue } from "../core/encoding/json-reader.ts";
import { MayflyError } from "../core/errors.ts";
import type { Reason } from "../core/errors.ts";
import { applyClaimRules } from "../core/identity/apply-claim-rules.ts";
import { derivePrincipal } from "../core/identity/derive-principal.ts";
import type { PermittedIdToken, VerifiedIdToken } from "../core/identity/id-token.ts";
import { provePossession } from "../core/proof/prove-possession.ts";
import { signPrecertificate } from "../issuance/sign-certificate.ts";
import { makeCaChain } from "./make-ca.ts";
import { drawSerialNumber } from "./serial-number.ts";

/** What would become of one recorded token. */
export type SampleJudgement = {
  readonly file: string;
  /** What was not looked at. */ readonly skipped: readonly string[];
} & (
  | {
      readonly outcome: "certificate";
      readonly issuer: string;
      readonly audience: string;
      /** Name of the rule that allows it. */
      readonly rule: string;
      readonly names: readonly DescribedName[];
      readonly extensions: readonly DescribedExtension[];
    }
  | { readonly outcome: "refused"; readonly reason: Reason; readonly detail: string }
);

/** A token is at most 16 KiB, and JSON of its claims may be written generously. */
const MAX_SAMPLE_BYTES = 64 * 1024;
const MAX_SAMPLES = 1000;
const JSON_LIMITS = { maxDepth: 8, maxMembers: 2000 };

/**
 * Says of each file in a folder what would become of the token in it: a compact JWT, or JSON of claims.
 *
 * @param isOnline whether signatures and times count, for which issuers' keys are fetched
 * @throws ConfigError when the folder cannot be read or holds no sample
 */
export async function judgeSamples(
  issuers: readonly IssuerSettings[],
  folder: string,
  isOnline: boolean,
): Promise<readonly SampleJudgement[]> {
  const describe = await openDraftCa();
  const verifier = isOnline ? openTokenVerifier({ issuers, clock: systemClock }) : undefined;
  const judgements: SampleJudgement[] = [];
  try {
    for (const file of listSamples(folder)) {
      let skipped: readonly string[] = [];
      try {
        const { token, text } = readSample(join(folder, file));
        const isVerified = verifier !== undefined && text !== undefined;
        skipped = isVerified ? [] : ["signature", "times"];
        const verified = isVerified ? await verifier.verifyIdToken(text, Date.now()) : judgeUnsigned(issuers, token);
        judgements.push({ file, skipped, ...(await draft(verified, describe)) });
      } catch (error) {
        if (!(error instanceof MayflyError)) throw error;
        judgements.push({ file, skipped, outcome: "refused", reason: error.reason, detail: error.message });
      }
    }
    return judgements;
  } finally {
    await verifier?.close();
  }
}

function listSamples(folder: string): readonly string[] {
  let files: readonly string[];
  try {
    files = readdirSync(folder, { withFileTypes: true })
      .filter((entry) => !entry.isDirectory() && !entry.name.startsWith("."))
      .map(({ name }) => name)
      .sort();
  } catch (cause) {
    throw new ConfigError(`${folder}: cannot be read`, { cause });
  }
  if (files.length === 0) throw new ConfigError(`${folder}: no sample token in it`);
  if (files.length > MAX_SAMPLES) throw new ConfigError(`${folder}: more than ${String(MAX_SAMPLES)} files`);
  return files;
}

function readSample(file: string): { readonly token: UnsignedToken; readonly text?: string } {
  const bytes = readBounded(file);
  const text = bytes.toString("latin1").trim();
  if (!text.startsWith("{")) return { token: parseToken(text), text };
  try {
    const claims = parseJson(bytes, JSON_LIMITS);
    if (isJsonObject(claims)) return { token: { claims: withTimes(claims) } };
  } catch (cause) {
    if (!(cause instanceof JsonError)) throw cause;
    throw new MayflyError("TOKEN_MALFORMED", `not JSON of claims: ${cause.message}`, { cause });
  }
  throw new MayflyError("TOKEN_MALFORMED", "not JSON of claims");
}

function readBounded(file: string): Buffer {
  try {
    const stat = statSync(file);
    // A pipe would be waited for, and a device has no end.
    if (!stat.isFile()) throw new MayflyError("FILE_NOT_READ", `${file} is not a regular file`);
    if (stat.size > MAX_SAMPLE_BYTES) throw new MayflyError("TOKEN_TOO_LONG", "the file is larger than 64 KiB");
    return readFileSync(file);
  } catch (cause) {
    if (cause instanceof MayflyError) throw cause;
    throw new MayflyError("FILE_NOT_READ", `cannot read ${file}`, { cause });
  }
}

/** Claims that were written by hand need no times of their own. */
function withTimes(claims: JsonObject): JsonObject {
  if (claims.has("iat") || claims.has("exp")) return claims;
  const seconds = Math.floor(Date.now() / 1000);
  const time = (value: number): JsonValue => parseJson(Buffer.from(String(value)), JSON_LIMITS);
  return new Map([...claims, ["iat", time(seconds)], ["exp", time(seconds + 300)]]);
}

type Describe = (permitted: PermittedIdToken) => Promise<ReturnType<typeof describeCertificate>>;

async function draft(verified: VerifiedIdToken, describe: Describe) {
  // Each as if it were the first: a folder may have one token twice.
  if (verified.issuer.tokenChecks?.isForOneUse === true) new TokenUses().use(verified, Date.now());
  const permitted = applyClaimRules(verified);
  const { names, fulcio } = await describe(permitted);
  const { issuer, rule } = permitted;
  const made = { issuer: issuer.url, audience: issuer.audience, rule, names, extensions: fulcio };
  return { outcome: "certificate" as const, ...made };
}

/** A CA of keys that are forgotten at once: what it signs is looked at and thrown away. */
async function openDraftCa(): Promise<Describe> {
  const nowMs = Date.now();
  const [root, issuing] = [createMemorySigner("ecdsa-p256-sha256"), createMemorySigner("ecdsa-p256-sha256")];
  const issuer = parseIssuerChain(await makeCaChain({ organization: "Draft", root, issuing, nowMs }), nowMs);
  const { privateKey, publicKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
  const pem = Buffer.from(publicKey.export({ type: "spki", format: "pem" }));
  const keyPolicy = {
    permittedAlgorithms: new Set(["ecdsa-sha2-256-nistp256"] as const),
    forbiddenKeys: new Set<string>(),
  };
  return async (permitted) => {
    const principal = derivePrincipal(permitted);
    const proof = sign("sha256", Buffer.from(principal.challenge), privateKey);
    const key = await provePossession({ kind: "public-key", publicKey: pem, proof }, principal, keyPolicy);
    const serialNumber = drawSerialNumber();
    const parts = { principal, key, nowMs, issuer, serialNumber, lifetimeSeconds: 600, backdateSeconds: 0 };
    const { der } = await signPrecertificate(lintTemplate(buildTemplate(parts)), issuing);
    return describeCertificate(der);
  };
}
