import { createHook } from "node:async_hooks";
import { X509Certificate, createPrivateKey, generateKeyPairSync, hash, sign } from "node:crypto";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { encodePem } from "../../../src/core/encoding/pem.ts";
import { makeKey, pemOf, rsaSpki, spkiOf } from "../../support/caller-keys.ts";
import type { CallerKey } from "../../support/caller-keys.ts";
import { expectRefusal, expectTold } from "../../support/expect-refusal.ts";
import { answersOf, heldAt, makeGate } from "../../support/held-calls.ts";
import { certificateIn } from "../../support/issued.ts";
import { opensslCsr } from "../../support/openssl-csr.ts";
import { REFUSED_KEYS, WEAK_ED25519_KEYS } from "../../support/refused-keys.ts";
import { block, keys, TYPES } from "../../support/refused-proofs.ts";
import { csrRequest, keyRequest, rawKeyRequest, proofBy } from "../../support/signing-body.ts";
import { openWholeApp } from "../../support/whole-app.ts";
import type { WholeApp } from "../../support/whole-app.ts";

const folder = mkdtempSync(join(tmpdir(), "mayfly-caller-keys-"));
const blocked = makeKey("ecdsa-p256");
const weakDebianKey = makeKey("rsa-2048");

let app: WholeApp;
let narrow: WholeApp;

beforeAll(async () => {
  const blocklist = join(folder, "blocklist.txt");
  const digests = [blocked, weakDebianKey].map(({ publicKey }) => hash("sha256", spkiOf(publicKey), "hex"));
  writeFileSync(blocklist, `# found in public\n${digests[0]!.toUpperCase()}\n\n${digests[1]!}\r\n`);
  app = await openWholeApp({ configuration: `clientKeys: { blocklist: ${blocklist} }\n` });
  narrow = await openWholeApp({ configuration: "clientKeys: { algorithms: [rsa-sign-pkcs1-4096-sha256] }\n" });
});
afterAll(async () => {
  await app.close();
  await narrow.close();
  rmSync(folder, { recursive: true });
});

/** A JSON text holds no DER: what is meant as such travels in PEM, whose label does not matter to what is wrong with it. */
function contentOf(sent: Uint8Array): string {
  const text = Buffer.from(sent).toString("latin1");
  return /^[\t\n\r\x20-\x7e]*$/u.test(text) ? text : encodePem("PUBLIC KEY", sent);
}

const SOME_PROOF = Buffer.alloc(70, 0x30);
/** A body is bounded before anything is read of it. */
const MAX_BODY_BYTES = 128 * 1024;

describe("a key that is not certified", () => {
  it.each(REFUSED_KEYS.filter(([, , sent]) => sent.length < MAX_BODY_BYTES))(
    "[%s] is %s",
    async (_row, _name, sent, reason) => {
      await expectRefusal(app, { body: rawKeyRequest(contentOf(sent), SOME_PROOF), reason });
    },
  );

  it.each([
    ["100 KB", 100_000, "KEY_TOO_LONG"],
    ["1 MB", 1_000_000, "BODY_TOO_LARGE"],
  ] as const)("[K5] is PEM with a line of %s", async (_name, length, reason) => {
    const content = `-----BEGIN PUBLIC KEY-----\n${"A".repeat(length)}`;
    await expectRefusal(app, { body: rawKeyRequest(content, SOME_PROOF), reason });
  });

  it("[K7] is DER of RSA with a modulus of another sign, inside PKCS#1", async () => {
    const pkcs1 = keys["rsa-2048"].publicKey.export({ type: "pkcs1", format: "der" });
    const negative = Buffer.concat([Buffer.from("3082010902820100", "hex"), pkcs1.subarray(9)]);
    const content = encodePem("RSA PUBLIC KEY", negative);
    await expectRefusal(app, { body: rawKeyRequest(content, SOME_PROOF), reason: "KEY_NOT_CANONICAL_DER" });
  });

  it.each(["traditional", "pkcs8 encrypted", "pkcs8"])(
    "[K3] is a private key, whose bytes nobody is told (%s)",
    async (form) => {
      const { privateKey } = keys["rsa-2048"];
      const content =
        form === "traditional"
          ? privateKey.export({ type: "pkcs1", format: "pem" })
          : privateKey.export({
              type: "pkcs8",
              format: "pem",
              ...(form === "pkcs8" ? {} : { cipher: "aes-256-cbc", passphrase: "x" }),
            });
      expect(createPrivateKey({ key: content, passphrase: "x" }).type).toBe("private");
      await expectRefusal(app, { body: rawKeyRequest(String(content), SOME_PROOF), reason: "KEY_WRONG_PEM_TYPE" });
    },
  );

  it.each(WEAK_ED25519_KEYS)("[%s] is an Ed25519 %s", async (_row, _name, sent, reason) => {
    await expectRefusal(app, { body: rawKeyRequest(contentOf(sent), SOME_PROOF), reason });
  });
});

describe("a key under which anybody can sign", () => {
  it("[K8] is refused with the signature that exponent 1 makes good", async () => {
    const { n } = keys["rsa-2048"].publicKey.export({ format: "jwk" });
    const modulus = BigInt(`0x${Buffer.from(n!, "base64url").toString("hex")}`);
    const body = rawKeyRequest(encodePem("PUBLIC KEY", rsaSpki(modulus, 1n)), block("00"));
    await expectRefusal(app, { body, reason: "RSA_EXPONENT" });
  });

  it("[K8] is refused although its holder's own proof by exponent 3 is good", async () => {
    const pair = generateKeyPairSync("rsa", { modulusLength: 2048, publicExponent: 3 });
    await expectRefusal(app, { body: keyRequest(pair), reason: "RSA_EXPONENT" });
  });

  it("[K20] is refused with the signature that the Ed25519 identity makes good", async () => {
    const identity = Buffer.concat([Buffer.of(1), Buffer.alloc(31)]);
    const spki = Buffer.concat([Buffer.from("302a300506032b6570032100", "hex"), identity]);
    const proof = Buffer.concat([identity, Buffer.alloc(32)]);
    await expectRefusal(app, {
      body: rawKeyRequest(encodePem("PUBLIC KEY", spki), proof),
      reason: "ED25519_WEAK_POINT",
    });
  });
});

describe("a key that is certified", () => {
  const spkiIn = (certificate: X509Certificate): Buffer =>
    certificate.publicKey.export({ type: "spki", format: "der" });

  it.each(TYPES)("[K2] is a %s key as PUBLIC KEY, in its one encoding", async (type) => {
    const answer = await app.send(keyRequest(keys[type]));
    expect(answer.status).toBe(200);
    expect(spkiIn(certificateIn(answer)).equals(spkiOf(keys[type].publicKey))).toBe(true);
  });

  it.each(["rsa-2048", "rsa-3072", "rsa-4096"] as const)(
    "[K2] is an %s key as RSA PUBLIC KEY, and its certificate holds a SubjectPublicKeyInfo",
    async (type) => {
      const { publicKey } = keys[type];
      const content = publicKey.export({ type: "pkcs1", format: "pem" });
      const proof = proofBy(keys[type]);
      const answer = await app.send(rawKeyRequest(String(content), proof));
      expect(answer.status).toBe(200);
      expect(spkiIn(certificateIn(answer)).equals(spkiOf(publicKey))).toBe(true);
    },
  );

  it.each<[string, (pem: string) => string]>([
    ["CRLF", (pem) => pem.replaceAll("\n", "\r\n")],
    ["no final newline", (pem) => pem.trimEnd()],
    ["two final newlines", (pem) => `${pem}\n`],
  ])("[CL7] [K4] comes as PEM with %s", async (_name, change) => {
    const pair = keys["ecdsa-p256"];
    const content = change(pemOf(pair.publicKey).toString());
    expect((await app.send(rawKeyRequest(content, proofBy(pair)))).status).toBe(200);
  });
});

describe("a key that is nobody's to have certified", () => {
  it.each(["ca", "log", "checkpoint"] as const)("[K21] is the service's own: %s", async (name) => {
    const content = encodePem("PUBLIC KEY", app.ownKeys[name]);
    await expectRefusal(app, { body: rawKeyRequest(content, SOME_PROOF), reason: "KEY_IS_OURS" });
  });

  it.each([
    ["issuing CA", 0],
    ["root", 1],
  ] as const)("[K21] is in the CA's chain: %s", async (_name, at) => {
    const { publicKey } = new X509Certificate(app.chainPem[at]!);
    await expectRefusal(app, { body: rawKeyRequest(pemOf(publicKey).toString(), SOME_PROOF), reason: "KEY_IS_OURS" });
  });

  it.each<[string, CallerKey]>([
    ["a key found in public", blocked],
    ["a weak key of Debian's", weakDebianKey],
  ])("[K11] is on the operator's blocklist, whatever its proof: %s", async (_name, key) => {
    await expectRefusal(app, { body: keyRequest(key), reason: "KEY_BLOCKED" });
    await expectRefusal(app, { body: csrRequest(opensslCsr(key)), reason: "KEY_BLOCKED" });
  });
});

describe("a key of a kind that the operator does not permit", () => {
  it.each([
    ["ecdsa-p256", "*ecdsa.PublicKey, SHA-256"],
    ["ecdsa-p384", "*ecdsa.PublicKey, SHA-384"],
    ["ecdsa-p521", "*ecdsa.PublicKey, SHA-512"],
    ["rsa-2048", "*rsa.PublicKey, SHA-256"],
    ["rsa-3072", "*rsa.PublicKey, SHA-256"],
    ["ed25519", "ed25519.PublicKey, unknown hash value 0"],
  ] as const)("[K22] is told its type and hash: %s", async (type, pair) => {
    await expectRefusal(narrow, {
      body: keyRequest(keys[type]),
      reason: "ALGORITHM_NOT_PERMITTED",
      message: `signing algorithm not permitted: ${pair}`,
    });
  });

  it("[K22] does not hold up one that is permitted", async () => {
    expect((await narrow.send(keyRequest(keys["rsa-4096"]))).status).toBe(200);
  });
});

describe("a flood of dear proofs", () => {
  it("[K23] is refused as it came, and what exceeds the places for it with 503 and Retry-After", async () => {
    const gate = makeGate();
    const flooded = await openWholeApp({ maxInFlight: 2, wrapVerifier: (verify) => heldAt(gate, verify) });
    const token = await flooded.token();
    const body = keyRequest(keys["ecdsa-p521"], sign("sha512", Buffer.from("bad"), keys["ecdsa-p521"].privateKey));
    const calls = Array.from({ length: 160 }, () => flooded.send(body, token));
    const answers = await answersOf(calls, { held: 2, whenTheyAre: gate.open });
    for (const answer of answers) {
      expectTold(answer, answer.status === 503 ? "TOO_MANY_REQUESTS_IN_FLIGHT" : "PROOF_INVALID");
    }
    expect(answers.filter(({ status }) => status === 400)).toHaveLength(2);
    expect(flooded.caSignatures()).toBe(0);
    expect((await flooded.send(keyRequest())).status).toBe(200);
    await flooded.close();
  });

  it("[K23] has its signatures verified by the thread pool, not by the thread that answers everybody", async () => {
    const body = keyRequest(keys["ecdsa-p521"], sign("sha512", Buffer.from("bad"), keys["ecdsa-p521"].privateKey));
    const token = await app.token();
    const jobs = new Set<number>();
    let verifiedElsewhere = 0;
    // Only a job of the pool comes back to the event loop; one that is done on the spot never does.
    const hook = createHook({
      init: (id, type) => {
        if (type === "SIGNREQUEST") jobs.add(id);
      },
      before: (id) => {
        if (jobs.has(id)) verifiedElsewhere++;
      },
    }).enable();
    try {
      await Promise.all(Array.from({ length: 32 }, () => app.send(body, token)));
    } finally {
      hook.disable();
    }
    expect(verifiedElsewhere).toBeGreaterThanOrEqual(32);
  });
});
