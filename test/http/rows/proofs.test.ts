import { sign } from "node:crypto";
import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { tokenClaims } from "../../../dev/token-claims.ts";
import { flipBit, pemOf } from "../../support/caller-keys.ts";
import { expectRefusal } from "../../support/expect-refusal.ts";
import { certificateIn } from "../../support/issued.ts";
import {
  ecdsa,
  ED25519CTX,
  ED25519PH,
  ED25519PH_CHALLENGE,
  keys,
  readEcdsa,
  REFUSED_PROOFS,
} from "../../support/refused-proofs.ts";
import { TEXT } from "../../support/refusal.ts";
import { CALLER, digestOf, keyRequest, proofBy } from "../../support/signing-body.ts";
import { openWholeApp } from "../../support/whole-app.ts";
import type { WholeApp } from "../../support/whole-app.ts";
import { githubRules } from "../../support/provider-samples.ts";

/** Order of P-256 (SEC 2 §2.4.2). */
const N = 0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551n;
const p256 = keys["ecdsa-p256"];
/** How a job is told that its proof is wrong. */
const OF_SUBJECT = { reason: "PROOF_INVALID", message: TEXT.proofOfSubject } as const;

let app: WholeApp;
beforeAll(async () => {
  app = await openWholeApp();
});
afterAll(() => app.close());

describe("a proof that is not taken", () => {
  it.each(REFUSED_PROOFS)("[CL9] [$row] is $name", async ({ key, proof, reason }) => {
    await expectRefusal(app, { body: keyRequest(key, proof), reason });
  });

  it("[M1] is not there at all", async () => {
    const content = pemOf(p256.publicKey).toString();
    await expectRefusal(app, { body: { publicKeyRequest: { publicKey: { content } } }, reason: "PROOF_MISSING" });
  });

  it("[M2] signs the subject instead of the address", async () => {
    const proof = sign("sha256", Buffer.from("subject"), p256.privateKey);
    await expectRefusal(app, { body: keyRequest(p256, proof), reason: "PROOF_INVALID" });
  });

  it.each([ED25519PH, ED25519CTX])("[M9] is $name over the right text", async ({ key, proof }) => {
    // The challenge of a workflow's token is its subject, which may be any text.
    const actions = await openWholeApp({
      issuer: { identity: githubRules() },
    });
    const token = await actions.token({ ...WORKFLOW, sub: ED25519PH_CHALLENGE });
    await expectRefusal(actions, { body: keyRequest(key, proof), token, ...OF_SUBJECT });
    const pure = sign(null, Buffer.from(ED25519PH_CHALLENGE), key.privateKey);
    expect((await actions.send(keyRequest(key, pure), token)).status).toBe(200);
    await actions.close();
  });

  it.each([
    ["NFD", "NFC"],
    ["NFC", "NFD"],
  ] as const)("[M2] signs %s of a subject in %s", async (signed, subject) => {
    const actions = await openWholeApp({
      issuer: { identity: githubRules() },
    });
    const token = await actions.token({ ...WORKFLOW, sub: "repo:é".normalize(subject) });
    const proof = sign("sha256", Buffer.from("repo:é".normalize(signed)), p256.privateKey);
    await expectRefusal(actions, { body: keyRequest(p256, proof), token, ...OF_SUBJECT });
    await actions.close();
  });

  it.each(["ecdsa-p256", "ed25519", "rsa-2048"] as const)(
    "[M12] is a proof by %s with a bit changed, whichever",
    async (type) => {
      const proof = proofBy(keys[type]);
      const step = type === "rsa-2048" ? 61 : 13;
      const signatures = app.caSignatures();
      for (let bit = 0; bit < proof.length * 8; bit += step) {
        const answer = await app.send(keyRequest(keys[type], flipBit(proof, bit)));
        expect([bit, answer.status, answer.text.includes("PROOF_INVALID")]).toEqual([bit, 400, true]);
      }
      expect(app.caSignatures()).toBe(signatures);
    },
  );
});

describe("a proof that is taken", () => {
  it("[M7] is an ECDSA signature with high s, and the one with low s", async () => {
    const { r, s } = readEcdsa(proofBy(p256));
    for (const proof of [ecdsa(r, s), ecdsa(r, N - s)]) {
      expect((await app.send(keyRequest(p256, proof))).status).toBe(200);
    }
  });

  it.each(["ecdsa-p256", "ecdsa-p384", "ecdsa-p521"] as const)(
    "[M8] is raw r‖s of exactly twice the field size by %s",
    async (type) => {
      const key = { key: keys[type].privateKey, dsaEncoding: "ieee-p1363" } as const;
      const proof = sign(digestOf(keys[type]), Buffer.from(CALLER), key);
      expect((await app.send(keyRequest(keys[type], proof))).status).toBe(200);
    },
  );

  it("[M11] is one that was taken before, and the certificates differ", async () => {
    const [token, proof] = [await app.token(), proofBy(p256)];
    const answers = [await app.send(keyRequest(p256, proof), token), await app.send(keyRequest(p256, proof), token)];
    expect(answers.map(({ status }) => status)).toEqual([200, 200]);
    expect(new Set(answers.map((answer) => certificateIn(answer).serialNumber)).size).toBe(2);
  });
});

/** Claims of a job's token, in place of the person's that the app's tokens have. */
const WORKFLOW = { ...tokenClaims("github"), email: undefined, email_verified: undefined };
