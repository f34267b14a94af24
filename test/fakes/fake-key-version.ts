import type { KeyObject } from "node:crypto";
import { generatePrivateKey } from "../../src/adapters/signers/memory.ts";
import type { SignatureAlgorithm } from "../../src/core/certificate/algorithms.ts";

/** One version of a key in a key service of our own. */
export interface FakeKeyVersion {
  readonly algorithm: SignatureAlgorithm;
  readonly key: KeyObject;
  /** Signs when the service lies; made beforehand, as one of RSA takes longer than an attempt may. */
  readonly other: KeyObject;
}

export const makeKeyVersion = (algorithm: SignatureAlgorithm): FakeKeyVersion => ({
  algorithm,
  key: generatePrivateKey(algorithm),
  other: generatePrivateKey(algorithm),
});
