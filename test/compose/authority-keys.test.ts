import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { generatePrivateKey } from "../../src/adapters/signers/memory.ts";
import { AuthorityKeys } from "../../src/compose/authority-keys.ts";
import type { SignerConfig } from "../../src/config/signer-schema.ts";
import { MayflyError } from "../../src/core/errors.ts";
import type { Signer } from "../../src/ports/signer.ts";
import { encryptCheaply } from "../support/operator-keys.ts";

const PLACE = { place: ["ca", "authorities", 1] };
const NOW_MS = Date.parse("2026-11-23T12:00:00Z");
const MESSAGE = Buffer.from("to be signed");
const MEMORY: SignerConfig = { kind: "memory" };

const folder = mkdtempSync(join(tmpdir(), "mayfly-authority-keys-"));
const path = join(folder, "ca.json");
const FILE: SignerConfig = { kind: "file", path, passphrase: { env: "P" } };

beforeAll(async () => {
  writeFileSync(path, await encryptCheaply(generatePrivateKey("ecdsa-p256-sha256"), "passphrase"), { mode: 0o600 });
});
afterAll(() => {
  rmSync(folder, { recursive: true });
});

const open = (judge: (signer: Signer) => void = () => undefined): AuthorityKeys =>
  new AuthorityKeys({
    opening: { env: { P: "passphrase" }, development: true, onMismatch: () => undefined },
    judge,
  });

describe("the keys of issuing CAs", () => {
  it("are shared by those who mean the same one, and closed behind the last of them", async () => {
    const keys = open();
    const [one, other] = [
      await keys.hold(FILE, PLACE, NOW_MS),
      await keys.hold({ ...FILE }, { place: ["ca"] }, NOW_MS),
    ];
    expect(other.signer).toBe(one.signer);
    await one.release();
    // Letting go twice must not take the key from the other.
    await one.release();
    await expect(other.signer.sign(MESSAGE)).resolves.toBeInstanceOf(Uint8Array);
    await other.release();
    await expect(other.signer.sign(MESSAGE)).rejects.toMatchObject({ reason: "SIGNER_REFUSED" });
    const again = await keys.hold(FILE, PLACE, NOW_MS);
    expect(again.signer).not.toBe(one.signer);
    await expect(again.signer.sign(MESSAGE)).resolves.toBeInstanceOf(Uint8Array);
    await again.release();
  });

  it("in memory keep the chain that was made for them", async () => {
    const keys = open();
    const one = await keys.hold(MEMORY, PLACE, NOW_MS);
    const other = await keys.hold(MEMORY, PLACE, NOW_MS + 1);
    expect(one.memoryChain).toContain("BEGIN CERTIFICATE");
    expect(other).toMatchObject({ signer: one.signer, memoryChain: one.memoryChain });
    await Promise.all([one.release(), other.release()]);
  });

  it("are closed again when they must not be used here", async () => {
    const judged: Signer[] = [];
    const keys = open((signer) => {
      judged.push(signer);
      throw new MayflyError("SIGNER_REFUSED", "one of a test");
    });
    await expect(keys.hold(FILE, PLACE, NOW_MS)).rejects.toMatchObject({ message: "one of a test" });
    await expect(judged[0]?.sign(MESSAGE)).rejects.toMatchObject({ reason: "SIGNER_REFUSED" });
    // Nothing of it stays for the next one.
    await expect(keys.hold(FILE, PLACE, NOW_MS)).rejects.toMatchObject({ message: "one of a test" });
    expect(judged).toHaveLength(2);
  });

  it("are named by their setting when they cannot be opened", async () => {
    const missing: SignerConfig = { ...FILE, path: join(folder, "none.json") };
    await expect(open().hold(missing, PLACE, NOW_MS)).rejects.toMatchObject({
      reason: "SIGNER_KEY_UNREADABLE",
      message: expect.stringContaining("ca.authorities[1].signer"),
    });
  });
});
