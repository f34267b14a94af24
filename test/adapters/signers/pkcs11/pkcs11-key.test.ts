import { afterAll, beforeAll, describe, expect } from "@jest/globals";
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

describe("a key behind a module", () => {
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
