import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openIssuers } from "../../src/compose/open-issuers.ts";
import { ConfigError } from "../../src/config/load-config.ts";
import type { IssuerConfig } from "../../src/config/schema.ts";

const CHAIN = readFileSync(join(import.meta.dirname, "..", "..", "keys-dev", "chain.pem"), "utf8");

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "mayfly-issuers-"));
});
afterAll(() => {
  rmSync(folder, { recursive: true, force: true });
});

function issuerWith(text: string): IssuerConfig {
  const caCertificate = join(folder, "ca.pem");
  writeFileSync(caCertificate, text);
  return {
    url: "https://issuer.example.com",
    audience: "sigstore",
    identity: { kind: "email", skipEmailVerification: false },
    allowBroadWildcard: false,
    deny: [],
    allowInsecureHttp: false,
    allowPrivateNetwork: false,
    requireKeyProof: false,
    caCertificate,
  };
}

describe("the certificate authorities of an issuer", () => {
  it("are read, with the text that some tools write around them", () => {
    const text = `# Example Root\n${CHAIN}`;
    expect(openIssuers([issuerWith(text)])).toMatchObject([{ caCertificatePem: text }]);
  });

  it.each([
    { name: "a file without certificates", text: "hello", says: "expected certificates" },
    { name: "an empty file", text: "", says: "expected certificates" },
    { name: "a cut certificate", text: CHAIN.slice(0, 200), says: "expected certificates" },
    {
      name: "a private key beside the certificates",
      text: `${CHAIN}-----BEGIN PRIVATE KEY-----\n-----END PRIVATE KEY-----\n`,
      says: "expected certificates",
    },
    {
      name: "a certificate that is none",
      text: `${CHAIN}-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n`,
      says: "a certificate that cannot be read",
    },
  ])("are not $name", ({ text, says }) => {
    expect(() => openIssuers([issuerWith(text)])).toThrow(ConfigError);
    expect(() => openIssuers([issuerWith(text)])).toThrow(says);
  });

  it("are not a file that is not there", () => {
    expect(() => openIssuers([{ ...issuerWith(""), caCertificate: join(folder, "none.pem") }])).toThrow(
      "cannot be read",
    );
  });
});
