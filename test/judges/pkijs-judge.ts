import { type Constructed, fromBER, ObjectIdentifier, OctetString, Utf8String } from "asn1js";
import { createHash } from "node:crypto";
import {
  AltName,
  AuthorityKeyIdentifier,
  Certificate,
  CertificateChainValidationEngine,
  ExtKeyUsage,
  SignedCertificateTimestampList,
  verifySCTsForCertificate,
  type Extension,
  type GeneralName,
} from "pkijs";
import type { CertificateFacts } from "./facts.ts";
import type { JudgedCertificate } from "./issue-case.ts";
import type { Judge, Judgement } from "./judge.ts";

const hex = (bytes: ArrayBuffer | Uint8Array): string => Buffer.from(new Uint8Array(bytes)).toString("hex");
const FULCIO_ARC = "1.3.6.1.4.1.57264.1.";
const SCT_LIST = "1.3.6.1.4.1.11129.2.4.2";
const POISON = "1.3.6.1.4.1.11129.2.4.3";

/** pkijs: every field, both TBSCertificates encoded again, the chain at both ends of the validity, and the SCT. */
export const pkijsJudge: Judge = (certificates) => Promise.all(certificates.map(judgeOne));

async function judgeOne(certificate: JudgedCertificate): Promise<Judgement> {
  const faults: string[] = [];
  try {
    const leaf = Certificate.fromBER(certificate.leaf.slice());
    const chain = certificate.chain.map((der) => Certificate.fromBER(der.slice()));
    judgeEncodings(certificate, faults);
    await verifyChain(leaf, chain, faults);
    await verifySct(certificate, faults);
    return { facts: readFacts(leaf), faults };
  } catch (error) {
    return { facts: {}, faults: [...faults, `pkijs cannot read it: ${String(error)}`] };
  }
}

function extensionOf(certificate: Certificate, id: string): Extension {
  const extension = certificate.extensions?.find(({ extnID }) => extnID === id);
  if (extension === undefined) throw new Error(`no extension ${id}`);
  return extension;
}

function readFacts(leaf: Certificate): CertificateFacts {
  const { extensions = [] } = leaf;
  const parsed = (id: string): unknown => extensionOf(leaf, id).parsedValue;
  const usage = parsed("2.5.29.37");
  const alternatives = parsed("2.5.29.17");
  const authority = parsed("2.5.29.35");
  const key = parsed("2.5.29.14");
  const scts = parsed(SCT_LIST);
  if (!(usage instanceof ExtKeyUsage && alternatives instanceof AltName && key instanceof OctetString)) {
    throw new Error("extKeyUsage, subjectAltName or subjectKeyIdentifier has another form");
  }
  if (!(authority instanceof AuthorityKeyIdentifier && scts instanceof SignedCertificateTimestampList)) {
    throw new Error("authorityKeyIdentifier or the SCT list has another form");
  }
  return {
    serial: hex(leaf.serialNumber.valueBlock.valueHexView).replace(/^(00)+/u, ""),
    signatureAlgorithm: hex(leaf.signature.toSchema().toBER()),
    notBefore: leaf.notBefore.value.toISOString().replace(".000Z", "Z"),
    notAfter: leaf.notAfter.value.toISOString().replace(".000Z", "Z"),
    issuer: hex(leaf.issuer.toSchema().toBER()),
    subject: hex(leaf.subject.toSchema().toBER()),
    spki: hex(leaf.subjectPublicKeyInfo.toSchema().toBER()),
    keyUsage:
      hex(extensionOf(leaf, "2.5.29.15").extnValue.valueBlock.valueHexView) === "03020780" ? ["digitalSignature"] : [],
    extKeyUsage: usage.keyPurposes.map((purpose) => (purpose === "1.3.6.1.5.5.7.3.3" ? "codeSigning" : purpose)),
    subjectKeyIdentifier: hex(key.valueBlock.valueHexView),
    authorityKeyIdentifier: hex(authority.keyIdentifier?.valueBlock.valueHexView ?? new Uint8Array()),
    names: alternatives.altNames.map(readName),
    order: extensions.map(({ extnID, critical }) => (critical ? `${extnID} critical` : extnID)),
    values: Object.fromEntries(extensions.filter(({ extnID }) => extnID.startsWith(FULCIO_ARC)).map(readText)),
    scts: scts.timestamps.map(
      ({ version, logID, timestamp, extensions: more }) =>
        `v${version + 1} ${hex(logID)} ${timestamp.getTime()} ${hex(more)}`,
    ),
  };
}

/** An otherName as its parts: type-id, and `[0]` around the value. */
function readName({ type, value }: GeneralName): string {
  if (type !== 0) return `${{ 1: "email", 6: "uri" }[type] ?? type}:${String(value)}`;
  const [typeId, wrapper, ...rest] = (value as Constructed).valueBlock.value;
  const [text, ...more] = (wrapper as Constructed).valueBlock.value;
  const isUsername = typeId instanceof ObjectIdentifier && typeId.valueBlock.toString() === `${FULCIO_ARC}7`;
  if (!isUsername || !(text instanceof Utf8String) || rest.length + more.length > 0) throw new Error("an otherName");
  return `username:${text.getValue()}`;
}

/** Bare text up to number 7, a DER UTF8String from 8 on. */
function readText({ extnID, extnValue }: Extension): [string, string] {
  const number = extnID.slice(FULCIO_ARC.length);
  const octets = extnValue.valueBlock.valueHexView;
  if (Number(number) < 8) return [number, Buffer.from(octets).toString("utf8")];
  const { result, offset } = fromBER(octets.slice());
  if (!(result instanceof Utf8String) || offset !== octets.length) throw new Error(`${extnID} is not a UTF8String`);
  return [number, result.getValue()];
}

/** A structure that pkijs writes from what it read has the octets it was read from, and none for what was left out. */
function judgeEncodings({ leaf, precertificate, loggedTbs }: JudgedCertificate, faults: string[]): void {
  for (const [what, der, last] of [
    ["certificate", leaf, SCT_LIST],
    ["precertificate", precertificate, POISON],
  ] as const) {
    const certificate = Certificate.fromBER(der.slice());
    if (hex(certificate.toSchema(true).toBER()) !== hex(der)) faults.push(`the ${what} encoded again is another one`);
    if (certificate.extensions?.pop()?.extnID !== last) faults.push(`the ${what} does not end in ${last}`);
    if (hex(certificate.encodeTBS().toBER()) !== hex(loggedTbs)) {
      faults.push(`the ${what} encoded again without its last extension is not the logged TBS`);
    }
  }
}

async function verifyChain(leaf: Certificate, chain: readonly Certificate[], faults: string[]): Promise<void> {
  const moments = [
    [leaf.notBefore.value.getTime(), true],
    [leaf.notAfter.value.getTime(), true],
    [leaf.notBefore.value.getTime() - 1000, false],
    [leaf.notAfter.value.getTime() + 1000, false],
  ] as const;
  for (const [atMs, isGood] of moments) {
    const engine = new CertificateChainValidationEngine({
      certs: [...chain.slice(0, -1), leaf],
      trustedCerts: chain.slice(-1),
      checkDate: new Date(atMs),
    });
    const { result, resultMessage } = await engine.verify();
    if (result !== isGood) faults.push(`the chain at ${new Date(atMs).toISOString()}: ${result} ${resultMessage}`);
  }
}

async function verifySct({ leaf, chain, logKey }: JudgedCertificate, faults: string[]): Promise<void> {
  const log = {
    log_id: createHash("sha256").update(logKey).digest("base64"),
    key: Buffer.from(logKey).toString("base64"),
  };
  const issuer = Certificate.fromBER(chain[0]!.slice());
  const results = await verifySCTsForCertificate(Certificate.fromBER(leaf.slice()), issuer, [log]);
  if (results.length !== 1 || results[0] !== true) faults.push("the SCT does not verify");
}
