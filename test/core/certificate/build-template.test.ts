import { describe, expect, it } from "@jest/globals";
import { buildTemplate } from "../../../src/core/certificate/build-template.ts";
import type { TemplateParts } from "../../../src/core/certificate/build-template.ts";
import type { CertificateTemplate } from "../../../src/core/certificate/template.ts";
import { EMAIL, makeCa, makeKeyPair, NOW_MS, proven, serialNumber } from "../../support/certificate-fixtures.ts";

const ca = makeCa({ notBeforeMs: NOW_MS - 3_600_000, notAfterMs: NOW_MS + 3_600_000 });
const parts: TemplateParts = {
  principal: {
    challenge: "jane.doe",
    challengeClaim: "email",
    subjectAltName: EMAIL,
    extensions: { issuer: "https://issuer.example" },
  },
  key: proven(makeKeyPair("ecdsa-p256"), "ecdsa-p256"),
  nowMs: NOW_MS,
  issuer: ca.chain,
  serialNumber: serialNumber(),
  lifetimeSeconds: 600,
  backdateSeconds: 0,
};

const build = (changes: Partial<TemplateParts>): CertificateTemplate => buildTemplate({ ...parts, ...changes });

describe("buildTemplate", () => {
  it("takes over who asked, with which key, from whom", () => {
    expect(buildTemplate(parts)).toEqual({
      serialNumber: parts.serialNumber,
      issuer: ca.chain,
      notBeforeMs: NOW_MS,
      notAfterMs: NOW_MS + 600_000,
      key: parts.key,
      subjectAltName: EMAIL,
      extensions: { issuer: "https://issuer.example" },
    });
  });

  it.each([
    ["on the second", { nowMs: NOW_MS }, 0, 600],
    ["a millisecond into the second", { nowMs: NOW_MS + 1 }, 0, 600],
    ["a millisecond before the next second", { nowMs: NOW_MS + 999 }, 0, 600],
    ["with a fraction of a millisecond", { nowMs: NOW_MS + 0.25 }, 0, 600],
    ["back-dated by 5 s, which shortens what is left", { nowMs: NOW_MS + 999, backdateSeconds: 5 }, -5, 595],
    ["back-dated by all but a second", { backdateSeconds: 599 }, -599, 1],
    ["for a minute", { lifetimeSeconds: 60 }, 0, 60],
    ["for an hour, to the very end of the chain", { lifetimeSeconds: 3600 }, 0, 3600],
    ["from the very start of the chain", { nowMs: NOW_MS - 3_600_000 }, -3600, -3000],
  ])("[CL25] is valid in whole seconds, exactly its lifetime apart: %s", (_name, changes, start, end) => {
    const { notBeforeMs, notAfterMs } = build(changes);
    expect([(notBeforeMs - NOW_MS) / 1000, (notAfterMs - NOW_MS) / 1000]).toEqual([start, end]);
  });

  it.each([
    ["outlive the chain by a second", { nowMs: NOW_MS + 3_001_000 }, 60_000],
    ["start after the chain's end", { nowMs: NOW_MS + 3_601_000 }, 60_000],
    ["start a millisecond before the chain", { nowMs: NOW_MS - 3_600_001 }, 60_000],
    ["be back-dated to before the chain", { nowMs: NOW_MS - 3_600_000, backdateSeconds: 1 }, 60_000],
    ["start an hour before the chain", { nowMs: NOW_MS - 7_200_000 }, 3_600_000],
  ])("is refused when it would %s", (_name, changes, retryAfterMs) => {
    expect(() => build(changes)).toThrow(
      expect.objectContaining({ code: "profile_violation", reason: "CA_EXPIRED", retryAfterMs }),
    );
  });

  it.each([
    ["no lifetime", { lifetimeSeconds: 0 }],
    ["a lifetime below a minute", { lifetimeSeconds: 59 }],
    ["a lifetime beyond an hour", { lifetimeSeconds: 3601 }],
    ["half a second", { lifetimeSeconds: 600.5 }],
    ["no number as lifetime", { lifetimeSeconds: NaN }],
    ["back-dating by the whole lifetime", { backdateSeconds: 600 }],
    ["negative back-dating", { backdateSeconds: -1 }],
    ["back-dating by half a second", { backdateSeconds: 0.5 }],
  ])("is a defect of ours with %s", (_name, changes) => {
    expect(() => build(changes)).toThrow(RangeError);
  });
});
