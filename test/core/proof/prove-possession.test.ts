import { constants, createHash, createPrivateKey, privateEncrypt, sign } from "node:crypto";
import { describe, expect, it } from "@jest/globals";
import fc from "fast-check";
import { MayflyError } from "../../../src/core/errors.ts";
import {
  CLIENT_SIGNING_ALGORITHMS,
  DEFAULT_CLIENT_SIGNING_ALGORITHMS,
} from "../../../src/core/proof/client-signing-algorithm.ts";
import type { ClientSigningAlgorithm } from "../../../src/core/proof/client-signing-algorithm.ts";
import type { KeyPolicy } from "../../../src/core/proof/key-policy.ts";
import { provePossession } from "../../../src/core/proof/prove-possession.ts";
import type { KeyAlgorithm, ProvenKey } from "../../../src/core/proof/public-key.ts";
import { flipBit, makeKey, pemOf, reasonOf, rsaSpki, spkiOf, tlv } from "../../support/caller-keys.ts";
import type { CallerKey } from "../../support/caller-keys.ts";

const CHALLENGE = "alice@example.com";
const policy: KeyPolicy = { permittedAlgorithms: DEFAULT_CLIENT_SIGNING_ALGORITHMS, forbiddenKeys: new Set() };

/** Order of P-256 (SEC 2 §2.4.2). */
const N = 0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551n;
/** DigestInfo of SHA-256 up to the hash (RFC 8017 §9.2, note 1). */
const SHA256_DIGEST_INFO = "3031300d060960864801650304020105000420";

const DIGESTS: Readonly<Record<KeyAlgorithm, string | null>> = {
  "ecdsa-p256": "sha256",
  "ecdsa-p384": "sha384",
  "ecdsa-p521": "sha512",
  "rsa-2048": "sha256",
  "rsa-3072": "sha256",
  "rsa-4096": "sha256",
  ed25519: null,
};
const TYPES = Object.keys(DIGESTS) as KeyAlgorithm[];
const EC_TYPES = TYPES.filter((type) => type.startsWith("ecdsa"));
const keys = Object.fromEntries(TYPES.map((type) => [type, makeKey(type)])) as Record<KeyAlgorithm, CallerKey>;
const p256 = keys["ecdsa-p256"];
const rsa = keys["rsa-2048"];
const ed25519 = keys.ed25519;

const text = (value: string): Buffer => Buffer.from(value);
const hex = (value: string): Buffer => Buffer.from(value, "hex");
const proofBy = (type: KeyAlgorithm, message = CHALLENGE, key = keys[type]): Buffer =>
  sign(DIGESTS[type], text(message), key.privateKey);

function prove(key: CallerKey, proof: Uint8Array, challenge = CHALLENGE): Promise<ProvenKey> {
  return provePossession({ kind: "public-key", publicKey: pemOf(key.publicKey), proof }, challenge, policy);
}
const reason = (key: CallerKey, proof: Uint8Array, challenge = CHALLENGE): Promise<string> =>
  reasonOf(() => prove(key, proof, challenge));

describe("proofs that are accepted", () => {
  it.each(TYPES)("takes a proof by %s and gives its key as node encodes it", async (type) => {
    const proven = await prove(keys[type], proofBy(type));
    expect(proven.algorithm).toBe(type);
    expect(Buffer.from(proven.spki).equals(spkiOf(keys[type].publicKey))).toBe(true);
    expect(Object.keys(proven).sort()).toEqual(["algorithm", "spki"]);
  });

  it.each(TYPES)("takes a bare DER key of %s", async (type) => {
    const request = { kind: "public-key", publicKey: spkiOf(keys[type].publicKey), proof: proofBy(type) } as const;
    expect((await provePossession(request, CHALLENGE, policy)).algorithm).toBe(type);
  });

  it.each(EC_TYPES)("M08: takes raw r‖s of exactly twice the field size by %s", async (type) => {
    const key = { key: keys[type].privateKey, dsaEncoding: "ieee-p1363" } as const;
    expect(await reason(keys[type], sign(DIGESTS[type], text(CHALLENGE), key))).toBe("accepted");
  });

  it("M07: takes an ECDSA signature with high s, and the one with low s", async () => {
    const { r, s } = readEcdsa(proofBy("ecdsa-p256"));
    expect(await reason(p256, ecdsa(r, s))).toBe("accepted");
    expect(await reason(p256, ecdsa(r, N - s))).toBe("accepted");
  });

  it("M11: takes the same proof twice", async () => {
    const proof = proofBy("ecdsa-p256");
    expect(await reason(p256, proof)).toBe("accepted");
    expect(await reason(p256, proof)).toBe("accepted");
  });

  it("signs the UTF-8 bytes of the challenge", async () => {
    const challenge = "https://example.com/ü/名";
    expect(await reason(p256, sign("sha256", Buffer.from(challenge, "utf8"), p256.privateKey), challenge)).toBe(
      "accepted",
    );
    expect(await reason(p256, sign("sha256", Buffer.from(challenge, "latin1"), p256.privateKey), challenge)).toBe(
      "PROOF_INVALID",
    );
  });
});

describe("proofs that are refused", () => {
  it.each(TYPES)("M01: misses the proof of %s", async (type) => {
    expect(await reason(keys[type], new Uint8Array())).toBe("PROOF_MISSING");
  });

  it.each(TYPES)("M03: refuses the right text signed by another key than the %s key sent", async (type) => {
    expect(
      await reason(keys[type], proofBy(type, CHALLENGE, type.startsWith("rsa") ? makeKey("rsa-2048") : makeKey(type))),
    ).toBe("PROOF_INVALID");
  });

  it.each([
    ["another claim", "1234567890"],
    ["another case", "Alice@example.com"],
    ["a trailing newline", "alice@example.com\n"],
    ["a leading space", " alice@example.com"],
    ["quotes", '"alice@example.com"'],
    ["a NUL", "alice@example.com\0"],
    ["the empty text", ""],
    ["its own hash", createHash("sha256").update(CHALLENGE).digest("hex")],
  ])("M02: refuses a signature over %s", async (_name, message) => {
    for (const type of ["ecdsa-p256", "rsa-2048", "ed25519"] as const) {
      expect(await reason(keys[type], proofBy(type, message))).toBe("PROOF_INVALID");
    }
  });

  it("M02: refuses the other Unicode normal form", async () => {
    const [nfc, nfd] = ["é@example.com".normalize("NFC"), "é@example.com".normalize("NFD")];
    expect(await reason(p256, proofBy("ecdsa-p256", nfd), nfc)).toBe("PROOF_INVALID");
    expect(await reason(p256, proofBy("ecdsa-p256", nfc), nfd)).toBe("PROOF_INVALID");
  });

  it.each([
    ["ecdsa-p256", "sha384"],
    ["ecdsa-p384", "sha256"],
    ["ecdsa-p384", "sha512"],
    ["ecdsa-p521", "sha256"],
    ["ecdsa-p521", "sha384"],
    ["rsa-2048", "sha1"],
    ["rsa-2048", "sha512"],
  ] as const)("M04: refuses %s with %s", async (type, digest) => {
    expect(await reason(keys[type], sign(digest, text(CHALLENGE), keys[type].privateKey))).toBe("PROOF_INVALID");
  });

  it("M10: refuses base64 and hex of the signature", async () => {
    const proof = proofBy("ecdsa-p256");
    expect(await reason(p256, text(proof.toString("base64")))).toBe("PROOF_INVALID");
    expect(await reason(p256, text(proof.toString("hex")))).toBe("PROOF_INVALID");
  });

  it("refuses a proof beyond 2 KiB unread", async () => {
    const message = async (length: number): Promise<string> => {
      const error: unknown = await prove(p256, Buffer.alloc(length, 0x30)).catch((cause: unknown) => cause);
      return error instanceof MayflyError ? `${error.reason}: ${error.message}` : "accepted";
    };
    expect(await message(2048)).toBe("PROOF_INVALID: proof of possession does not verify");
    expect(await message(2049)).toBe("PROOF_INVALID: proof exceeds 2048 bytes");
  });

  it("M05: refuses RSASSA-PSS", async () => {
    const key = { key: rsa.privateKey, padding: constants.RSA_PKCS1_PSS_PADDING };
    expect(await reason(rsa, sign("sha256", text(CHALLENGE), key))).toBe("PROOF_INVALID");
  });

  it.each([
    ["a well-formed block", block("00"), "accepted"],
    ["no DigestInfo", Buffer.concat([hex("0001"), Buffer.alloc(221, 0xff), hex("00"), digest()]), "PROOF_INVALID"],
    ["a DigestInfo without NULL", block("00", "302f300b0609608648016503040201 0420"), "PROOF_INVALID"],
    ["block type 2", block("00", undefined, "0002"), "PROOF_INVALID"],
    ["no zero in front of the DigestInfo", block("ff"), "PROOF_INVALID"],
    ["seven octets of padding and garbage behind the hash", short(7), "PROOF_INVALID"],
    ["eight octets of padding and garbage behind the hash", short(8), "PROOF_INVALID"],
    ["another octet in the padding", flipBit(block("00"), 40 * 8), "PROOF_INVALID"],
  ])("M05: judges an RSA signature made of %s", async (_name, encodedMessage, expected) => {
    const signature = privateEncrypt({ key: rsa.privateKey, padding: constants.RSA_NO_PADDING }, encodedMessage);
    expect(await reason(rsa, signature)).toBe(expected);
  });

  it.each([255, 257, 512])("M05: refuses an RSA-2048 signature of %i octets", async (length) => {
    const proof = Buffer.alloc(length);
    proofBy("rsa-2048").copy(proof);
    expect(await reason(rsa, proof)).toBe("PROOF_INVALID");
  });

  it("M05: refuses an RSA signature that is the right one plus the modulus", async () => {
    const modulus = BigInt(`0x${Buffer.from(rsa.publicKey.export({ format: "jwk" }).n!, "base64url").toString("hex")}`);
    for (let i = 0; ; i++) {
      const challenge = String(i);
      const plus = BigInt(`0x${proofBy("rsa-2048", challenge).toString("hex")}`) + modulus;
      if (plus >= 1n << 2048n) continue;
      expect(await reason(rsa, hex(plus.toString(16).padStart(512, "0")), challenge)).toBe("PROOF_INVALID");
      return;
    }
  });

  it.each<[string, (r: bigint, s: bigint) => Uint8Array]>([
    ["a trailing byte", (r, s) => Buffer.concat([ecdsa(r, s), Buffer.of(0)])],
    ["a trailing byte inside", (r, s) => tlv(0x30, integer(r), integer(s), Buffer.of(0))],
    ["a third INTEGER", (r, s) => tlv(0x30, integer(r), integer(s), integer(1n))],
    ["a length that is not minimal", (r, s) => Buffer.concat([hex("3081"), ecdsa(r, s).subarray(1)])],
    ["an indefinite length", (r, s) => Buffer.concat([hex("3080"), integer(r), integer(s), hex("0000")])],
    ["a padded INTEGER", (r, s) => tlv(0x30, tlv(2, Buffer.of(0), integer(r).subarray(2)), integer(s))],
    ["a negative r", (r, s) => tlv(0x30, tlv(2, hex((2n ** 256n - r).toString(16).padStart(64, "0"))), integer(s))],
    ["r = 0", (_r, s) => ecdsa(0n, s)],
    ["s = 0", (r) => ecdsa(r, 0n)],
    ["r = s = 0", () => ecdsa(0n, 0n)],
    ["r + n", (r, s) => ecdsa(r + N, s)],
    ["s + n", (r, s) => ecdsa(r, s + N)],
    ["r = n", (_r, s) => ecdsa(N, s)],
    ["s = n", (r) => ecdsa(r, N)],
    ["r and s exchanged", (r, s) => ecdsa(s, r)],
    ["a SET", (r, s) => tlv(0x31, integer(r), integer(s))],
    ["one INTEGER", (r) => tlv(0x30, integer(r))],
    ["raw r‖s of zeros", () => Buffer.alloc(64)],
    ["raw r‖s with s = n", (r) => Buffer.concat([word(r), word(N)])],
    ["raw r‖s with r = 0", (_r, s) => Buffer.concat([word(0n), word(s)])],
    ["raw r‖s one octet short", (r, s) => Buffer.concat([word(r), word(s)]).subarray(1)],
    ["raw r‖s one octet long", (r, s) => Buffer.concat([Buffer.of(0), word(r), word(s)])],
    ["raw r‖s two octets long", (r, s) => Buffer.concat([Buffer.of(0), word(r), Buffer.of(0), word(s)])],
    ["raw r‖s as long as for P-384", (r, s) => Buffer.concat([Buffer.alloc(16), word(r), Buffer.alloc(16), word(s)])],
    ["raw s‖r", (r, s) => Buffer.concat([word(s), word(r)])],
    ["64 octets that are a DER signature", () => tlv(0x30, tlv(2, Buffer.alloc(29, 1)), tlv(2, Buffer.alloc(29, 1)))],
    ["one octet", () => Buffer.of(0x30)],
  ])("M06, M08: refuses an ECDSA signature with %s", async (_name, forge) => {
    const { r, s } = readEcdsa(proofBy("ecdsa-p256"));
    expect(await reason(p256, forge(r, s))).toBe("PROOF_INVALID");
  });

  it("M09: refuses Ed25519 signatures of 63 and 65 octets and S ≥ L", async () => {
    const proof = proofBy("ed25519");
    const s = BigInt(`0x${Buffer.from(proof.subarray(32)).reverse().toString("hex")}`);
    const L = 2n ** 252n + 27742317777372353535851937790883648493n;
    const malleable = Buffer.concat([proof.subarray(0, 32), word(s + L).reverse()]);
    for (const forged of [proof.subarray(0, 63), Buffer.concat([proof, Buffer.of(0)]), malleable]) {
      expect(await reason(ed25519, forged)).toBe("PROOF_INVALID");
    }
  });

  it("M09: refuses Ed25519ph, the signature of RFC 8032 §7.3", async () => {
    const seed = hex("833fe62409237b9d62ec77587520911e9a759cec1d19755b7da901b96dca3d42");
    const privateKey = createPrivateKey({
      key: Buffer.concat([hex("302e020100300506032b657004220420"), seed]),
      format: "der",
      type: "pkcs8",
    });
    const publicKey = Buffer.concat([
      hex("302a300506032b6570032100"),
      hex("ec172b93ad5e563bf4932c70e1245034c35467ef2efd4d64ebf819683467e2bf"),
    ]);
    const prehashed = hex(
      "98a70222f0b8121aa9d30f813d683f809e462b469c7ff87639499bb94e6dae41" +
        "31f85042463c2a355a2003d062adf5aaa10b8c61e636062aaad11c2a26083406",
    );
    const request = (proof: Uint8Array): Promise<string> =>
      reasonOf(() => provePossession({ kind: "public-key", publicKey, proof }, "abc", policy));
    expect(await request(sign(null, text("abc"), privateKey))).toBe("accepted");
    expect(await request(prehashed)).toBe("PROOF_INVALID");
  });

  it.each(["ecdsa-p256", "ed25519", "rsa-2048"] as const)(
    "M12: refuses a proof by %s with any single bit changed",
    async (type) => {
      const proof = proofBy(type);
      for (let bit = 0; bit < proof.length * 8; bit++) {
        expect([bit, await reason(keys[type], flipBit(proof, bit))]).toEqual([bit, "PROOF_INVALID"]);
      }
    },
  );

  it("M12: refuses a raw r‖s proof with any single bit changed", async () => {
    const proof = sign("sha256", text(CHALLENGE), { key: p256.privateKey, dsaEncoding: "ieee-p1363" });
    for (let bit = 0; bit < proof.length * 8; bit++) {
      expect([bit, await reason(p256, flipBit(proof, bit))]).toEqual([bit, "PROOF_INVALID"]);
    }
  });

  it("throws nothing but MayflyError, whatever the proof", async () => {
    await fc.assert(
      fc.asyncProperty(fc.constantFrom(...TYPES), fc.uint8Array({ maxLength: 600 }), async (type, proof) => {
        expect(["PROOF_INVALID", "PROOF_MISSING"]).toContain(await reason(keys[type], proof));
      }),
      { seed: 20261122, numRuns: 500 },
    );
  });
});

describe("the key is judged before the proof", () => {
  it("K08: refuses exponent 1, for which the padded message is its own signature", async () => {
    const modulus = BigInt(`0x${Buffer.from(rsa.publicKey.export({ format: "jwk" }).n!, "base64url").toString("hex")}`);
    const request = { kind: "public-key", publicKey: rsaSpki(modulus, 1n), proof: block("00") } as const;
    expect(await reasonOf(() => provePossession(request, CHALLENGE, policy))).toBe("RSA_EXPONENT");
  });

  it("K20: refuses the Ed25519 identity with the signature that fits every message", async () => {
    const identity = Buffer.concat([Buffer.of(1), Buffer.alloc(31)]);
    const publicKey = Buffer.concat([hex("302a300506032b6570032100"), identity]);
    const request = { kind: "public-key", publicKey, proof: Buffer.concat([identity, Buffer.alloc(32)]) } as const;
    expect(await reasonOf(() => provePossession(request, CHALLENGE, policy))).toBe("ED25519_WEAK_POINT");
  });

  it("reports a weak key that comes with no proof as weak", async () => {
    expect(await reason(makeKey("rsa-1024"), new Uint8Array())).toBe("RSA_SIZE");
  });

  it("K21: refuses the CA's key with a good proof", async () => {
    const spkiHash = createHash("sha256").update(spkiOf(p256.publicKey)).digest("hex");
    const request = { kind: "public-key", publicKey: pemOf(p256.publicKey), proof: proofBy("ecdsa-p256") } as const;
    const rules = { ...policy, forbiddenKeys: new Set([spkiHash]) };
    expect(await reasonOf(() => provePossession(request, CHALLENGE, rules))).toBe("KEY_IS_OURS");
  });

  it.each<[KeyAlgorithm, ClientSigningAlgorithm, string]>([
    ["ecdsa-p256", "ecdsa-sha2-256-nistp256", "*ecdsa.PublicKey, SHA-256"],
    ["ecdsa-p384", "ecdsa-sha2-384-nistp384", "*ecdsa.PublicKey, SHA-384"],
    ["ecdsa-p521", "ecdsa-sha2-512-nistp521", "*ecdsa.PublicKey, SHA-512"],
    ["rsa-2048", "rsa-sign-pkcs1-2048-sha256", "*rsa.PublicKey, SHA-256"],
    ["rsa-3072", "rsa-sign-pkcs1-3072-sha256", "*rsa.PublicKey, SHA-256"],
    ["rsa-4096", "rsa-sign-pkcs1-4096-sha256", "*rsa.PublicKey, SHA-256"],
    ["ed25519", "ed25519", "ed25519.PublicKey, unknown hash value 0"],
  ])("K22: permits %s by the name %s and by no other", async (type, algorithm, pair) => {
    const request = { kind: "public-key", publicKey: pemOf(keys[type].publicKey), proof: proofBy(type) } as const;
    const only = { ...policy, permittedAlgorithms: new Set([algorithm]) };
    expect(await reasonOf(() => provePossession(request, CHALLENGE, only))).toBe("accepted");
    const others = CLIENT_SIGNING_ALGORITHMS.filter((name) => name !== algorithm);
    const refusal: unknown = await provePossession(request, CHALLENGE, {
      ...policy,
      permittedAlgorithms: new Set(others),
    }).catch((error: unknown) => error);
    expect(refusal).toBeInstanceOf(MayflyError);
    expect((refusal as MayflyError).reason).toBe("ALGORITHM_NOT_PERMITTED");
    expect((refusal as MayflyError).publicMessage).toBe(`signing algorithm not permitted: ${pair}`);
  });
});

it("keeps key, proof and challenge out of its error texts", async () => {
  const publicKey = pemOf(p256.publicKey);
  const error: unknown = await provePossession(
    { kind: "public-key", publicKey, proof: proofBy("ed25519") },
    CHALLENGE,
    policy,
  ).catch((cause: unknown) => cause);
  expect((error as MayflyError).message).toBe("proof of possession does not verify");
});

function word(n: bigint): Buffer {
  return hex(n.toString(16).padStart(64, "0"));
}

/** INTEGER ≥ 0 in its shortest form. */
function integer(n: bigint): Buffer {
  const digits = n.toString(16);
  const magnitude = hex(digits.padStart(digits.length + (digits.length % 2), "0"));
  return tlv(2, magnitude[0]! >= 0x80 ? Buffer.of(0) : Buffer.alloc(0), magnitude);
}

function ecdsa(r: bigint, s: bigint): Buffer {
  return tlv(0x30, integer(r), integer(s));
}

function readEcdsa(signature: Buffer): { r: bigint; s: bigint } {
  const rEnd = 4 + signature[3]!;
  return {
    r: BigInt(`0x${signature.subarray(4, rEnd).toString("hex")}`),
    s: BigInt(`0x${signature.subarray(rEnd + 2).toString("hex")}`),
  };
}

function digest(): Buffer {
  return createHash("sha256").update(CHALLENGE).digest();
}

/** EMSA-PKCS1-v1_5 of the challenge for 2048 bits (RFC 8017 §9.2), or something like it. */
function block(separator: string, digestInfo = SHA256_DIGEST_INFO, type = "0001"): Buffer {
  const end = Buffer.concat([hex(separator), hex(digestInfo.replaceAll(" ", "")), digest()]);
  return Buffer.concat([hex(type), Buffer.alloc(256 - 2 - end.length, 0xff), end]);
}

/** The block of Bleichenbacher's forgery: little padding, and garbage behind the hash. */
function short(padding: number): Buffer {
  const start = Buffer.concat([hex("0001"), Buffer.alloc(padding, 0xff), hex("00"), hex(SHA256_DIGEST_INFO), digest()]);
  return Buffer.concat([start, Buffer.alloc(256 - start.length, 0x5a)]);
}
