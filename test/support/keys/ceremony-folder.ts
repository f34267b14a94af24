import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { generateKeyPairSync } from "node:crypto";
import type { KeyObject } from "node:crypto";
import { generatePrivateKey } from "../../../src/adapters/signers/memory.ts";
import { encryptCheaply, PASSPHRASE } from "../operator-keys.ts";
import { runCli } from "../run-cli.ts";
import type { CliOutcome } from "../run-cli.ts";

/** Keys of authorities by name. */
export const CEREMONY_KEYS: Readonly<Record<string, () => KeyObject>> = {
  p256: () => generatePrivateKey("ecdsa-p256-sha256"),
  p384: () => generatePrivateKey("ecdsa-p384-sha384"),
  p521: () => generatePrivateKey("ecdsa-p521-sha512"),
  rsa2048: () => generateKeyPairSync("rsa", { modulusLength: 2048 }).privateKey,
  rsa3072: () => generateKeyPairSync("rsa", { modulusLength: 3072 }).privateKey,
  rsa4096: () => generateKeyPairSync("rsa", { modulusLength: 4096 }).privateKey,
  ed25519: () => generatePrivateKey("ed25519"),
};

/** A folder with key files and ceremony files, in which commands are run. */
export interface CeremonyFolder {
  readonly path: (...names: readonly string[]) => string;
  /** Makes a key file NAME.json. */
  readonly addKey: (name: string, key: KeyObject) => Promise<void>;
  /** Writes a ceremony file, whose lines stand below `organization: Example Ltd`. */
  readonly write: (file: string, ...lines: readonly string[]) => string;
  readonly run: (...args: readonly string[]) => Promise<CliOutcome>;
  /** Bytes of the files in a folder, as latin1 by name, those of folders in it too. */
  readonly files: (folder: string) => Readonly<Record<string, string>>;
  readonly remove: () => void;
}

/** `{ kind: file, … }` of a key that {@link CeremonyFolder.addKey} made. */
export const fileSigner = (name: string): string =>
  `{ kind: file, path: ${name}.json, passphrase: { file: passphrase } }`;

/** A fresh folder. */
export function openCeremonyFolder(): CeremonyFolder {
  const folder = mkdtempSync(join(tmpdir(), "mayfly-ceremony-"));
  const path = (...names: readonly string[]): string => join(folder, ...names);
  writeFileSync(path("passphrase"), `${PASSPHRASE}\n`, { mode: 0o600 });
  const files = (name: string): Record<string, string> =>
    Object.fromEntries(
      readdirSync(path(name), { recursive: true, encoding: "utf8" })
        .filter((file) => statSync(path(name, file)).isFile())
        .map((file) => [file, readFileSync(path(name, file), "latin1")]),
    );
  return {
    path,
    addKey: async (name, key) => {
      writeFileSync(path(`${name}.json`), await encryptCheaply(key, PASSPHRASE), { mode: 0o600 });
    },
    write: (file, ...lines) => {
      writeFileSync(path(file), `organization: Example Ltd\n${lines.join("\n")}\n`);
      return path(file);
    },
    run: (...args) => runCli(["ca", ...args]),
    files,
    remove: () => {
      rmSync(folder, { recursive: true });
    },
  };
}
