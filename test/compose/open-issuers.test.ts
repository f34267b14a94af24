import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { generateKeyPairSync } from "node:crypto";
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
  return { ...ISSUER, caCertificate };
}

const ISSUER: IssuerConfig = {
  url: "https://issuer.example.com",
  audience: "sigstore",
  identity: { kind: "email", emailTrust: "verified", acceptTextVerified: false },
  allowBroadWildcard: false,
  deny: [],
  allowInsecureHttp: false,
  allowPrivateNetwork: false,
  requireKeyProof: false,
  staleKeysSeconds: 3600,
  strictAudience: false,
  requireAzp: false,
  singleUse: false,
  maxLifetimeSeconds: 86_400,
  leewaySeconds: 60,
};

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

function fileWith(text: string): string {
  const file = join(folder, "issuer-file");
  writeFileSync(file, text);
  return file;
}

const { publicKey, privateKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });

describe("the key set file of an issuer", () => {
  it("is read", () => {
    const jwks = JSON.stringify({ keys: [publicKey.export({ format: "jwk" })] });
    const [settings] = openIssuers([{ ...ISSUER, jwksFile: fileWith(jwks) }]);
    expect(Buffer.from(settings?.jwks ?? []).toString()).toBe(jwks);
  });

  it.each([
    { name: "text", text: "hello", says: "" },
    { name: "a set without keys", text: '{"keys":[]}', says: "" },
    { name: "a private key", text: JSON.stringify({ keys: [privateKey.export({ format: "jwk" })] }), says: "" },
    { name: "larger than 128 KiB", text: " ".repeat(131_073), says: "larger than 131072 bytes" },
  ])("is not $name", ({ text, says }) => {
    const jwksFile = fileWith(text);
    expect(() => openIssuers([{ ...ISSUER, jwksFile }])).toThrow(ConfigError);
    expect(() => openIssuers([{ ...ISSUER, jwksFile }])).toThrow(says);
  });

  it("is not a file that is not there", () => {
    expect(() => openIssuers([{ ...ISSUER, jwksFile: join(folder, "none.json") }])).toThrow("cannot be read");
  });
});

describe("the token that an issuer's documents are asked for with", () => {
  const read = (file: string): Promise<string> | undefined =>
    openIssuers([{ ...ISSUER, bearerTokenFile: file }])[0]?.readBearerToken?.();

  it("is read each time, for Kubernetes replaces it", async () => {
    const file = fileWith("eyJ.first.token\n");
    const [settings] = openIssuers([{ ...ISSUER, bearerTokenFile: file }]);
    expect(await settings?.readBearerToken?.()).toBe("eyJ.first.token");
    fileWith("eyJ.second.token");
    expect(await settings?.readBearerToken?.()).toBe("eyJ.second.token");
  });

  it.each(["", "two words", "a\nb", "x\r\ny: z", "ü", "a".repeat(16_385)])(
    "is not %j, and is not told",
    async (text) => {
      const failure = await read(fileWith(text))?.catch((error: unknown) => String(error));
      expect(failure).toBe("Error: the file does not hold a bearer token and nothing else");
    },
  );
});
