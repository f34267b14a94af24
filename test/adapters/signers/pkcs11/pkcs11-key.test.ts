import { afterAll, beforeAll, describe, expect } from "@jest/globals";
import { spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { openPkcs11Key } from "../../../../src/adapters/signers/pkcs11/pkcs11-key.ts";
import type { RemoteKey } from "../../../../src/adapters/signers/remote/remote-key.ts";
import { itWhen } from "../../../support/it-when.ts";

const ADDON = "node_modules/pkcs11js/build/Release/pkcs11.node";
const [itWithAddon, skipped] = itWhen(existsSync(resolve(ADDON)), "pkcs11js was not built, as without a C++ compiler");

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "mayfly-pkcs11-"));
});
afterAll(() => {
  rmSync(folder, { recursive: true, force: true });
});

const open = (module: string): Promise<RemoteKey> =>
  openPkcs11Key(
    { module, token: { label: "t" }, key: { label: "k" }, sessions: 1, readPin: () => "1234" },
    { name: "HSM key" },
  );

/** Asks a key while no file can be opened, and so no process be started. */
const WITHOUT_FILES = `
  import { openSync } from "node:fs";
  import { openPkcs11Key } from "./src/adapters/signers/pkcs11/pkcs11-key.ts";
  const choice = { token: { label: "t" }, key: { label: "k" } };
  const key = await openPkcs11Key({ module: "none.so", ...choice, sessions: 1, readPin: () => "1234" }, { name: "HSM key" });
  try { for (;;) openSync("/dev/null"); } catch {}
  for (let count = 0; count < 2; count++) {
    await key.fetchPublicKey(AbortSignal.timeout(5_000)).catch(({ kind, message }) => console.log(kind, message));
  }
`;

describe("a key behind a module", () => {
  itWithAddon(`whose process cannot be started, is unavailable, and ends nothing else${skipped}`, () => {
    const limited = 'ulimit -n 64 && exec "$0" --input-type=module-typescript --eval "$1"';
    const { stdout, status } = spawnSync("sh", ["-c", limited, process.execPath, WITHOUT_FILES], { encoding: "utf8" });
    expect(stdout).toBe("unavailable the module's process has ended: it cannot be started\n".repeat(2));
    expect(status).toBe(0);
  });

  itWithAddon(`that is not there, is no library, or is one of something else, is told so${skipped}`, async () => {
    const text = join(folder, "text.so");
    writeFileSync(text, "no library");
    for (const module of [join(folder, "none.so"), text, resolve(ADDON)]) {
      const key = await open(module);
      const asked = key.fetchPublicKey(AbortSignal.timeout(10_000));
      await expect(asked).rejects.toMatchObject({ kind: "unavailable", message: "the module cannot be loaded" });
      await key.close();
      await key.close();
      await expect(key.fetchPublicKey(AbortSignal.timeout(10_000))).rejects.toMatchObject({ kind: "closed" });
    }
  });
});
