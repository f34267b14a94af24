import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { execFileSync } from "node:child_process";
import { createPublicKey, X509Certificate } from "node:crypto";
import {
  chmodSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openFileSigner } from "../../src/adapters/signers/file.ts";
import { openssl } from "../support/openssl.ts";
import { runCli } from "../support/run-cli.ts";
import type { CliOutcome } from "../support/run-cli.ts";

const PASSPHRASE = "correct horse battery staple";
const folder = mkdtempSync(join(tmpdir(), "mayfly-cli-keys-"));
const at = (...names: readonly string[]): string => join(folder, ...names);
const passphraseFile = at("passphrase");

const keyCreate = (...args: readonly string[]): Promise<CliOutcome> => runCli(["key", "create", ...args]);
const caCreate = (directory: string, passphrase = passphraseFile): Promise<CliOutcome> =>
  runCli([
    ...["ca", "create", "--directory", directory, "--organization", "Example Ltd"],
    ...["--passphrase-file", passphrase],
  ]);

let key: CliOutcome;
let checkpointKey: CliOutcome;
let ca: CliOutcome;

beforeAll(async () => {
  writeFileSync(passphraseFile, `${PASSPHRASE}\n`, { mode: 0o600 });
  // Each costs its scrypt, so they are made once.
  key = await keyCreate("--out", at("log.json"), "--passphrase-file", passphraseFile);
  checkpointKey = await keyCreate("-a", "ed25519", "-o", at("checkpoint.json"), "--passphrase-file", passphraseFile);
  ca = await caCreate(at("keys"));
});

afterAll(() => {
  rmSync(folder, { recursive: true });
});

describe("key create", () => {
  it.each([
    ["P-256", "log.json", () => key, { asymmetricKeyType: "ec", asymmetricKeyDetails: { namedCurve: "prime256v1" } }],
    ["Ed25519", "checkpoint.json", () => checkpointKey, { asymmetricKeyType: "ed25519" }],
  ] as const)("prints the public key of a %s key as PEM, the one in the file", async (_, name, outcome, kind) => {
    const { code, stdout, stderr } = outcome();
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    expect(stdout).toMatch(/^-----BEGIN PUBLIC KEY-----\n[\s\S]*\n-----END PUBLIC KEY-----\n$/u);
    const printed = createPublicKey(stdout);
    expect(printed).toMatchObject(kind);
    const der = printed.export({ type: "spki", format: "der" });
    expect((JSON.parse(readFileSync(at(name), "utf8")) as { publicKey: string }).publicKey).toBe(
      der.toString("base64"),
    );
    const signer = await openFileSigner({ path: at(name), passphrase: PASSPHRASE });
    expect(Buffer.from(signer.publicKey).equals(der)).toBe(true);
    await signer.close();
  });

  it("writes a file that only its owner may read, and no private key in clear", () => {
    expect(statSync(at("log.json")).mode & 0o777).toBe(0o600);
    expect(readFileSync(at("log.json"), "utf8")).not.toContain("PRIVATE");
  });

  const REFUSALS: readonly [name: string, out: string, passphrase: () => string, says: string][] = [
    ["to overwrite a file", "log.json", () => passphraseFile, `${at("log.json")} was not written: EEXIST`],
    [
      "a folder that is not there",
      "none/key.json",
      () => passphraseFile,
      `${at("none/key.json")} was not written: ENOENT`,
    ],
    [
      "a passphrase file that is not there",
      "new.json",
      () => at("none"),
      `passphrase file ${at("none")} cannot be read: ENOENT`,
    ],
    ["an empty passphrase", "new.json", () => at("empty"), "needs a passphrase, and the one given is empty"],
  ];
  it.each(REFUSALS)("refuses %s, in one line and with exit code 1", async (_, out, passphrase, says) => {
    writeFileSync(at("empty"), "\n", { mode: 0o600 });
    const before = readFileSync(at("log.json"));
    const { code, stdout, stderr } = await keyCreate("--out", at(out), "--passphrase-file", passphrase());
    expect({ code, stdout }).toEqual({ code: 1, stdout: "" });
    expect(stderr).toMatch(/^mayfly: [^\n]+\n$/u);
    expect(stderr).toContain(says);
    expect(existsSync(at("new.json"))).toBe(false);
    expect(readFileSync(at("log.json")).equals(before)).toBe(true);
  });
});

describe("ca create", () => {
  it("prints the files it wrote, which only their owner may read", () => {
    const files = ["root.json", "issuing.json", "chain.pem"].map((name) => at("keys", name));
    expect(ca).toEqual({ code: 0, stdout: `${files.join("\n")}\n`, stderr: "" });
    expect(readdirSync(at("keys")).sort()).toEqual(["chain.pem", "issuing.json", "root.json"]);
    for (const file of files) expect(statSync(file).mode & 0o777).toBe(0o600);
  });

  it("makes a chain that OpenSSL verifies, of the organization it was given", () => {
    const [issuing = "", root = ""] =
      readFileSync(at("keys", "chain.pem"), "utf8").match(/-----BEGIN[^-]+-----[^-]+-----END[^-]+-----/gu) ?? [];
    writeFileSync(at("issuing.pem"), issuing);
    writeFileSync(at("root.pem"), root);
    const strict = ["-x509_strict", "-check_ss_sig"];
    expect(openssl(["verify", ...strict, "-CAfile", at("root.pem"), at("issuing.pem")])).toContain("OK");
    expect(new X509Certificate(issuing).subject.split("\n")).toEqual(["O=Example Ltd", "CN=Example Ltd issuing CA"]);
    expect(new X509Certificate(issuing).ca).toBe(true);
  });

  it.each(["root", "issuing"])("keeps the %s key under the passphrase, the one of its certificate", async (name) => {
    const signer = await openFileSigner({ path: at("keys", `${name}.json`), passphrase: PASSPHRASE });
    const certificate = new X509Certificate(readFileSync(at(`${name}.pem`)));
    expect(certificate.publicKey.export({ type: "spki", format: "der" }).equals(signer.publicKey)).toBe(true);
    await signer.close();
  });

  it("refuses a folder in which one of its files is, and leaves it as it was", async () => {
    const chain = readFileSync(at("keys", "chain.pem"));
    rmSync(at("keys", "root.json"));
    const { code, stdout, stderr } = await caCreate(at("keys"));
    expect({ code, stdout }).toEqual({ code: 1, stdout: "" });
    expect(stderr).toBe(`mayfly: ${at("keys", "issuing.json")} exists; nothing was written (FILE_NOT_WRITTEN)\n`);
    expect(readFileSync(at("keys", "chain.pem")).equals(chain)).toBe(true);
    expect(existsSync(at("keys", "root.json"))).toBe(false);
  });
});

describe.each([
  ["key create", (file: string) => keyCreate("--out", at("refused"), "--passphrase-file", file)],
  ["ca create", (file: string) => caCreate(at("refused"), file)],
] as const)("%s", (_, create) => {
  const expectRefusal = ({ code, stdout, stderr }: CliOutcome, says: string): void => {
    expect({ code, stdout, stderr }).toEqual({
      code: 1,
      stdout: "",
      stderr: `mayfly: passphrase file ${says} (SIGNER_KEY_UNREADABLE)\n`,
    });
    expect(existsSync(at("refused"))).toBe(false);
  };

  it.each([0o644, 0o604, 0o620])(
    "refuses a passphrase file that other accounts can read or write (mode %o)",
    async (mode) => {
      const open = at(`open-${String(mode)}`);
      writeFileSync(open, PASSPHRASE);
      chmodSync(open, mode);
      expectRefusal(
        await create(open),
        `${open} is open to other accounts (mode 0${mode.toString(8)}); set it to 0600, or 0640 for its group to read`,
      );
    },
  );

  it("refuses a passphrase file that is a named pipe, without waiting for it", async () => {
    const pipe = at("pipe");
    rmSync(pipe, { force: true });
    execFileSync("mkfifo", ["-m", "600", pipe]);
    expectRefusal(await create(pipe), `${pipe} is not a regular file`);
  });
});
