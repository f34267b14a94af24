import { createHmac, createPublicKey } from "node:crypto";
import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import type { Reason } from "../../../src/core/errors.ts";
import { EMAIL_ISSUER, GITHUB_ISSUER, openDoor } from "../../support/door.ts";
import { badToken, reasonIn, TEXT } from "../../support/refusal.ts";
import type { Answer, Door } from "../../support/door.ts";
import { base64url, makeTokenKey, signParts, signToken, WRONG_TOKEN_TYPES } from "../../support/tokens.ts";
import type { TokenKey } from "../../support/tokens.ts";

/** Keys of the issuer beside the door's own P-256 key `ec-1`. */
const rsa = makeTokenKey("RS256", "rsa-1");
const p384 = makeTokenKey("ES384", "ec-384");
const pss: TokenKey = { ...rsa, alg: "PS256" };
const rs256Only: TokenKey = { ...rsa, jwk: { ...rsa.jwk, kid: "rsa-256", alg: "RS256" } };

let door: Door;
/** One whose issuer was never asked for anything. */
let fresh: Door;
beforeAll(async () => {
  door = await openDoor({ keys: (own) => [own, rsa, p384, rs256Only] });
  fresh = await openDoor();
});
afterAll(async () => {
  await door.close();
  await fresh.close();
});

const HEADER = { alg: "ES256", kid: "ec-1" };
const withHeader = (header: object, at = door): string =>
  signParts(at.key, JSON.stringify(header), JSON.stringify(at.claims()));

/** A good token with another signature. */
function resigned(change: (signature: Buffer) => Uint8Array, key = door.key): string {
  const token = signToken(key, door.claims());
  const end = token.lastIndexOf(".") + 1;
  return token.slice(0, end) + base64url(change(Buffer.from(token.slice(end), "base64url")));
}

describe("a header that can be refused without a key is, before anything is fetched", () => {
  const refuse = async (token: string, reason: Reason): Promise<void> => {
    const answer = await fresh.sign({ token });
    fresh.expectRefused(answer, badToken(reason));
    expect(fresh.fetched).toEqual([]);
  };

  it.each(["none", "None", "nOnE", "NONE", "", undefined, null, ["ES256"], 1, {}, "es256", "ES256 "])(
    "[E1] alg %j, with a signature and without one",
    async (alg) => {
      const token = withHeader({ ...HEADER, alg }, fresh);
      await refuse(token, "TOKEN_ALGORITHM");
      await refuse(token.slice(0, token.lastIndexOf(".") + 1), "TOKEN_MALFORMED");
    },
  );

  describe.each(["HS256", "HS384", "HS512"])("[E2] %s", (alg) => {
    it.each(["pem", "der", "jwk", "x"])("with the issuer's public key as its secret, as %s", async (form) => {
      const { jwk } = fresh.key;
      const key = createPublicKey({ key: jwk, format: "jwk" });
      const secret =
        form === "jwk"
          ? JSON.stringify(jwk)
          : form === "x"
            ? Buffer.from(jwk.x ?? "", "base64url")
            : form === "der"
              ? key.export({ format: "der", type: "spki" })
              : key.export({ format: "pem", type: "spki" });
      const input = [JSON.stringify({ alg, kid: "ec-1" }), JSON.stringify(fresh.claims())].map(base64url).join(".");
      await refuse(
        `${input}.${createHmac(`sha${alg.slice(2)}`, secret)
          .update(input)
          .digest("base64url")}`,
        "TOKEN_ALGORITHM",
      );
    });
  });

  it.each(["RS1", "ES256K", "RSA1_5", "ML-DSA-44", "dir", "ECDH-ES", "constructor", "__proto__"])(
    "[E3] alg %s, which is none for ID tokens",
    (alg) => refuse(withHeader({ ...HEADER, alg }, fresh), "TOKEN_ALGORITHM"),
  );

  it.each([1, null, true, ["ec-1"], { kid: "ec-1" }, "k".repeat(257)])("[E6] kid %j", (kid) =>
    refuse(withHeader({ ...HEADER, kid }, fresh), "TOKEN_HEADER_INVALID"),
  );

  it.each([["unknown"], [], "exp", ["exp", "exp"], ["alg"], ["b64"], null, {}])("[E9] crit %j", (crit) =>
    refuse(withHeader({ ...HEADER, crit, unknown: 1, exp: 1, b64: true }, fresh), "TOKEN_HEADER_INVALID"),
  );
  it("[E9] a crit that lists nothing but what is understood", () =>
    refuse(withHeader({ ...HEADER, crit: ["kid"] }, fresh), "TOKEN_HEADER_INVALID"));

  it.each([{ b64: false }, { b64: true }, { b64: false, crit: ["b64"] }])("[E10] %j", (members) =>
    refuse(withHeader({ ...HEADER, ...members }, fresh), "TOKEN_HEADER_INVALID"),
  );

  it.each(WRONG_TOKEN_TYPES)("[E11] typ %j", (typ) =>
    refuse(withHeader({ ...HEADER, typ }, fresh), typeof typ === "string" ? "TOKEN_TYPE" : "TOKEN_HEADER_INVALID"),
  );
});

describe("the algorithm of a token", () => {
  it.each([{}, { typ: "JWT" }, { typ: "jwt" }])("[E11] may come with %j", async (members) => {
    door.expectIssued(await door.sign({ token: withHeader({ ...HEADER, ...members }) }));
  });

  it.each(["RS384", "RS512", "PS384", "PS512", "ES512"])(
    "[E3] is none that the issuer does not announce: %s",
    async (alg) => {
      const kid = alg.startsWith("ES") ? "ec-1" : "rsa-1";
      door.expectRefused(await door.sign({ token: withHeader({ alg, kid }) }), badToken("TOKEN_ALGORITHM"));
    },
  );

  it.each<[string, () => string, Reason]>([
    ["a P-384 key under ES256", () => signToken(p384, door.claims(), { alg: "ES256" }), "TOKEN_ALGORITHM"],
    ["a P-256 key under ES384", () => signToken(door.key, door.claims(), { alg: "ES384" }), "TOKEN_ALGORITHM"],
    ["an RSA key under ES256", () => signToken(rsa, door.claims(), { alg: "ES256" }), "TOKEN_ALGORITHM"],
    ["a P-256 key under EdDSA", () => signToken(door.key, door.claims(), { alg: "EdDSA" }), "TOKEN_ALGORITHM"],
    ["a PSS signature under RS256", () => signToken(pss, door.claims(), { alg: "RS256" }), "TOKEN_SIGNATURE_INVALID"],
    [
      "a PKCS #1 signature under PS256",
      () => signToken(rsa, door.claims(), { alg: "PS256" }),
      "TOKEN_SIGNATURE_INVALID",
    ],
    ["PS256 by a key that is for RS256", () => signToken(pss, door.claims(), { kid: "rsa-256" }), "TOKEN_ALGORITHM"],
  ])("[E4] is the key's: %s", async (_name, token, reason) => {
    door.expectRefused(await door.sign({ token: token() }), badToken(reason));
  });
});

describe("the key of a token", () => {
  it("[E5] is the only one that fits when the token names none", async () => {
    door.expectIssued(await door.sign({ token: signToken(p384, door.claims(), { kid: undefined }) }));
    const other = makeTokenKey("ES384");
    door.expectRefused(
      await door.sign({ token: signToken(other, door.claims()) }),
      badToken("TOKEN_SIGNATURE_INVALID"),
    );
  });

  it("[E5] is looked for among the first ten that fit, and no further", async () => {
    const keys = Array.from({ length: 11 }, () => makeTokenKey("ES256"));
    const crowded = await openDoor({ keys: () => keys });
    for (const [at, key] of keys.entries()) {
      const answer = await crowded.sign({ token: signToken(key, crowded.claims()) });
      if (at < 10) crowded.expectIssued(answer);
      else crowded.expectRefused(answer, badToken("TOKEN_SIGNATURE_INVALID"));
    }
    await crowded.close();
  });

  it.each([
    "../../etc/passwd",
    "' OR 1=1 --",
    "https://evil.example/key",
    "a\0b",
    "constructor",
    "__proto__",
    "EC-1",
    "ec-1 ",
  ])("[E6] is not looked for anywhere but in the issuer's set: kid %j", async (kid) => {
    door.keepSecret(kid);
    const answer = await door.sign({ token: door.token({}, { kid }) });
    door.expectRefused(answer, badToken("TOKEN_KEY_UNKNOWN"));
    expect(new Set(door.fetched)).toEqual(
      new Set([`${EMAIL_ISSUER}/.well-known/openid-configuration`, `${EMAIL_ISSUER}/jwks`]),
    );
  });

  it("[E7] is fetched once more, and not again, for 500 tokens with invented kids; others are served", async () => {
    const crowd = await openDoor();
    crowd.expectIssued(await crowd.sign());
    expect(crowd.used.fetches).toBe(2);
    const tokens = Array.from({ length: 500 }, (_, at) => crowd.token({}, { kid: `invented-${at}` }));
    const reasons = new Set<string>();
    while (tokens.length > 0) {
      const answers = await Promise.all(tokens.splice(0, 50).map((token) => crowd.sign({ token })));
      for (const { status, text } of answers) reasons.add(`${status} ${String(reasonIn(text))}`);
    }
    expect([...reasons]).toEqual(["400 TOKEN_KEY_UNKNOWN"]);
    expect(crowd.used).toEqual({ signatures: 2, entries: 1, fetches: 3 });
    crowd.expectIssued(await crowd.sign());
    await crowd.close();
  });

  it("[E8] is never one that the token brings along, nor is any of its URLs fetched", async () => {
    const attacker = makeTokenKey("ES256", "ec-1");
    const brought = {
      jku: "https://evil.example/jwks",
      x5u: "https://evil.example/x5u",
      x5c: ["MIIB"],
      jwk: attacker.jwk,
      x5t: "AAAA",
    };
    const before = door.fetched.length;
    const forged = signToken(attacker, door.claims(), brought);
    door.expectRefused(await door.sign({ token: forged }), badToken("TOKEN_SIGNATURE_INVALID"));
    door.expectIssued(await door.sign({ token: door.token({}, brought) }));
    expect(door.fetched.length).toBe(before);
    expect(door.fetched.filter((url) => url.includes("evil"))).toEqual([]);
  });
});

describe("the signature of a token", () => {
  const half = (signature: Buffer, which: 0 | 1): Buffer => signature.subarray(which * 32, which * 32 + 32);
  const order = Buffer.from("ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551", "hex");

  it.each<[string, (signature: Buffer) => Uint8Array]>([
    ["an octet short", (signature) => signature.subarray(1)],
    ["an octet long", (signature) => Buffer.concat([signature, Buffer.alloc(1)])],
    ["all zero", (signature) => Buffer.alloc(signature.length)],
    ["zero in r", (signature) => Buffer.concat([Buffer.alloc(32), half(signature, 1)])],
    ["zero in s", (signature) => Buffer.concat([half(signature, 0), Buffer.alloc(32)])],
    ["the order in r", (signature) => Buffer.concat([order, half(signature, 1)])],
    ["the order in s", (signature) => Buffer.concat([half(signature, 0), order])],
    ["above the order in r", (signature) => Buffer.concat([Buffer.alloc(32, 0xff), half(signature, 1)])],
    ["above the order in s", (signature) => Buffer.concat([half(signature, 0), Buffer.alloc(32, 0xff)])],
    ["DER", (signature) => der(half(signature, 0), half(signature, 1))],
  ])("[E12] by ECDSA that is %s", async (_name, change) => {
    door.expectRefused(await door.sign({ token: resigned(change) }), badToken("TOKEN_SIGNATURE_INVALID"));
  });

  it.each<[string, (signature: Buffer) => Uint8Array]>([
    ["shorter than the modulus", (signature) => signature.subarray(1)],
    ["longer than the modulus", (signature) => Buffer.concat([Buffer.alloc(1), signature])],
    ["all zero", (signature) => Buffer.alloc(signature.length)],
    ["above the modulus", (signature) => Buffer.alloc(signature.length, 0xff)],
  ])("[E13] by RSA that is %s", async (_name, change) => {
    door.expectRefused(await door.sign({ token: resigned(change, rsa) }), badToken("TOKEN_SIGNATURE_INVALID"));
  });

  it("[E14] by the key of another configured issuer, under the same kid", async () => {
    const others = makeTokenKey("ES256", "ec-1");
    const two = await openDoor({ keys: (own, url) => (url === GITHUB_ISSUER ? [others] : [own]) });
    two.expectRefused(await two.sign({ token: signToken(others, two.claims()) }), badToken("TOKEN_SIGNATURE_INVALID"));
    const mine = signToken(two.key, two.claims({ iss: GITHUB_ISSUER }));
    two.expectRefused(await two.sign({ token: mine }), badToken("TOKEN_SIGNATURE_INVALID"));
    two.expectIssued(await two.sign());
    await two.close();
  });

  it("[E15] covers every bit of the token", async () => {
    const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    const token = signParts(door.key, JSON.stringify(HEADER), JSON.stringify(door.claims()));
    door.expectIssued(await door.sign({ token }));
    const used = door.used;
    const flip = (at: number, bit: number): string => {
      const index = alphabet.indexOf(token.charAt(at));
      return token.slice(0, at) + (index === -1 ? "~" : alphabet.charAt(index ^ bit)) + token.slice(at + 1);
    };
    const survivors: string[] = [];
    for (let at = 0; at < token.length; at += 16) {
      const places = Array.from({ length: Math.min(16, token.length - at) }, (_, more) => at + more);
      const flipped = places.flatMap((place) => [1, 2, 4, 8, 16, 32].map((bit) => flip(place, bit)));
      const answers = await Promise.all(flipped.map((each) => door.sign({ token: each })));
      survivors.push(...answers.filter((answer) => !isTokenRefusal(answer)).map(({ text }) => `${at}: ${text}`));
    }
    expect(survivors).toEqual([]);
    expect(door.used).toMatchObject({ signatures: used.signatures, entries: used.entries });
  });
});

/** Whether a token was refused, for any reason that is the token's. */
function isTokenRefusal({ status, text }: Answer): boolean {
  const { code, message } = JSON.parse(text) as { code?: number; message?: string };
  return status === 400 && code === 3 && message === TEXT.token;
}

/** Ecdsa-Sig-Value (RFC 3279 §2.2.3) of two numbers. */
function der(r: Uint8Array, s: Uint8Array): Buffer {
  const integer = (bytes: Uint8Array): Buffer => {
    const padded = (bytes[0] ?? 0) > 0x7f ? Buffer.concat([Buffer.of(0), bytes]) : bytes;
    return Buffer.concat([Buffer.of(0x02, padded.length), padded]);
  };
  const content = Buffer.concat([integer(r), integer(s)]);
  return Buffer.concat([Buffer.of(0x30, content.length), content]);
}
