import { execFileSync, spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pemOf, type TestCa } from "./certificate-fixtures.ts";

/** What OpenSSL prints for `args`; throws with its complaint when it exits with an error. */
export function openssl(args: readonly string[], input?: Uint8Array): string {
  return execFileSync("openssl", args, { input, encoding: "utf8", stdio: "pipe", maxBuffer: 2 ** 27 });
}

/** `openssl verify` of a leaf against its chain, strict, at the given time; throws with OpenSSL's reason. */
export function opensslVerify(leaf: Uint8Array, ca: TestCa, atMs: number): string {
  const folder = mkdtempSync(join(tmpdir(), "mayfly-openssl-"));
  try {
    const file = (name: string, ...certificates: Uint8Array[]): string => {
      const path = join(folder, name);
      writeFileSync(path, pemOf(...certificates));
      return path;
    };
    const trust = ["-CAfile", file("root.pem", ca.rootDer), "-untrusted", file("issuing.pem", ca.issuingDer)];
    const strict = ["-x509_strict", "-check_ss_sig", "-purpose", "any", "-attime", String(atMs / 1000)];
    return openssl(["verify", ...strict, ...trust, file("leaf.pem", leaf)]);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** What OpenSSL says of a leaf under its PEM chain, issuing CA first, root last: `leaf.pem: OK`, or why not. */
export function opensslVerdict(leaf: string, chain: readonly string[]): string {
  const folder = mkdtempSync(join(tmpdir(), "mayfly-openssl-"));
  try {
    writeFileSync(join(folder, "leaf.pem"), leaf);
    writeFileSync(join(folder, "root.pem"), chain.at(-1) ?? "");
    writeFileSync(join(folder, "above.pem"), chain.slice(0, -1).join("\n"));
    const trust = ["-CAfile", "root.pem", ...(chain.length > 1 ? ["-untrusted", "above.pem"] : [])];
    const run = spawnSync("openssl", ["verify", "-x509_strict", "-purpose", "any", ...trust, "leaf.pem"], {
      cwd: folder,
      encoding: "utf8",
    });
    return run.stdout + run.stderr;
  } finally {
    rmSync(folder, { recursive: true });
  }
}
