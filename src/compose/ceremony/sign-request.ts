import { join } from "node:path";
import type { Ceremony } from "../../config/ceremony.ts";
import { ConfigError } from "../../config/load-config.ts";
import type { CaRequest } from "../../core/certificate/ca-request.ts";
import { readCaRequest } from "../../core/certificate/ca-request.ts";
import type { CaTemplate } from "../../core/certificate/ca-certificate.ts";
import { encodeCaName } from "../../core/certificate/ca-certificate.ts";
import { parseIssuerChain, readChainFile } from "../../core/certificate/issuer-chain.ts";
import type { CaCertificate } from "../../core/certificate/read-ca-certificate.ts";
import { readCaCertificate } from "../../core/certificate/read-ca-certificate.ts";
import { MayflyError } from "../../core/errors.ts";
import { developmentKeyFingerprints } from "../development-keys.ts";
import { drawSerialNumber } from "../serial-number.ts";
import { fingerprintOf, openCeremonyKeys } from "./ceremony-keys.ts";
import type { KeyedAuthority } from "./ceremony-keys.ts";
import { certify, toPem } from "./certify.ts";
import { CHAIN_FILE, makeFolder } from "./init-ca.ts";
import type { CeremonyContext } from "./ceremony-context.ts";
import { readKept } from "./keep-file.ts";
import type { Kept } from "./keep-file.ts";

/** What an offline root is asked to sign. */
export interface SignRequestOptions {
  /** The request's PEM. */
  readonly csr: Uint8Array;
  /** Hex SHA-256 of the key that is expected in it. */
  readonly expectedKeySha256: string;
  /** Of 365 days. */
  readonly years: number;
}

/** A signed certificate that is in its file, with the certificates above it. */
export interface KeptCertificate {
  readonly file: string;
  readonly kept: Kept;
  readonly commonName: string;
  readonly sha256: string;
  readonly notAfterMs: number;
}

/** Where signed certificates are kept, in the folder of the ceremony: one for each key, for ever. */
const SIGNED_FOLDER = "signed";
const YEAR_MS = 365 * 86_400_000;

/**
 * Signs the certificate of an issuing CA by its request. The request must be signed by its own key, that key must be the one that
 * somebody was told about, and its name one of this organization. What was signed for a key before is given again, and a second
 * certificate of it never.
 *
 * @throws ConfigError for another layout than `offline-root`
 * @throws MayflyError for a request that is refused: `invalid_csr`, `invalid_proof`, `profile_violation`, SIGNER_KEY_MISMATCH; for
 *   one whose certificate would outlive its parent: CA_EXPIRED; CEREMONY_CONFLICT; what opening keys and signing throw
 */
export async function signRequest(
  ceremony: Ceremony,
  options: SignRequestOptions,
  context: CeremonyContext,
): Promise<KeptCertificate> {
  if (ceremony.layout !== "offline-root") {
    throw new ConfigError(`layout: requests are signed by the layout offline-root; this is ${ceremony.layout}`);
  }
  const request = readExpected(options);
  const keys = await openCeremonyKeys(ceremony, context.env);
  try {
    const above = readAbove(ceremony, keys.authorities);
    const parent = keys.authorities.at(-1);
    if (parent === undefined || above[0] === undefined) throw new TypeError("a ceremony without authorities");
    requireNewName(request, ceremony, above);
    const file = join(ceremony.folder, SIGNED_FOLDER, `${fingerprintOf(request.subjectPublicKeyInfo)}.pem`);
    makeFolder(join(ceremony.folder, SIGNED_FOLDER));
    const template = templateFor({
      request,
      parent,
      organization: ceremony.organization,
      times: timesOf(file, options, context),
    });
    requireWithin(template, above[0]);
    const onSign = (): void => {
      context.onStep({ kind: "signing", file });
    };
    const ders = above.map(({ der }) => der);
    const { der, kept } = await certify({ file, template, signer: parent.key, above: ders, onSign });
    const chain = parseIssuerChain([der, ...ders].map(toPem).join(""), context.nowMs);
    const sha256 = Buffer.from(chain.fingerprints[0] ?? []).toString("hex");
    return { file, kept, commonName: request.name.commonName, sha256, notAfterMs: template.notAfterMs };
  } finally {
    await keys.close();
  }
}

function readExpected({ csr, expectedKeySha256 }: SignRequestOptions): CaRequest {
  const request = readCaRequest(csr);
  const fingerprint = fingerprintOf(request.subjectPublicKeyInfo);
  if (fingerprint !== expectedKeySha256) {
    throw new MayflyError(
      "SIGNER_KEY_MISMATCH",
      `the request is for the key ${fingerprint}, expected ${expectedKeySha256}`,
    );
  }
  if (developmentKeyFingerprints().has(fingerprint)) {
    throw new MayflyError("SIGNER_REFUSED", "the request is for a development key, whose private half everybody has");
  }
  return request;
}

/** The authorities' certificates as `ca init` left them, the lowest first, each for the key that stands in the ceremony. */
function readAbove({ folder }: Ceremony, authorities: readonly KeyedAuthority[]): readonly CaCertificate[] {
  const file = join(folder, CHAIN_FILE);
  const pem = readKept(file);
  if (pem === undefined) throw new MayflyError("FILE_NOT_READ", `${file} is not there: mayfly ca init makes it`);
  const above = readChainFile(pem).map(readCaCertificate);
  const keys = authorities.toReversed().map(({ key }) => key.publicKey);
  const isOurs =
    above.length === keys.length &&
    above.every(
      ({ subjectPublicKeyInfo }, at) => Buffer.compare(subjectPublicKeyInfo, keys[at] ?? new Uint8Array()) === 0,
    );
  if (isOurs) return above;
  throw new MayflyError("CEREMONY_CONFLICT", `${file} is not about the keys of this ceremony`);
}

function requireNewName(
  { name, subjectPublicKeyInfo }: CaRequest,
  { organization }: Ceremony,
  above: readonly CaCertificate[],
): void {
  if (name.organization !== organization) {
    throw new MayflyError(
      "CHAIN_INVALID",
      `the request is of the organization ${name.organization}, this root of ${organization}`,
    );
  }
  if (above.some(({ commonName }) => commonName === name.commonName)) {
    throw new MayflyError("CHAIN_INVALID", `the request has the CN of an authority above it: ${name.commonName}`);
  }
  if (above.some((one) => Buffer.compare(one.subjectPublicKeyInfo, subjectPublicKeyInfo) === 0)) {
    throw new MayflyError("CHAIN_INVALID", "the request has the key of an authority above it");
  }
}

/** What was drawn when it was signed, where it was; what is drawn now otherwise. */
type Times = Pick<CaTemplate, "serialNumber" | "notBeforeMs" | "notAfterMs">;

function timesOf(file: string, { years }: SignRequestOptions, { nowMs }: CeremonyContext): Times {
  const there = readKept(file);
  const [der] = there === undefined ? [] : readChainFile(there);
  if (der !== undefined) {
    const { serialNumber, notBeforeMs, notAfterMs } = readCaCertificate(der);
    return { serialNumber, notBeforeMs, notAfterMs };
  }
  const notBeforeMs = Math.floor(nowMs / 1000) * 1000;
  return { serialNumber: drawSerialNumber(), notBeforeMs, notAfterMs: notBeforeMs + years * YEAR_MS };
}

interface IssuingTemplate {
  readonly request: CaRequest;
  readonly parent: KeyedAuthority;
  readonly organization: string;
  readonly times: Times;
}

function templateFor({ request, parent, organization, times }: IssuingTemplate): CaTemplate {
  const issuer = { name: { organization, commonName: parent.commonName }, subjectPublicKeyInfo: parent.key.publicKey };
  const { name, subjectPublicKeyInfo } = request;
  return {
    subject: { name, subjectPublicKeyInfo },
    issuer,
    signatureAlgorithm: parent.key.algorithm,
    pathLength: 0,
    ...times,
  };
}

function requireWithin({ issuer, notBeforeMs, notAfterMs }: CaTemplate, parent: CaCertificate): void {
  const named = issuer === "self" ? undefined : encodeCaName(issuer.name);
  if (named === undefined || Buffer.compare(named, parent.subjectName) !== 0) {
    throw new MayflyError(
      "CEREMONY_CONFLICT",
      "the authority's certificate has another name than it has in this ceremony",
    );
  }
  if (notBeforeMs < parent.notBeforeMs) throw new MayflyError("CA_EXPIRED", "the authority above is not valid yet");
  if (notAfterMs <= parent.notAfterMs) return;
  const end = new Date(parent.notAfterMs).toISOString();
  throw new MayflyError("CA_EXPIRED", `it would outlive the authority above, which ends ${end}: give fewer years`);
}
