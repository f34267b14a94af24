import { describe, expect, it } from "@jest/globals";
import { createPublicKey, verify } from "node:crypto";
import { getEventListeners } from "node:events";
import { generatePrivateKey } from "../../../../src/adapters/signers/memory.ts";
import { attempt } from "../../../../src/adapters/signers/remote/attempt.ts";
import { encodeEcdsaSignature } from "../../../../src/adapters/signers/remote/ecdsa-signature.ts";
import { importPackage } from "../../../../src/adapters/signers/remote/import-package.ts";
import { asKeyFailure, KeyFailure, serviceText } from "../../../../src/adapters/signers/remote/key-failure.ts";
import { signRequestFor } from "../../../../src/adapters/signers/remote/remote-key.ts";
import { retryDelayMs } from "../../../../src/adapters/signers/remote/retry-delay.ts";
import { startTimer } from "../../../../src/adapters/signers/remote/timer.ts";
import type { SignatureAlgorithm } from "../../../../src/core/certificate/algorithms.ts";
import { signDigest } from "../../../support/keys/sign-digest.ts";

describe("r‖s", () => {
  const CURVES: readonly (readonly [SignatureAlgorithm, string])[] = [
    ["ecdsa-p256-sha256", "sha256"],
    ["ecdsa-p384-sha384", "sha384"],
    ["ecdsa-p521-sha512", "sha512"],
  ];
  it.each(CURVES)(
    "of %s becomes a signature that node:crypto accepts, leading zeros or not",
    (algorithm, digestName) => {
      const key = generatePrivateKey(algorithm);
      const message = new TextEncoder().encode("message");
      const request = signRequestFor(algorithm, message);
      if (request.kind !== "digest") throw new Error("expected a digest");
      for (let count = 0; count < 20; count++) {
        const der = encodeEcdsaSignature(signDigest(request.digest, key), algorithm);
        expect(verify(digestName, message, createPublicKey(key), der)).toBe(true);
      }
    },
  );

  it.each([0, 63, 65, 96])("of %i bytes is none of P-256", (length) => {
    expect(() => encodeEcdsaSignature(new Uint8Array(length), "ecdsa-p256-sha256")).toThrow(KeyFailure);
  });

  it("is nothing that RSA has", () => {
    expect(() => encodeEcdsaSignature(new Uint8Array(64), "rsa-pkcs1-sha256")).toThrow(TypeError);
  });
});

describe("the wait before another attempt", () => {
  const at = { number: 1, attempts: 3, remainingMs: 10_000 };
  const unavailable = new KeyFailure("unavailable", "x");

  it("is anything from nothing to a bound that doubles", () => {
    const longest = [1, 2, 3, 4, 5].map((number) => retryDelayMs(unavailable, { ...at, number, attempts: 9 }, () => 1));
    expect(longest).toEqual([100, 200, 400, 400, 400]);
    expect(retryDelayMs(unavailable, at, () => 0)).toBe(0);
  });

  it.each([
    ["as many were made as may be", unavailable, { ...at, number: 3 }],
    ["there is no time for it", unavailable, { ...at, remainingMs: 149 }],
    ["the service asks for more time than there is", new KeyFailure("quota", "x", { retryAfterMs: 9_950 }), at],
    ["a damaged answer came twice", new KeyFailure("wrong-answer", "x"), { ...at, number: 2 }],
    ["it would end alike", new KeyFailure("denied", "x"), at],
  ])("is endless when %s", (_, failure, where) => {
    expect(retryDelayMs(failure, where, () => 0.5)).toBeUndefined();
  });
});

describe("an attempt that ended", () => {
  it.each([
    ["well", () => Promise.resolve(1)],
    ["badly", () => Promise.reject(new KeyFailure("denied", "no"))],
  ])("%s leaves nothing that waits for the close", async (_, work) => {
    const { signal: closing } = new AbortController();
    for (let count = 0; count < 3; count++) {
      await attempt<unknown>(work, { limitMs: 1_000, closing, startTimer }).catch(() => undefined);
    }
    expect(getEventListeners(closing, "abort")).toEqual([]);
  });
});

describe("what is told of a failure", () => {
  it("is one printable line of bounded length, without tokens", () => {
    const text = serviceText(`  two\nlines\u0007 and eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJhIn0.c2ln ${"x".repeat(1_000)}`);
    expect(text).toMatch(/^two lines and \[token\] x+…$/u);
    expect(text.length).toBeLessThan(310);
  });

  it("is of an error that is not an adapter's own its name alone", () => {
    const failure = asKeyFailure(new TypeError("token hvs.secret"));
    expect([failure.kind, failure.message, failure.cause]).toEqual(["refused", "an unexpected TypeError", undefined]);
    expect(asKeyFailure("hvs.secret").message).toBe("an unexpected string");
  });
});

describe("a package that is not installed", () => {
  it("is named, with the command that installs it", async () => {
    const name: string = "@mayfly/no-such-package";
    const load = (): Promise<unknown> => import(name);
    await expect(importPackage(name, load)).rejects.toMatchObject({
      reason: "SIGNER_PACKAGE_MISSING",
      message: expect.stringContaining("npm install @mayfly/no-such-package"),
    });
  });
});
