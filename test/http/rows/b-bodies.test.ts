import { readFileSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import type { Reason } from "../../../src/core/errors.ts";
import { EMAIL, openDoor } from "../../support/door.ts";
import { badKey, badProof, badToken, TEXT, malformed } from "../../support/refusal.ts";
import type { Answer, Door } from "../../support/door.ts";
import type { Refusal } from "../../support/refusal.ts";
import { opensslCsr } from "../../support/openssl-csr.ts";

let door: Door;
beforeAll(async () => {
  door = await openDoor();
});
afterAll(() => door.close());

interface Vector {
  readonly row: string;
  readonly name: string;
  readonly body?: string;
  readonly bodyHex?: string;
  readonly authorization?: readonly string[];
  readonly reason: Reason;
}

const text = readFileSync(new URL("../../vectors/invalid/signing-requests.json", import.meta.url), "utf8");
const { vectors } = JSON.parse(text) as { readonly vectors: readonly Vector[] };

/** How a fault in the form of a request is answered: by what it is a fault of. */
function refusalFor(reason: Reason): Refusal {
  if (reason.startsWith("TOKEN_")) return badToken(reason);
  if (reason.startsWith("KEY_")) return badKey(reason);
  if (reason.startsWith("CSR_")) return { ...badKey(reason), message: TEXT.csr };
  return malformed(reason);
}

const post = (body: string | Uint8Array): Promise<Answer> => door.call({ body });
const parts = (challenge = EMAIL) => ({
  credentials: { oidcIdentityToken: door.token() },
  publicKeyRequest: door.keyRequest(challenge) as { publicKey: { content: string }; proofOfPossession: string },
});

describe("a body or a token field that is wrong by itself is refused before issuance", () => {
  const named = vectors.map((vector) => ({ ...vector, id: `[${vector.row.replace(/0(?=\d)/u, "")}]` }));

  it.each(named)("$id $name", async ({ body = "", bodyHex, authorization = ["Bearer x.y.z"], reason }) => {
    const records = door.audit.records.length;
    const bytes = bodyHex === undefined ? Buffer.from(body) : Buffer.from(bodyHex, "hex");
    const { oidcIdentityToken } = (/"oidc_?[iI]dentity_?[tT]oken":"(?<oidcIdentityToken>[^"]*)"/u.exec(body)?.groups ??
      {}) as { oidcIdentityToken?: string };
    door.keepSecret(oidcIdentityToken ?? "", /MFkwEwYH[^\\"]*/u.exec(body)?.[0] ?? "");
    const headers = authorization.flatMap((value) => ["Authorization", Buffer.from(value).toString("latin1")]);
    const answer = await door.call({ body: bytes, headers });
    door.expectRefused(answer, refusalFor(reason));
    expect(answer.used.fetches).toBe(0);
    expect(door.audit.records).toHaveLength(records);
  });

  it("[B10] nesting of 100,000", async () => {
    door.expectRefused(await post("[".repeat(100_000)), malformed("JSON_TOO_COMPLEX"));
    door.expectRefused(await post('{"a":'.repeat(20_000)), malformed("JSON_TOO_COMPLEX"));
  });

  it("[B3] the other half of a surrogate pair, also in a name", async () => {
    door.expectRefused(await post(String.raw`{"x":"\udc00"}`), malformed("BODY_NOT_UTF8"));
    door.expectRefused(await post(String.raw`{"\ud800":1}`), malformed("BODY_NOT_UTF8"));
  });

  it("[B20] a body that ends before its Content-Length", async () => {
    const body = JSON.stringify(parts());
    const head = `POST /api/v2/signingCert HTTP/1.1\r\nHost: a\r\nContent-Length: ${body.length}\r\n\r\n`;
    const answer = await door.raw(head + body.slice(0, -1), { end: true });
    door.expectRefused(answer, malformed("BODY_INCOMPLETE"));
  });
});

describe("a request without a key", () => {
  it.each<[string, object]>([
    ["neither of them", {}],
    ["a key request of null", { publicKeyRequest: null }],
    ["an empty key request", { publicKeyRequest: {} }],
    ["an empty key", { publicKeyRequest: { publicKey: {} } }],
    ["a key of no content", { publicKeyRequest: { publicKey: { content: "" }, proofOfPossession: "" } }],
    ["an empty certification request", { certificateSigningRequest: "" }],
  ])("[B7] is refused for its key once its token is good: %s", async (_name, members) => {
    const body = { credentials: { oidcIdentityToken: door.token() }, ...members };
    door.expectRefused(await post(JSON.stringify(body)), badKey("KEY_MISSING"));
  });

  it("[B7] is refused for its token when that is bad", async () => {
    const body = { credentials: { oidcIdentityToken: door.token({ aud: "other" }) } };
    door.expectRefused(await post(JSON.stringify(body)), badToken("WRONG_AUDIENCE"));
  });
});

describe("a body with more than is needed is taken", () => {
  it.each<[string, object]>([
    ["of every type", { new: [{}], other: { deep: [[1]] }, flag: true, count: 1e300, nothing: null }],
    ["named like a field in other letters", { Credentials: {}, CREDENTIALS: 1, publickeyrequest: [] }],
    ["of the old API", { signedEmailAddress: "AAAA" }],
  ])("[B8] members that are unknown: %s", async (_name, members) => {
    door.expectIssued(await post(JSON.stringify({ ...members, ...parts() })));
  });

  it.each(["__proto__", "constructor", "toString", "hasOwnProperty", "prototype"])(
    "[B9] a member named %s, at every level",
    async (name) => {
      const before = Object.getOwnPropertyNames(Object.prototype);
      const hostile = `${JSON.stringify(name)}:{"polluted":1,"oidcIdentityToken":"evil","publicKey":{"content":"evil"}}`;
      const body = JSON.stringify(parts()).replaceAll("{", `{${hostile},`);
      const leaf = door.expectIssued(await post(body));
      expect(leaf.subjectAltName).toBe(`email:${EMAIL}`);
      expect(Object.getOwnPropertyNames(Object.prototype)).toEqual(before);
      expect(({} as Record<string, unknown>)["polluted"]).toBeUndefined();
      door.expectIssued(await door.sign());
    },
  );

  it.each(["RSA", "ecdsa", "ED25519", "", "NO_SUCH_ALGORITHM", 0, 2, 99, -1, null])(
    "[B15] the algorithm %j of a P-256 key",
    async (algorithm) => {
      const { credentials, publicKeyRequest } = parts();
      const publicKey = { algorithm, ...publicKeyRequest.publicKey };
      const body = { credentials, publicKeyRequest: { ...publicKeyRequest, publicKey } };
      door.expectIssued(await post(JSON.stringify(body)));
    },
  );
});

describe("bytes in a body", () => {
  const spellings: readonly (readonly [string, (text: string) => string])[] = [
    ["standard", (base64) => base64],
    ["standard without padding", (base64) => base64.replaceAll("=", "")],
    ["URL-safe", (base64) => base64.replaceAll("+", "-").replaceAll("/", "_")],
    ["URL-safe without padding", (base64) => Buffer.from(base64, "base64").toString("base64url")],
    ["in lines", (base64) => base64.replaceAll(/.{1,40}/gu, "$&\r\n")],
  ];

  it.each(spellings)("[B12] may be %s base64, as a proof", async (_name, spell) => {
    const { credentials, publicKeyRequest } = parts();
    const proofOfPossession = spell(publicKeyRequest.proofOfPossession);
    door.expectIssued(
      await post(JSON.stringify({ credentials, publicKeyRequest: { ...publicKeyRequest, proofOfPossession } })),
    );
  });

  it.each(spellings)("[B12] may be %s base64, as a certification request", async (_name, spell) => {
    const certificateSigningRequest = spell(opensslCsr(door.callerKey).toString("base64"));
    const body = { credentials: { oidcIdentityToken: door.token() }, certificateSigningRequest };
    door.expectIssued(await post(JSON.stringify(body)));
  });

  it("[B14] are read up to the greatest length", async () => {
    const { credentials, publicKeyRequest } = parts();
    const longProof = { ...publicKeyRequest, proofOfPossession: Buffer.alloc(2048, 1).toString("base64") };
    const longKey = { ...publicKeyRequest, publicKey: { content: "A".repeat(8192) } };
    const certificateSigningRequest = Buffer.alloc(16_384, 0x41).toString("base64");
    const send = (members: object): Promise<Answer> => post(JSON.stringify({ credentials, ...members }));
    door.expectRefused(await send({ publicKeyRequest: longProof }), badProof("PROOF_INVALID"));
    door.expectRefused(await send({ publicKeyRequest: longKey }), badKey("KEY_NOT_PEM"));
    door.expectRefused(await send({ certificateSigningRequest }), { ...badKey("CSR_NOT_PEM"), message: TEXT.csr });
  });

  it.each(["\0", "\u001b[31m", "\u000b", "\u007f", "\u0085"])(
    "[B16] are not looked at in a key with the character %j, which no output shows",
    async (character) => {
      const { credentials, publicKeyRequest } = parts();
      const content = `canary-in-the-key${character}${publicKeyRequest.publicKey.content}`;
      door.keepSecret("canary-in-the-key");
      const body = { credentials, publicKeyRequest: { ...publicKeyRequest, publicKey: { content } } };
      door.expectRefused(await post(JSON.stringify(body)), malformed("CONTROL_CHARACTER"));
    },
  );
});
