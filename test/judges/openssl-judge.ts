import { createPublicKey, X509Certificate } from "node:crypto";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pemOf } from "../support/certificate-fixtures.ts";
import { openssl } from "../support/openssl.ts";
import type { CertificateFacts } from "./facts.ts";
import type { JudgedCertificate } from "./issue-case.ts";
import type { Judge, Judgement } from "./judge.ts";

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString("hex");

/**
 * How exactly the OpenSSL command is asked about times: each certificate at both ends, or all at once without. OpenSSL
 * counts the second that notAfter names as past, unlike RFC 5280 §4.1.2.5.
 */
export type TimesAsked = "each at its ends" | "none";

/**
 * OpenSSL: the command verifies the chains, strictly, and prints every certificate; the library inside Node.js reads dates
 * and key and checks the signature.
 */
export function makeOpensslJudge(times: TimesAsked): Judge {
  return (certificates) => {
    const folder = mkdtempSync(join(tmpdir(), "mayfly-judge-"));
    try {
      const faults = verifyChains(certificates, folder, times);
      const texts = printAll(certificates, folder);
      return Promise.resolve(
        certificates.map((certificate, at): Judgement => {
          const text = texts[at] ?? "";
          return {
            facts: { ...readText(text), ...readLibrary(certificate) },
            faults: [...faults[at]!, ...judgeText(text, certificate), ...judgeLibrary(certificate)],
          };
        }),
      );
    } finally {
      rmSync(folder, { recursive: true });
    }
  };
}

function verifyChains(certificates: readonly JudgedCertificate[], folder: string, times: TimesAsked): string[][] {
  const faults = certificates.map((): string[] => []);
  const paths = certificates.map(({ leaf }, at) => {
    const path = join(folder, `${at}.pem`);
    writeFileSync(path, pemOf(leaf));
    return path;
  });
  for (const [at, { from, facts }] of certificates.entries()) {
    if (times === "none") break;
    const [notBefore, notAfter] = [Date.parse(facts.notBefore) / 1000, Date.parse(facts.notAfter) / 1000];
    for (const [moment, isGood] of [
      [notBefore, true],
      [notAfter - 1, true],
      [notBefore - 1, false],
      [notAfter, false],
    ] as const) {
      const said = verify(certificates[at]!, [paths[at]!], { folder, options: ["-attime", String(moment)] });
      const wanted = isGood ? /: OK$/mu : /error (?:9|10) at 0 depth/u;
      if (!wanted.test(said)) faults[at]!.push(`verified at ${moment} (${from.nowMs}): ${said}`);
    }
  }
  for (const group of Map.groupBy(certificates.keys(), (at) => hex(certificates[at]!.chain[0]!)).values()) {
    const said = verify(
      certificates[group[0]!]!,
      group.map((at) => paths[at]!),
      { folder, options: ["-no_check_time"] },
    );
    for (const at of group)
      if (!said.includes(`${paths[at]!}: OK`)) faults[at]!.push(`not verified: ${said.slice(0, 2_000)}`);
  }
  return faults;
}

/** What `openssl verify` says about leaves of one chain, whether it likes them or not. */
function verify(
  { chain }: JudgedCertificate,
  leaves: readonly string[],
  { folder, options }: { folder: string; options: readonly string[] },
): string {
  const [root, untrusted] = [join(folder, "root"), join(folder, "untrusted")];
  writeFileSync(root, pemOf(chain.at(-1)!));
  writeFileSync(untrusted, pemOf(...(chain.length === 1 ? chain : chain.slice(0, -1))));
  const strict = ["-x509_strict", "-check_ss_sig", "-purpose", "any", ...options];
  try {
    return openssl(["verify", ...strict, "-CAfile", root, "-untrusted", untrusted, ...leaves]);
  } catch (error) {
    const { stdout, stderr } = error as { stdout?: string; stderr?: string };
    return `${stdout ?? ""}${stderr ?? ""}`;
  }
}

/** The text of each certificate, from one run of the command. */
function printAll(certificates: readonly JudgedCertificate[], folder: string): readonly string[] {
  const path = join(folder, "all.pem");
  writeFileSync(path, pemOf(...certificates.map(({ leaf }) => leaf)));
  return openssl(["storeutl", "-certs", "-text", "-noout", path])
    .split(/^\d+: Certificate$/mu)
    .slice(1);
}

/** The indented block under an extension's heading. */
function block(text: string, heading: string): string {
  const start = text.indexOf(`\n            ${heading}`);
  if (start < 0) return "";
  const [, ...lines] = text.slice(start + 1).split("\n");
  const end = lines.findIndex((line) => !line.startsWith("                "));
  return lines
    .slice(0, end < 0 ? undefined : end)
    .map((line) => line.slice(16))
    .join("\n");
}

const OPENSSL_NAMES: Readonly<Record<string, string>> = {
  "Digital Signature": "digitalSignature",
  "Code Signing": "codeSigning",
};

/** How it writes an otherName whose value is a UTF8String: type-id, then what an unknown type is called: nothing. */
const USERNAME = /^othername: 1\.3\.6\.1\.4\.1\.57264\.1\.7::/u;

const named = (list: string): string[] =>
  list
    .trim()
    .split(", ")
    .map((name) => OPENSSL_NAMES[name] ?? name);

function readText(text: string): Partial<CertificateFacts> {
  const sct = block(text, "CT Precertificate SCTs:").replaceAll(/\s*\n\s*/gu, " ");
  const [, version = "", logId = "", time = "", extensions = ""] =
    /Version\s*: v(\d) .*Log ID\s*: ([0-9A-F: ]+) Timestamp\s*: (.+) GMT Extensions: ([0-9A-F: ]+) Signature/u.exec(
      sct,
    ) ?? [];
  const plain = (digits: string): string => digits.replaceAll(/[^0-9A-F]/gu, "").toLowerCase();
  return {
    keyUsage: named(block(text, "X509v3 Key Usage: critical")),
    extKeyUsage: named(block(text, "X509v3 Extended Key Usage:")),
    subjectKeyIdentifier: plain(block(text, "X509v3 Subject Key Identifier:")),
    authorityKeyIdentifier: plain(block(text, "X509v3 Authority Key Identifier:")),
    names: [
      block(text, "X509v3 Subject Alternative Name: critical")
        .trim()
        .replace(/^URI:/u, "uri:")
        .replace(USERNAME, "username:"),
    ],
    scts: [
      `v${version} ${plain(logId)} ${Date.parse(`${time.replace(/^(\w+) +(\d+) /u, "$1 $2, ").replace(/, (\S+) (\d+)$/u, ", $2 $1")} GMT`)} ${plain(extensions)}`,
    ],
  };
}

/** The command prints the octets of an extension it does not know, a dot for each that is not printable ASCII. */
function judgeText(text: string, { facts }: JudgedCertificate): string[] {
  const faults: string[] = [];
  const headings = [...text.matchAll(/^ {12}(1\.3\.6\.1\.4\.1\.57264\.1\.\d+): ?(critical)?$/gmu)];
  const stated = facts.order.filter((id) => id.startsWith("1.3.6.1.4.1.57264.1."));
  if (headings.map(([, id, critical]) => `${id!}${critical ?? ""}`).join() !== stated.join())
    faults.push("other extensions of Fulcio's");
  for (const [number, value] of Object.entries(facts.values)) {
    const utf8 = Buffer.from(value);
    const printed = printable(Number(number) < 8 ? utf8 : Buffer.concat([utf8StringHeader(utf8.length), utf8]));
    if (!text.includes(`\n            1.3.6.1.4.1.57264.1.${number}: \n                ${printed}\n`))
      faults.push(`.${number} says something else`);
  }
  if (!/Version: 3 \(0x2\)/u.test(text) || !/^ {8}Subject: ?$/mu.test(text)) faults.push("not v3, or a subject");
  return faults;
}

const printable = (octets: Uint8Array): string =>
  [...octets]
    .map((octet) =>
      (octet < 0x20 || octet > 0x7e) && octet !== 0x0a && octet !== 0x0d ? "." : String.fromCharCode(octet),
    )
    .join("");

/** Identifier and length of a UTF8String of up to 65,535 octets (X.690 §8.1.3). */
function utf8StringHeader(length: number): Uint8Array {
  if (length < 128) return Uint8Array.of(0x0c, length);
  return length < 256 ? Uint8Array.of(0x0c, 0x81, length) : Uint8Array.of(0x0c, 0x82, length >> 8, length & 0xff);
}

function readLibrary({ leaf }: JudgedCertificate): Partial<CertificateFacts> {
  const x509 = new X509Certificate(leaf);
  const iso = (date: Date): string => date.toISOString().replace(".000Z", "Z");
  return {
    serial: x509.serialNumber.toLowerCase().replace(/^(00)+/u, ""),
    notBefore: iso(x509.validFromDate),
    notAfter: iso(x509.validToDate),
    spki: hex(x509.publicKey.export({ type: "spki", format: "der" })),
  };
}

function judgeLibrary({ leaf, chain, precertificate }: JudgedCertificate): string[] {
  const issuer = new X509Certificate(chain[0]!);
  const key = createPublicKey(issuer.publicKey.export({ type: "spki", format: "pem" }));
  return [leaf, precertificate]
    .map((der) => new X509Certificate(der))
    .flatMap((x509) =>
      x509.verify(key) && x509.checkIssued(issuer) && !x509.ca ? [] : ["Node.js does not verify it"],
    );
}
