import type { DescribedCertificate } from "../core/certificate/describe-certificate.ts";
import type { FoundCertificate } from "../core/certificate/find-certificate.ts";
import type { SignedCertificateTimestamp } from "../core/ct/sct.ts";
import { encodeBase64 } from "../core/encoding/base64.ts";
import { printable, printableJson } from "./printable.ts";

/** A certificate and what is known about the logs it names. */
export interface ExplainedCertificate {
  readonly form: FoundCertificate["form"];
  readonly certificate: DescribedCertificate;
  /** Base URLs of logs by log id, lower-case hex. */
  readonly logs: ReadonlyMap<string, string>;
}

/** For people: sections of aligned lines, then commands to copy. Text of the certificate cannot move the cursor. */
export function explainAsText(explained: ExplainedCertificate): string {
  const { form, certificate } = explained;
  const issuers = issuersOf(certificate);
  const identity = identityOf(certificate, issuers);
  const lines = [
    `${certificate.isPrecertificate ? "precertificate" : "certificate"} in a ${form}; nothing of it is verified here`,
    ...row("identity", certificate.names.map(({ kind, value }) => `${value} (${kind})`).join(", ") || "none"),
    ...row("vouched for by", describeIssuers(issuers)),
    ...row("valid", `${certificate.notBefore.toISOString()} to ${certificate.notAfter.toISOString()}`),
    ...row("issued by", certificate.issuerName || "an empty name"),
    ...row("serial number", certificate.serialNumber),
    ...row("sha256", certificate.sha256),
    ...row("key", certificate.key),
    ...(certificate.isCa ? row("CA", "yes: it is no signer's certificate") : []),
    ...certificate.scts.flatMap((sct) => describeSct(sct, explained.logs)),
    ...(certificate.scts.length === 0 ? row("log", "none: no SCT is embedded") : []),
    "",
    "extensions",
    ...certificate.fulcio.map(({ oid, name, value }) => `  ${printable(name ?? oid)}: ${printable(value)}`),
    ...(certificate.fulcio.length === 0 ? ["  none of Fulcio's"] : []),
    ...(identity === undefined ? [] : describeVerification(identity, certificate)),
  ];
  return `${lines.join("\n")}\n`;
}

/** For programs: one line of JSON. */
export function explainAsJson({ form, certificate, logs }: ExplainedCertificate): string {
  const { notBefore, notAfter, scts, ...rest } = certificate;
  const described = {
    form,
    ...rest,
    notBefore: notBefore.toISOString(),
    notAfter: notAfter.toISOString(),
    scts: scts.map((sct) => ({
      logId: encodeBase64(sct.logId),
      time: new Date(sct.timestampMs).toISOString(),
      logIndex: sct.leafIndex ?? null,
      entry: entryUrl(sct, logs) ?? null,
    })),
  };
  return `${printableJson(described)}\n`;
}

function row(name: string, value: string): readonly string[] {
  return [`  ${name.padEnd(15)}${printable(value)}`];
}

function describeSct(sct: SignedCertificateTimestamp, logs: ReadonlyMap<string, string>): readonly string[] {
  const url = logs.get(Buffer.from(sct.logId).toString("hex"));
  const entry = entryUrl(sct, logs);
  const at = sct.leafIndex === undefined ? "" : `, entry ${String(sct.leafIndex)}`;
  return [
    ...row("log", `${url ?? encodeBase64(sct.logId)}${at}, at ${new Date(sct.timestampMs).toISOString()}`),
    ...(entry === undefined ? [] : row("its entry", entry)),
  ];
}

/** Where the entry can be read (RFC 6962 §4.6). */
function entryUrl(
  { logId, leafIndex }: SignedCertificateTimestamp,
  logs: ReadonlyMap<string, string>,
): string | undefined {
  const url = logs.get(Buffer.from(logId).toString("hex"));
  if (url === undefined || leafIndex === undefined) return undefined;
  return `${url}/ct/v1/get-entries?start=${String(leafIndex)}&end=${String(leafIndex)}`;
}

interface Identity {
  readonly name: string;
  readonly issuer: string;
}

const ISSUER = "1.3.6.1.4.1.57264.1.1";
const ISSUER_V2 = "1.3.6.1.4.1.57264.1.8";

/** Who issued the token: one, where the two extensions that tell agree. */
function issuersOf({ fulcio }: DescribedCertificate): readonly string[] {
  const told = [ISSUER_V2, ISSUER].flatMap((oid) => fulcio.filter((one) => one.oid === oid));
  return [...new Set(told.map(({ value }) => value))];
}

function describeIssuers(issuers: readonly string[]): string {
  const [issuer = "no issuer is named", ...others] = issuers;
  return others.length === 0 ? issuer : `two issuers, of which verifiers may take either: ${issuers.join(" and ")}`;
}

/** What verifiers compare; undefined unless there is exactly one name, and one issuer. */
function identityOf({ names }: DescribedCertificate, issuers: readonly string[]): Identity | undefined {
  const [name, ...otherNames] = names;
  const [issuer, ...otherIssuers] = issuers;
  if (name === undefined || name.kind === "other" || issuer === undefined) return undefined;
  return otherNames.length + otherIssuers.length > 0 ? undefined : { name: name.value, issuer };
}

/** cosign's flags for extensions .2 to .6. */
const COSIGN_FLAGS: readonly (readonly [oid: string, flag: string])[] = [
  ["1.3.6.1.4.1.57264.1.2", "--certificate-github-workflow-trigger"],
  ["1.3.6.1.4.1.57264.1.3", "--certificate-github-workflow-sha"],
  ["1.3.6.1.4.1.57264.1.4", "--certificate-github-workflow-name"],
  ["1.3.6.1.4.1.57264.1.5", "--certificate-github-workflow-repository"],
  ["1.3.6.1.4.1.57264.1.6", "--certificate-github-workflow-ref"],
];

function describeVerification({ name, issuer }: Identity, { fulcio }: DescribedCertificate): readonly string[] {
  const cosign = `--certificate-identity ${quote(name)} --certificate-oidc-issuer ${quote(issuer)}`;
  const workflow = COSIGN_FLAGS.flatMap(([oid, flag]) =>
    fulcio.filter((extension) => extension.oid === oid).map(({ value }) => `${flag} ${quote(value)}`),
  );
  return [
    "",
    "to accept this signer and no other",
    `  cosign verify-blob --bundle BUNDLE --trusted-root trusted_root.json ${cosign} FILE`,
    `  gitsign verify ${cosign}`,
    `  sigstore --trust-config client_trust_config.json verify identity --cert-identity ${quote(name)} --cert-oidc-issuer ${quote(issuer)} FILE`,
    ...(workflow.length === 0
      ? []
      : ["cosign can ask for this run of the workflow as well", `  ${workflow.join(" ")}`]),
  ];
}

/** A word of a POSIX shell; control characters are for `printf`, and stand there as text. */
function quote(text: string): string {
  return `'${printable(text).replaceAll("'", `'\\''`)}'`;
}
