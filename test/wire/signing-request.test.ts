import { readFileSync } from "node:fs";
import { describe, expect, it } from "@jest/globals";
import fc from "fast-check";
import { MayflyError } from "../../src/core/errors.ts";
import type { SigningRequest } from "../../src/core/issuance-types.ts";
import { parseBearerToken, parseSigningRequest } from "../../src/wire/signing-request.ts";

interface Valid {
  readonly name: string;
  readonly body: string;
  readonly authorization: readonly string[];
  readonly idToken: string;
  readonly key:
    | { readonly kind: "public-key"; readonly publicKey: string; readonly proofBase64: string }
    | { readonly kind: "csr"; readonly csr: string };
}

interface Invalid {
  readonly row: string;
  readonly name: string;
  readonly body?: string;
  readonly bodyHex?: string;
  readonly authorization?: readonly string[];
  readonly reason: string;
}

function vectorsIn(folder: string): unknown {
  const text = readFileSync(new URL(`../vectors/${folder}/signing-requests.json`, import.meta.url), "utf8");
  return (JSON.parse(text) as { vectors: unknown }).vectors;
}

const VALID = vectorsIn("valid") as readonly Valid[];
const INVALID = vectorsIn("invalid") as readonly Invalid[];

const utf8 = (text: string): Uint8Array => Buffer.from(text, "utf8");
const parse = (body: unknown, authorization: readonly string[] = []): SigningRequest =>
  parseSigningRequest(utf8(JSON.stringify(body)), authorization);

function refusalOf(act: () => unknown): MayflyError {
  try {
    act();
  } catch (error) {
    if (error instanceof MayflyError) return error;
    throw error;
  }
  throw new Error("the request was taken");
}

const reasonOf = (act: () => unknown): string => refusalOf(act).reason;

/** What a request says, in a form that can be compared. */
function shown({ idToken, key }: SigningRequest): unknown {
  const text = (bytes: Uint8Array): string => Buffer.from(bytes).toString("utf8");
  return key.kind === "csr"
    ? { idToken, key: { kind: key.kind, csr: text(key.csr) } }
    : {
        idToken,
        key: {
          kind: key.kind,
          publicKey: text(key.publicKey),
          proofBase64: Buffer.from(key.proof).toString("base64"),
        },
      };
}

const PEM = "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n";
const TOKEN = { oidcIdentityToken: "a.b.c" };

describe("a signing request as a client sends it", () => {
  it.each(VALID)("is read: $name", ({ body, authorization, idToken, key }) => {
    expect(shown(parseSigningRequest(utf8(body), authorization))).toEqual({ idToken, key });
  });
});

describe("a signing request with a fault", () => {
  it.each(INVALID)("$row is refused for $reason: $name", ({ body = "", bodyHex, authorization, reason }) => {
    const bytes = bodyHex === undefined ? utf8(body) : Buffer.from(bodyHex, "hex");
    expect(reasonOf(() => parseSigningRequest(bytes, authorization ?? ["Bearer x.y.z"]))).toBe(reason);
  });

  it("B10 is refused without recursion when it is nested 100 000 deep", () => {
    const deep = "[".repeat(100_000);
    expect(reasonOf(() => parseSigningRequest(utf8(deep), []))).toBe("JSON_TOO_COMPLEX");
  });

  it("repeats nothing of the request in the error", () => {
    const messages = INVALID.map(({ body = "", authorization }) =>
      String(refusalOf(() => parseSigningRequest(utf8(body), authorization ?? []))),
    );
    expect(messages.filter((message) => /a\.b|AQ|BEGIN|YTpi/u.test(message))).toEqual([]);
  });
});

describe("fields of a signing request", () => {
  it("B07 makes an absent key an empty one, so that the token is judged first", () => {
    for (const body of [{ credentials: TOKEN }, { credentials: TOKEN, publicKeyRequest: {} }]) {
      expect(shown(parse(body))).toEqual({
        idToken: "a.b.c",
        key: { kind: "public-key", publicKey: "", proofBase64: "" },
      });
    }
  });

  it("takes an empty certification request for none, as Fulcio does", () => {
    expect(parse({ credentials: TOKEN, certificateSigningRequest: "" }).key.kind).toBe("public-key");
  });

  it("takes null for unset, also beside the other name of a field and in a oneof", () => {
    const body = {
      credentials: { oidcIdentityToken: null, oidc_identity_token: "a.b.c" },
      publicKeyRequest: null,
      certificateSigningRequest: "AQID",
    };
    expect(parse(body)).toMatchObject({ idToken: "a.b.c", key: { kind: "csr" } });
  });

  it("B08 B09 ignores unknown members, also those with names of prototypes", () => {
    const before = Object.getOwnPropertyNames(Object.prototype);
    const body = `{"__proto__":{"credentials":{"oidcIdentityToken":"evil"}},"constructor":{"prototype":{"x":1}},
      "toString":1,"new":[{}],"credentials":{"__proto__":{"oidcIdentityToken":"evil"},"oidcIdentityToken":"a.b.c"}}`;
    expect(parseSigningRequest(utf8(body), []).idToken).toBe("a.b.c");
    expect(Object.getOwnPropertyNames(Object.prototype)).toEqual(before);
    expect(({} as Record<string, unknown>)["x"]).toBeUndefined();
  });

  it("B15 ignores whatever the algorithm says", () => {
    for (const algorithm of ["RSA", "ecdsa", "ED25519", "", "PUBLIC_KEY_ALGORITHM_UNSPECIFIED", 0, 2, 99, -1, null]) {
      const body = { credentials: TOKEN, publicKeyRequest: { publicKey: { algorithm, content: PEM } } };
      expect(shown(parse(body))).toMatchObject({ key: { publicKey: PEM } });
    }
  });

  it.each([1.5, 2 ** 31, -(2 ** 31) - 1, 1e300])("refuses the algorithm %d, which no enum has", (algorithm) => {
    const body = { credentials: TOKEN, publicKeyRequest: { publicKey: { algorithm, content: PEM } } };
    expect(reasonOf(() => parse(body))).toBe("WRONG_TYPE");
  });

  it("B14 takes values of exactly the greatest length", () => {
    const bytes = (length: number): string => Buffer.alloc(length, 1).toString("base64");
    const key = { publicKey: { content: "A".repeat(8_192) }, proofOfPossession: bytes(2_048) };
    expect(parse({ credentials: TOKEN, publicKeyRequest: key }).key).toMatchObject({ kind: "public-key" });
    expect(parse({ credentials: TOKEN, certificateSigningRequest: bytes(16_384) }).key.kind).toBe("csr");
  });

  it("B12 reads bytes in both alphabets, padded or not, with line breaks anywhere", () => {
    const proofOf = (text: string): Buffer => {
      const { key } = parse({ credentials: TOKEN, publicKeyRequest: { proofOfPossession: text } });
      return Buffer.from(key.kind === "public-key" ? key.proof : []);
    };
    const spellings = fc.constantFrom<BufferEncoding>("base64", "base64url");
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), spellings, fc.boolean(), (bytes, spelling, padded) => {
        const encoded = Buffer.from(bytes).toString(spelling).replaceAll("=", "");
        const text = padded ? encoded.padEnd(Math.ceil(encoded.length / 4) * 4, "=") : encoded;
        const wrapped = text.replaceAll(/.{1,60}/gu, "$&\r\n");
        expect(proofOf(text).equals(bytes)).toBe(true);
        expect(proofOf(wrapped).equals(bytes)).toBe(true);
      }),
      { seed: 20261122 },
    );
  });

  it("never throws anything but a refusal, whatever the bytes", () => {
    const text = fc.oneof(
      fc.uint8Array(),
      fc.json().map(utf8),
      fc.jsonValue().map((value) => utf8(JSON.stringify(value))),
    );
    fc.assert(
      fc.property(text, (bytes) => {
        expect(reasonOf(() => parseSigningRequest(bytes, []))).toMatch(/^[A-Z_0-9]+$/u);
      }),
      { seed: 20261122 },
    );
  });
});

describe("the token of a request", () => {
  it("A10 is the one of the body when there are two, whatever the header holds", () => {
    for (const authorization of [["Bearer x.y.z"], ["Basic YTpi"], ["Bearer a", "Bearer b"], [""]]) {
      expect(parse({ credentials: TOKEN }, authorization).idToken).toBe("a.b.c");
    }
  });

  it("A08 is taken after the scheme in any case", () => {
    for (const scheme of ["Bearer", "bearer", "BEARER", "bEaReR"]) {
      expect(parseBearerToken([`${scheme} a.b.c`])).toBe("a.b.c");
    }
  });
});
