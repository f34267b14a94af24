import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { startFakeVault, type FakeVault } from "../fakes/fake-vault.ts";
import { CEREMONY_KEYS, fileSigner, openCeremonyFolder } from "../support/keys/ceremony-folder.ts";
import { openssl } from "../support/openssl.ts";

const lab = openCeremonyFolder();
let vault: FakeVault;

const inVault = (key: string): string =>
  `{ kind: vault, address: "${vault.address}", key: ${key}, version: 1, attemptSeconds: 0.4, attempts: 1, ` +
  `auth: { kind: token, token: { file: token } } }`;

beforeAll(async () => {
  vault = await startFakeVault();
  writeFileSync(lab.path("token"), vault.staticToken, { mode: 0o600 });
  await lab.addKey("issuing", CEREMONY_KEYS["p256"]!());
});

afterAll(async () => {
  await vault.close();
  lab.remove();
});

/** A root in the key service above an issuing CA in a file, and the keys of its log in the service. */
function mixed(folder: string): string {
  const signer = inVault(vault.keyName("ecdsa-p256-sha256", "log"));
  const checkpointSigner = inVault(vault.keyName("ed25519", "checkpoint"));
  return lab.write(
    `${folder}.yaml`,
    "layout: root-and-issuing",
    `folder: ${folder}`,
    `root: { signer: ${inVault(vault.keyName("ecdsa-p384-sha384", "root"))} }`,
    `issuing: { signer: ${fileSigner("issuing")} }`,
    `log: { origin: ca.example.com/log, signer: ${signer}, checkpointSigner: ${checkpointSigner} }`,
  );
}

const verify = (folder: string): string =>
  openssl(["verify", "-x509_strict", "-CAfile", lab.path(folder, "root.pem"), lab.path(folder, "issuing.pem")]);

describe("a ceremony with keys in a key service and in files", () => {
  it("makes a chain that OpenSSL verifies, and tells no token", async () => {
    const { code, stdout, stderr } = await lab.run("init", "--ceremony", mixed("mixed"));
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    expect(verify("mixed")).toContain("OK");
    for (const text of [stdout, ...Object.values(lab.files("mixed"))]) {
      for (const secret of vault.secrets()) expect(text).not.toContain(secret);
    }
  });

  it.each([
    ["answers 500", "status-500", "SIGNER_UNREACHABLE"],
    ["denies", "denied", "SIGNER_DENIED"],
    ["signs by another key", "other-key", "SIGNER_KEY_MISMATCH"],
    ["does not answer", "hang", "SIGNER_TIMEOUT"],
  ] as const)("signs nothing while the service %s, and goes on afterwards with one root", async (_, fault, reason) => {
    const folder = `away-${fault}`;
    await lab.run("init", "--ceremony", mixed(folder));
    const root = readFileSync(lab.path(folder, "root.pem"), "utf8");
    for (const name of ["issuing.pem", "chain.pem"]) rmSync(lab.path(folder, name));
    const left = lab.files(folder);
    vault.misbehave(fault);
    try {
      const { code, stderr } = await lab.run("init", "--ceremony", mixed(folder));
      expect({ code, reason: /\((?<reason>[A-Z_]+)\)\n$/u.exec(stderr)?.groups?.["reason"] }).toEqual({
        code: 1,
        reason,
      });
      expect(lab.files(folder)).toEqual(left);
    } finally {
      vault.misbehave(undefined);
    }
    expect((await lab.run("init", "--ceremony", mixed(folder))).code).toBe(0);
    expect(readFileSync(lab.path(folder, "root.pem"), "utf8")).toBe(root);
    expect(verify(folder)).toContain("OK");
  });

  it("makes a request by a key in the service", async () => {
    const issuing = inVault(vault.keyName("ecdsa-p256-sha256", "issuing"));
    const file = lab.write("remote.yaml", "layout: issuing-only", "folder: remote", `issuing: { signer: ${issuing} }`);
    expect((await lab.run("csr", "--ceremony", file)).code).toBe(0);
    expect(openssl(["req", "-in", lab.path("remote", "issuing.csr"), "-noout", "-verify", "-subject"])).toContain(
      "Example Ltd",
    );
  });
});
