import { describe, expect, it } from "@jest/globals";
import { createPublicKey, hash } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { createMemorySigner } from "../../src/adapters/signers/memory.ts";
import { developmentKeyFingerprints, refuseDevelopmentKeys } from "../../src/compose/development-keys.ts";
import { openFileSigner } from "../../src/adapters/signers/file.ts";
import { loadConfig } from "../../src/config/load-config.ts";

const root = join(import.meta.dirname, "..", "..");
const folder = join(root, "keys-dev");
const production = loadConfig(join(root, "config", "mayfly.example.yaml"));
const development = loadConfig(join(root, "config", "mayfly.dev.yaml"));

const openKey = (name: string) =>
  openFileSigner({ path: join(folder, name), passphrase: "development", exposedFile: "allow" });

describe("the development keys", () => {
  it("are all listed by fingerprint, and nothing else is", async () => {
    const names = readdirSync(folder).filter((name) => name.endsWith(".json") && name !== "fingerprints.json");
    const signers = await Promise.all(names.map(openKey));
    const issuer = createPublicKey(readFileSync(join(folder, "issuer.pem"))).export({ type: "spki", format: "der" });
    const fingerprints = [...signers.map(({ publicKey }) => publicKey), issuer].map((key) =>
      hash("sha256", key, "hex"),
    );
    expect([...developmentKeyFingerprints()].sort()).toEqual(fingerprints.sort());
  });

  it("are refused in production", async () => {
    const signer = await openKey("log.json");
    expect(() => {
      refuseDevelopmentKeys(production, [createMemorySigner("ed25519"), signer]);
    }).toThrow(expect.objectContaining({ reason: "SIGNER_REFUSED" }));
  });

  it("are accepted in development, and other keys everywhere", async () => {
    refuseDevelopmentKeys(development, [await openKey("issuing.json")]);
    refuseDevelopmentKeys(production, [createMemorySigner("ecdsa-p256-sha256")]);
  });
});
