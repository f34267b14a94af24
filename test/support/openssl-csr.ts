import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parsePem } from "../../src/core/encoding/pem.ts";
import { derChildren, parseDer } from "../../src/core/encoding/der-reader.ts";
import type { CallerKey } from "./caller-keys.ts";
import { tlv } from "./caller-keys.ts";

/** What a test asks OpenSSL for. */
export interface CsrOptions {
  /** In the form of `openssl req -subj`; empty by default. */
  readonly subject?: string;
  /** Further arguments of `openssl req`. */
  readonly args?: readonly string[];
}

/** A certification request by the OpenSSL command line tool, as PEM. */
export function opensslCsr(key: CallerKey, { subject = "/", args = [] }: CsrOptions = {}): Buffer {
  const folder = mkdtempSync(join(tmpdir(), "mayfly-csr-"));
  try {
    const keyFile = join(folder, "key.pem");
    writeFileSync(keyFile, key.privateKey.export({ type: "pkcs8", format: "pem" }));
    const command = ["req", "-new", "-key", keyFile, "-subj", subject, "-config", "/dev/null", ...args];
    return execFileSync("openssl", command, { stdio: ["ignore", "pipe", "ignore"] });
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** The DER parts of a certification request, to be put together differently. */
export interface CsrParts {
  readonly version: Uint8Array;
  readonly subject: Uint8Array;
  readonly spki: Uint8Array;
  readonly attributes: Uint8Array;
  readonly algorithm: Uint8Array;
  readonly signature: Uint8Array;
}

/** Takes a PEM request apart. */
export function takeApart(csr: Uint8Array): CsrParts {
  const [info, algorithm, signature] = derChildren(parseDer(parsePem(csr)[0]!.der));
  const [version, subject, spki, attributes] = derChildren(info!).map(({ bytes }) => bytes);
  return {
    version: version!,
    subject: subject!,
    spki: spki!,
    attributes: attributes!,
    algorithm: algorithm!.bytes,
    signature: signature!.bytes,
  };
}

/** The bytes that the signature of a request with these parts would cover. */
export function infoOf(parts: CsrParts): Buffer {
  return tlv(0x30, parts.version, parts.subject, parts.spki, parts.attributes);
}

/** DER of a request with these parts. */
export function putTogether(parts: CsrParts): Buffer {
  return tlv(0x30, infoOf(parts), parts.algorithm, parts.signature);
}
