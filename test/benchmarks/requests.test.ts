import { describe, expect, it } from "@jest/globals";
import { createPublicKey, generateKeyPairSync, verify } from "node:crypto";
import { prepareRequests } from "../../benchmarks/requests.ts";
import type { HttpVersion } from "../../benchmarks/requests.ts";
import type { SigningRequest } from "../../src/core/issuance-types.ts";
import { parseSigningRequest } from "../../src/wire/signing-request.ts";
import { parseV1SigningRequest } from "../../src/wire/v1-signing-request.ts";

const keyPem = generateKeyPairSync("rsa", { modulusLength: 2048 }).privateKey.export({ type: "pkcs8", format: "pem" });
const TARGET = {
  host: "127.0.0.1",
  port: 5555,
  issuer: { url: "http://127.0.0.1:1", kid: "k", keyPem: String(keyPem) },
};

const READERS = { v1: parseV1SigningRequest, v2: parseSigningRequest };

/** The requests as the service reads them, with their first lines. */
function read(version: HttpVersion): readonly (SigningRequest & { readonly line: string })[] {
  return prepareRequests(TARGET, 3, version).map((bytes) => {
    const [head = "", body = ""] = Buffer.from(bytes).toString("utf8").split("\r\n\r\n");
    const [line = "", ...fields] = head.split("\r\n");
    const valuesOf = (name: string): string[] =>
      fields.filter((field) => field.startsWith(`${name}: `)).map((field) => field.slice(name.length + 2));
    expect(valuesOf("Content-Length")).toEqual([String(Buffer.byteLength(body))]);
    return { line, ...READERS[version](Buffer.from(body), valuesOf("Authorization")) };
  });
}

describe("requests of the benchmark", () => {
  it.each(["v1", "v2"] as const)("of %s have each a token, a key and a proof of their own", (version) => {
    const requests = read(version);
    expect(new Set(requests.map(({ idToken }) => idToken)).size).toBe(3);
    for (const { line, idToken, key } of requests) {
      expect(line).toBe(`POST /api/${version}/signingCert HTTP/1.1`);
      if (key.kind !== "public-key") throw new Error("no key");
      const claims = JSON.parse(Buffer.from(idToken.split(".")[1] ?? "", "base64url").toString()) as { sub: string };
      const publicKey = createPublicKey(Buffer.from(key.publicKey).toString());
      expect(verify("sha256", Buffer.from(claims.sub), publicKey, key.proof)).toBe(true);
    }
  });
});
