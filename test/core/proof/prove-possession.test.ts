import { createHash, sign } from "node:crypto";
import { describe, expect, it } from "@jest/globals";
import fc from "fast-check";
import { MayflyError } from "../../../src/core/errors.ts";
import {
  CLIENT_SIGNING_ALGORITHMS,
  DEFAULT_CLIENT_SIGNING_ALGORITHMS,
} from "../../../src/core/proof/client-signing-algorithm.ts";
import type { ClientSigningAlgorithm } from "../../../src/core/proof/client-signing-algorithm.ts";
import type { Challenger } from "../../../src/core/identity/principal.ts";
import type { KeyPolicy } from "../../../src/core/proof/key-policy.ts";
import { provePossession } from "../../../src/core/proof/prove-possession.ts";
import type { KeyAlgorithm, ProvenKey } from "../../../src/core/proof/public-key.ts";
import { flipBit, makeKey, pemOf, reasonOf, rsaSpki, spkiOf } from "../../support/caller-keys.ts";
import type { CallerKey } from "../../support/caller-keys.ts";
import {
  block,
  ecdsa,
  ED25519PH,
  ED25519PH_CHALLENGE,
  keys,
  readEcdsa,
  REFUSED_PROOFS,
  rsaSignatureOf,
  TYPES,
} from "../../support/refused-proofs.ts";
import { CALLER, digestOf, proofBy } from "../../support/signing-body.ts";

const policy: KeyPolicy = { permittedAlgorithms: DEFAULT_CLIENT_SIGNING_ALGORITHMS, forbiddenKeys: new Set() };

/** Order of P-256 (SEC 2 §2.4.2). */
const N = 0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551n;
const EC_TYPES = TYPES.filter((type) => type.startsWith("ecdsa"));
const p256 = keys["ecdsa-p256"];
const rsa = keys["rsa-2048"];

const text = (value: string): Buffer => Buffer.from(value);
const hex = (value: string): Buffer => Buffer.from(value, "hex");

/** The address of {@link CALLER}, or another text, as what a proof signs. */
const over = (challenge: string): Challenger => ({
  challenge,
  challengeClaim: "email",
  subjectAltName: { kind: "email", value: challenge },
});

function prove(key: CallerKey, proof: Uint8Array, challenge = CALLER): Promise<ProvenKey> {
  return provePossession({ kind: "public-key", publicKey: pemOf(key.publicKey), proof }, over(challenge), policy);
}
const reason = (key: CallerKey, proof: Uint8Array, challenge = CALLER): Promise<string> =>
  reasonOf(() => prove(key, proof, challenge));

describe("proofs that are accepted", () => {
  it.each(TYPES)("takes a proof by %s and gives its key as node encodes it", async (type) => {
    const proven = await prove(keys[type], proofBy(keys[type]));
    expect(proven.algorithm).toBe(type);
    expect(Buffer.from(proven.spki).equals(spkiOf(keys[type].publicKey))).toBe(true);
    expect(Object.keys(proven).sort()).toEqual(["algorithm", "spki"]);
  });

  it.each(TYPES)("takes a bare DER key of %s", async (type) => {
    const request = {
      kind: "public-key",
      publicKey: spkiOf(keys[type].publicKey),
      proof: proofBy(keys[type]),
    } as const;
    expect((await provePossession(request, over(CALLER), policy)).algorithm).toBe(type);
  });

  it.each(EC_TYPES)("M08: takes raw r‖s of exactly twice the field size by %s", async (type) => {
    const key = { key: keys[type].privateKey, dsaEncoding: "ieee-p1363" } as const;
    expect(await reason(keys[type], sign(digestOf(keys[type]), text(CALLER), key))).toBe("accepted");
  });

  it("M07: takes an ECDSA signature with high s, and the one with low s", async () => {
    const { r, s } = readEcdsa(proofBy(p256));
    expect(await reason(p256, ecdsa(r, s))).toBe("accepted");
    expect(await reason(p256, ecdsa(r, N - s))).toBe("accepted");
  });

  it("M11: takes the same proof twice", async () => {
    const proof = proofBy(p256);
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
  it.each(REFUSED_PROOFS)("$row: $name", async ({ key, proof, reason: expected }) => {
    expect(await reason(key, proof)).toBe(expected);
  });

  it("M02: refuses the other Unicode normal form", async () => {
    const [nfc, nfd] = ["é@example.com".normalize("NFC"), "é@example.com".normalize("NFD")];
    expect(await reason(p256, proofBy(p256, nfd), nfc)).toBe("PROOF_INVALID");
    expect(await reason(p256, proofBy(p256, nfc), nfd)).toBe("PROOF_INVALID");
  });

  it("refuses a proof beyond 2 KiB unread", async () => {
    const message = async (length: number): Promise<string> => {
      const error: unknown = await prove(p256, Buffer.alloc(length, 0x30)).catch((cause: unknown) => cause);
      return error instanceof MayflyError ? `${error.reason}: ${error.message}` : "accepted";
    };
    expect(await message(2048)).toBe("PROOF_INVALID: proof of possession does not verify");
    expect(await message(2049)).toBe("PROOF_INVALID: proof exceeds 2048 bytes");
  });

  it("M05: takes an RSA signature made of a well-formed block", async () => {
    expect(await reason(rsa, rsaSignatureOf(block("00")))).toBe("accepted");
  });

  it("M05: refuses an RSA signature that is the right one plus the modulus", async () => {
    const modulus = BigInt(`0x${Buffer.from(rsa.publicKey.export({ format: "jwk" }).n!, "base64url").toString("hex")}`);
    for (let i = 0; ; i++) {
      const challenge = String(i);
      const plus = BigInt(`0x${proofBy(rsa, challenge).toString("hex")}`) + modulus;
      if (plus >= 1n << 2048n) continue;
      expect(await reason(rsa, hex(plus.toString(16).padStart(512, "0")), challenge)).toBe("PROOF_INVALID");
      return;
    }
  });

  it("M09: refuses Ed25519ph, the signature of RFC 8032 §7.3", async () => {
    const { key, proof } = ED25519PH;
    expect(await reason(key, sign(null, text(ED25519PH_CHALLENGE), key.privateKey), ED25519PH_CHALLENGE)).toBe(
      "accepted",
    );
    expect(await reason(key, proof, ED25519PH_CHALLENGE)).toBe("PROOF_INVALID");
  });

  it.each(["ecdsa-p256", "ed25519", "rsa-2048"] as const)(
    "M12: refuses a proof by %s with any single bit changed",
    async (type) => {
      const proof = proofBy(keys[type]);
      for (let bit = 0; bit < proof.length * 8; bit++) {
        expect([bit, await reason(keys[type], flipBit(proof, bit))]).toEqual([bit, "PROOF_INVALID"]);
      }
    },
  );

  it("M12: refuses a raw r‖s proof with any single bit changed", async () => {
    const proof = sign("sha256", text(CALLER), { key: p256.privateKey, dsaEncoding: "ieee-p1363" });
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
    expect(await reasonOf(() => provePossession(request, over(CALLER), policy))).toBe("RSA_EXPONENT");
  });

  it("K20: refuses the Ed25519 identity with the signature that fits every message", async () => {
    const identity = Buffer.concat([Buffer.of(1), Buffer.alloc(31)]);
    const publicKey = Buffer.concat([hex("302a300506032b6570032100"), identity]);
    const request = { kind: "public-key", publicKey, proof: Buffer.concat([identity, Buffer.alloc(32)]) } as const;
    expect(await reasonOf(() => provePossession(request, over(CALLER), policy))).toBe("ED25519_WEAK_POINT");
  });

  it("reports a weak key that comes with no proof as weak", async () => {
    expect(await reason(makeKey("rsa-1024"), new Uint8Array())).toBe("RSA_SIZE");
  });

  it("K21: refuses the CA's key with a good proof", async () => {
    const spkiHash = createHash("sha256").update(spkiOf(p256.publicKey)).digest("hex");
    const request = { kind: "public-key", publicKey: pemOf(p256.publicKey), proof: proofBy(p256) } as const;
    const rules = { ...policy, forbiddenKeys: new Set([spkiHash]) };
    expect(await reasonOf(() => provePossession(request, over(CALLER), rules))).toBe("KEY_IS_OURS");
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
    const request = { kind: "public-key", publicKey: pemOf(keys[type].publicKey), proof: proofBy(keys[type]) } as const;
    const only = { ...policy, permittedAlgorithms: new Set([algorithm]) };
    expect(await reasonOf(() => provePossession(request, over(CALLER), only))).toBe("accepted");
    const others = CLIENT_SIGNING_ALGORITHMS.filter((name) => name !== algorithm);
    const refusal: unknown = await provePossession(request, over(CALLER), {
      ...policy,
      permittedAlgorithms: new Set(others),
    }).catch((error: unknown) => error);
    expect(refusal).toBeInstanceOf(MayflyError);
    expect((refusal as MayflyError).reason).toBe("ALGORITHM_NOT_PERMITTED");
    expect((refusal as MayflyError).publicMessage).toBe(`signing algorithm not permitted: ${pair}`);
  });
});

describe("what a refused proof should have signed", () => {
  const hintOf = async (challenger: Challenger, proof: Uint8Array): Promise<string | undefined> => {
    const request = { kind: "public-key", publicKey: pemOf(p256.publicKey), proof } as const;
    const error: unknown = await provePossession(request, challenger, policy).catch((cause: unknown) => cause);
    return error instanceof MayflyError ? error.publicHint : undefined;
  };

  const subject = { challenge: CALLER, challengeClaim: "sub" } as const;
  it.each<[string, Challenger, string]>([
    ["a person", over(CALLER), "it must be over the e-mail address of the token (claim email)"],
    [
      "a subject that is a URI",
      { ...subject, subjectAltName: { kind: "uri", value: CALLER } },
      "it must be over the URI that is the subject of the token (claim sub)",
    ],
    [
      "a subject beside a URI",
      { ...subject, subjectAltName: { kind: "uri", value: "https://example.com/workflow" } },
      "it must be over the subject of the token (claim sub), not over the URI that the certificate names",
    ],
    [
      "any other subject",
      { ...subject, subjectAltName: { kind: "email", value: CALLER } },
      "it must be over the subject of the token (claim sub)",
    ],
  ])("is told by kind for %s, whatever is wrong with the proof", async (_kind, challenger, hint) => {
    for (const proof of [proofBy(p256, "other"), proofBy(keys.ed25519), new Uint8Array(), Buffer.alloc(2_049)]) {
      expect(await hintOf(challenger, proof)).toBe(hint);
    }
    expect(hint).not.toContain(CALLER);
  });
});

it("keeps key, proof and challenge out of its error texts", async () => {
  const publicKey = pemOf(p256.publicKey);
  const error: unknown = await provePossession(
    { kind: "public-key", publicKey, proof: proofBy(keys.ed25519) },
    over(CALLER),
    policy,
  ).catch((cause: unknown) => cause);
  expect((error as MayflyError).message).toBe("proof of possession does not verify");
  expect((error as MayflyError).publicHint).not.toContain(CALLER);
});
