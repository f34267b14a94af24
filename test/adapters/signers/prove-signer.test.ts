import { describe, expect, it } from "@jest/globals";

import { createMemorySigner } from "../../../src/adapters/signers/memory.ts";
import { proveSigner } from "../../../src/adapters/signers/prove-signer.ts";
import type { MayflyError } from "../../../src/core/errors.ts";
import type { Signer } from "../../../src/ports/signer.ts";
import { ALGORITHMS, describeSigner } from "../../contracts/signer.ts";

const unexpected = (error: MayflyError): never => {
  throw new Error("nothing was to be reported", { cause: error });
};

for (const algorithm of ALGORITHMS) {
  describeSigner("a proved signer", algorithm, () =>
    proveSigner(createMemorySigner(algorithm), { sampleEvery: 1, onMismatch: unexpected }),
  );
}

/** A signer whose answers, from number `from` on (the proof at load is number 1), are turned into something else. */
function faultySigner(from: number, spoil: (signature: Uint8Array) => Uint8Array): Signer & { asked: () => number } {
  const signer = createMemorySigner("ecdsa-p256-sha256");
  let asked = 0;
  return {
    ...signer,
    asked: () => asked,
    sign: async (message) => {
      asked += 1;
      const signature = await signer.sign(message);
      return asked >= from ? spoil(signature) : signature;
    },
  };
}

const other = createMemorySigner("ecdsa-p256-sha256");
const otherSignature = await other.sign(new TextEncoder().encode("tbs"));
const spoiled: readonly (readonly [string, (signature: Uint8Array) => Uint8Array])[] = [
  ["a signature by another key", () => otherSignature],
  ["a truncated signature", (signature) => signature.subarray(0, -1)],
  ["an empty signature", () => new Uint8Array()],
  ["random bytes", () => new Uint8Array(70).fill(7)],
  ["the raw form r || s", () => new Uint8Array(64).fill(1)],
  ["a flipped bit", (signature) => signature.map((byte, at) => (at === signature.length - 1 ? byte ^ 1 : byte))],
];

describe("proveSigner", () => {
  it.each(spoiled)("refuses at load a signer that answers with %s", async (_, spoil) => {
    await expect(proveSigner(faultySigner(1, spoil), { onMismatch: unexpected })).rejects.toMatchObject({
      code: "signer_failed",
      reason: "SIGNER_KEY_MISMATCH",
    });
  });

  it("refuses at load a signer that names another public key, or none", async () => {
    const signer = createMemorySigner("ecdsa-p256-sha256");
    for (const publicKey of [other.publicKey, new Uint8Array(), new Uint8Array(91)]) {
      await expect(proveSigner({ ...signer, publicKey }, { onMismatch: unexpected })).rejects.toMatchObject({
        reason: "SIGNER_KEY_MISMATCH",
      });
    }
  });

  it("verifies exactly one in-process signature of sampleEvery, and reports a wrong one as fatal", async () => {
    const reported: MayflyError[] = [];
    const faulty = faultySigner(2, (signature) => signature.subarray(1));
    const signer = await proveSigner(faulty, { sampleEvery: 4, onMismatch: (error) => reported.push(error) });
    const verdicts: string[] = [];
    for (let request = 0; request < 9; request += 1) {
      verdicts.push(
        await signer.sign(new Uint8Array([request])).then(
          () => "given",
          () => "refused",
        ),
      );
    }
    expect(verdicts.join(" ")).toBe("given given given refused given given given refused given");
    expect(reported.map(({ reason }) => reason)).toEqual(["SIGNATURE_INVALID", "SIGNATURE_INVALID"]);
  });

  it("samples one in 256 when not told otherwise", async () => {
    const reported: MayflyError[] = [];
    const faulty = faultySigner(2, () => new Uint8Array());
    const signer = await proveSigner(faulty, { onMismatch: (error) => reported.push(error) });
    for (let request = 1; request < 256; request += 1) await signer.sign(new Uint8Array());
    expect(reported).toHaveLength(0);
    await expect(signer.sign(new Uint8Array())).rejects.toMatchObject({ reason: "SIGNATURE_INVALID" });
    expect(reported).toHaveLength(1);
  });

  it("asks the signer once for each signature", async () => {
    const signer = faultySigner(Infinity, (signature) => signature);
    const proved = await proveSigner(signer, { onMismatch: unexpected });
    await proved.sign(new Uint8Array(3));
    expect(signer.asked()).toBe(2);
  });

  it.each([0, -1, 1.5, Number.NaN])("takes %p for sampleEvery as a mistake of ours", async (sampleEvery) => {
    await expect(
      proveSigner(createMemorySigner("ed25519"), { sampleEvery, onMismatch: unexpected }),
    ).rejects.toBeInstanceOf(RangeError);
  });
});
