import { hash } from "node:crypto";
import type { TrustMaterial } from "./trust-material.ts";
import { ctLogId } from "./trusted-root.ts";

/**
 * What an operator publishes elsewhere, for others to compare: a line for each root certificate, log key and file, with its
 * SHA-256 in hex as `sha256sum` prints it.
 *
 * @param files their bytes by name
 */
export function encodeFingerprints(material: TrustMaterial, files: Readonly<Record<string, Uint8Array>>): Uint8Array {
  const roots = new Map(
    material.authorities.map(({ chain }): [string, string] => {
      const root = chain.certificates.at(-1) ?? new Uint8Array();
      return [sha256(root), `root certificate  ${printable(chain.rootSubject.commonName)}`];
    }),
  );
  const logs = material.ctLogs.map(({ publicKey, baseUrl }): [string, string] => [
    Buffer.from(ctLogId(publicKey)).toString("hex"),
    `log key           ${baseUrl}`,
  ]);
  const written = Object.entries(files).map(([name, bytes]): [string, string] => [
    sha256(bytes),
    `file              ${name}`,
  ]);
  const lines = [...roots, ...logs, ...written].map(([fingerprint, what]) => `${fingerprint}  ${what}\n`);
  return Buffer.from(lines.join(""), "utf8");
}

function sha256(bytes: Uint8Array): string {
  return hash("sha256", bytes, "hex");
}

/** A name in a certificate may hold anything, also what looks like another line. */
function printable(text: string): string {
  return text.replaceAll(/[^\p{L}\p{N}\p{P}\p{S} ]/gu, "?");
}
