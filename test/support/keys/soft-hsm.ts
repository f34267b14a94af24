import { execFileSync } from "node:child_process";
import { mkdirSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { SignatureAlgorithm } from "../../../src/core/certificate/algorithms.ts";
import { installDebian } from "../clients/installation.ts";
import { registerSecret } from "../keep-output.ts";

/** SoftHSM and OpenSC, unpacked as `tools/keys/softhsm` pins them, or why they are not. */
export const SOFT_HSM = installDebian("softhsm", ["softhsm2-util", "pkcs11-tool"]);

const KEY_TYPES: Readonly<Record<SignatureAlgorithm, string>> = {
  "ecdsa-p256-sha256": "EC:prime256v1",
  "ecdsa-p384-sha384": "EC:secp384r1",
  "ecdsa-p521-sha512": "EC:secp521r1",
  "rsa-pkcs1-sha256": "rsa:3072",
  ed25519: "EC:edwards25519",
};

/** Tokens of SoftHSM in a folder, as an operator makes them. */
export interface SoftHsm {
  readonly module: string;
  readonly pin: string;
  /** Makes a pair whose private half cannot be taken out; whoever makes two of a label has two. */
  readonly makeKey: (algorithm: SignatureAlgorithm, key: { readonly label: string; readonly id: string }) => void;
  /** Anything of OpenSC's pkcs11-tool, logged in at the token `mayfly`. */
  readonly tool: (...args: readonly string[]) => string;
  readonly makeToken: (label: string) => void;
  /** Takes the tokens away, as somebody who pulls a plug, and puts them back. */
  readonly pull: () => void;
  readonly plug: () => void;
  readonly close: () => void;
}

/** Makes a token `mayfly`, and has this process and those that it starts use it. */
export function makeSoftHsm(folder: string): SoftHsm {
  if ("whyNot" in SOFT_HSM) throw new Error(SOFT_HSM.whyNot);
  const { commands, environment, folder: installed } = SOFT_HSM;
  const module = join(installed!, "usr/lib/softhsm/libsofthsm2.so");
  const tokens = join(folder, "tokens");
  mkdirSync(tokens, { recursive: true });
  const settings = join(folder, "softhsm2.conf");
  writeFileSync(settings, `directories.tokendir = ${tokens}\nobjectstore.backend = file\nlog.level = ERROR\n`);
  const before = process.env["SOFTHSM2_CONF"];
  process.env["SOFTHSM2_CONF"] = settings;
  const run = (command: string, args: readonly string[]): string =>
    execFileSync(commands[command]!, args, {
      encoding: "utf8",
      stdio: "pipe",
      env: { ...process.env, ...environment, SOFTHSM2_CONF: settings },
    });
  const pin = "8203-pin-of-a-test-token";
  registerSecret(pin);
  const makeToken = (label: string): void => {
    const pins = ["--so-pin", "security-officer", "--pin", pin];
    run("softhsm2-util", ["--module", module, "--init-token", "--free", "--label", label, ...pins]);
  };
  makeToken("mayfly");
  const login = ["--module", module, "--token-label", "mayfly", "--login", "--pin", pin];
  const tool = (...args: readonly string[]): string => run("pkcs11-tool", [...login, ...args]);
  return {
    module,
    pin,
    makeToken,
    tool,
    makeKey: (algorithm, { label, id }) => {
      tool("--keypairgen", "--key-type", KEY_TYPES[algorithm], "--label", label, "--id", id, "--usage-sign");
    },
    pull: () => {
      renameSync(tokens, `${tokens}-away`);
      mkdirSync(tokens);
    },
    plug: () => {
      rmSync(tokens, { recursive: true });
      renameSync(`${tokens}-away`, tokens);
    },
    close: () => {
      if (before === undefined) Reflect.deleteProperty(process.env, "SOFTHSM2_CONF");
      else process.env["SOFTHSM2_CONF"] = before;
    },
  };
}
