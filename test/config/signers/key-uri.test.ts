import { describe, expect, it } from "@jest/globals";
import { parseKeyUri } from "../../../src/config/signers/key-uri.ts";

const ARN = "arn:aws:kms:us-east-2:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab";

describe("a key URI", () => {
  it.each<[string, string, Record<string, unknown>]>([
    [`awskms:///${ARN}`, "aws-kms", { key: ARN }],
    ["awskms://localhost:4566/1234abcd", "aws-kms", { key: "1234abcd", endpoint: "https://localhost:4566" }],
    ["awskms:///alias/ca", "aws-kms", { key: "alias/ca" }],
    [
      "azurekms://v.vault.azure.net/ca/0123456789abcdef0123456789abcdef",
      "azure-key-vault",
      { vault: "https://v.vault.azure.net", key: "ca", version: "0123456789abcdef0123456789abcdef" },
    ],
    ["azurekms://v.vault.azure.net/ca", "azure-key-vault", { vault: "https://v.vault.azure.net", key: "ca" }],
    ...["cryptoKeyVersions", "versions"].map((word): [string, string, Record<string, unknown>] => [
      `gcpkms://projects/p/locations/l/keyRings/r/cryptoKeys/k/${word}/7`,
      "google-kms",
      { keyVersion: "projects/p/locations/l/keyRings/r/cryptoKeys/k/cryptoKeyVersions/7" },
    ]),
    ["hashivault://mayfly-ca", "vault", { key: "mayfly-ca" }],
    [
      "pkcs11:token=my%20token;object=ca;id=%01%ab;type=private?module-path=/usr/lib/p11.so&pin-source=file:/run/pin",
      "pkcs11",
      {
        module: "/usr/lib/p11.so",
        pin: { file: "/run/pin" },
        token: { label: "my token" },
        key: { label: "ca", id: "01ab" },
      },
    ],
    ["pkcs11:serial=0a0b;object=ca", "pkcs11", { token: { serial: "0a0b" }, key: { label: "ca" } }],
    ["pkcs11:object=ca?pin-source=/run/pin", "pkcs11", { pin: { file: "/run/pin" }, key: { label: "ca" } }],
    ["pkcs11:object=ca?pin-source=file:///run/pin", "pkcs11", { pin: { file: "/run/pin" }, key: { label: "ca" } }],
  ])("%s is a key of kind %s", (uri, kind, members) => {
    const parsed = parseKeyUri(uri);
    expect(JSON.parse(JSON.stringify(parsed))).toEqual({ kind, members });
  });

  it.each<[string, RegExp]>([
    ["", /expected a URI that begins with awskms/u],
    ["file:///keys/ca.pem", /expected a URI that begins/u],
    ["AWSKMS:///x", /expected a URI that begins/u],
    ["awskms://", /awskms:\/\/\[ENDPOINT\]/u],
    ["awskms://host", /awskms:\/\/\[ENDPOINT\]/u],
    ["azurekms://v.vault.azure.net", /VAULT-HOST/u],
    ["azurekms://v/ca/1/2", /VAULT-HOST/u],
    ["gcpkms://projects/p/locations/l/keyRings/r/cryptoKeys/k", /with a version/u],
    ["hashivault://", /hashivault:\/\/KEY/u],
    ["hashivault://transit/ca", /hashivault:\/\/KEY/u],
    ["pkcs11:token=a;token=b", /RFC 7512/u],
    ["pkcs11:token", /RFC 7512/u],
    ["pkcs11:token=%zz", /RFC 7512/u],
    ["pkcs11:object=a?module-path=/a?pin-source=/b", /RFC 7512/u],
    ["pkcs11:object=a;type=cert", /type must be private/u],
    ["pkcs11:object=a;slot-id=1", /only token, serial/u],
  ])("%j is refused", (uri, problem) => {
    expect(parseKeyUri(uri)).toEqual({ problem: expect.stringMatching(problem) });
  });

  it("with a PIN in it is refused without repeating it", () => {
    const parsed = parseKeyUri("pkcs11:object=ca?pin-value=1234567");
    expect(parsed).toEqual({ problem: expect.stringContaining("a PIN must not stand in a URI") });
    expect(JSON.stringify(parsed)).not.toContain("1234567");
  });
});
