import { describe, expect, it } from "@jest/globals";

import { createMemorySigner } from "../../../src/adapters/signers/memory.ts";
import { ALGORITHMS, describeSigner } from "../../contracts/signer.ts";

for (const algorithm of ALGORITHMS) {
  describeSigner("a memory signer", algorithm, () => Promise.resolve(createMemorySigner(algorithm)));
}

describe("createMemorySigner", () => {
  it("makes a fresh key each time", () => {
    const [one, other] = [createMemorySigner("ed25519"), createMemorySigner("ed25519")];
    expect(Buffer.from(one.publicKey).equals(other.publicKey)).toBe(false);
  });
});
