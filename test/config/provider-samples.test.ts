import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { openProviderPack, providerFile, providerNames } from "../../src/config/provider-pack.ts";
import { FULCIO_EXTENSIONS } from "../../src/core/certificate/extensions/fulcio.ts";
import { EXTENSION_FIELDS } from "../../src/core/identity/ci-provider.ts";
import type { ExtensionName } from "../../src/core/identity/ci-provider.ts";
import { NOW, openDoor } from "../support/door.ts";
import type { Answer, Door } from "../support/door.ts";
import { expectFulcioLeaf } from "../support/fulcio-leaf.ts";
import { pemsIn } from "../support/issued.ts";
import { issuerSettings } from "../support/issuer-settings.ts";
import { rulesOf, samplesOf } from "../support/provider-samples.ts";
import type { ProviderSample, SampleCertificate } from "../support/provider-samples.ts";
import { badToken } from "../support/refusal.ts";
import type { Reason } from "../../src/core/errors.ts";

/** Number of each extension that a template fills. */
const ARCS = new Map(FULCIO_EXTENSIONS.map(({ name, number }) => [name, number]));

/** All that a certificate says of a sample, in the order in which it says it. */
function contentOf({ issuer, claims }: ProviderSample, { subjectAlternativeName, extensions }: SampleCertificate) {
  const kind = subjectAlternativeName.includes("://") ? "URI" : "email";
  const filled = Object.entries(extensions).map(([name, text]): [number, string] => [
    ARCS.get(EXTENSION_FIELDS[name as ExtensionName]) ?? 0,
    text,
  ]);
  const own: [number, string][] = [
    [1, issuer],
    [8, issuer],
    [24, String(claims["sub"])],
  ];
  return {
    subjectAltName: `${kind}:${subjectAlternativeName}`,
    extensions: [...own, ...filled].sort(([a], [b]) => a - b),
  };
}

/** Samples that one service can take: those of the same settings. */
function groupsOf(samples: readonly ProviderSample[]): readonly (readonly [string, readonly ProviderSample[]])[] {
  return Object.entries(Object.groupBy(samples, ({ settings }) => JSON.stringify(settings))).map(
    ([key, group = []]) => [key, group],
  );
}

describe.each(providerNames())("the pack %s", (name) => {
  const pack = openProviderPack(providerFile(name));
  const samples = samplesOf(pack);

  it("has the name of its file, and samples that are issued and that are refused", () => {
    expect(pack.pack.name).toBe(name);
    expect(samples.filter(({ certificate }) => certificate !== undefined)).not.toEqual([]);
    expect(samples.filter(({ refused }) => refused !== undefined)).not.toEqual([]);
  });

  it("has a sample for each extension that it fills", () => {
    const seen = new Set(samples.flatMap(({ certificate }) => Object.keys(certificate?.extensions ?? {})));
    expect([...seen].sort()).toEqual(Object.keys("identity" in pack.pack ? {} : pack.pack.extensions).sort());
  });

  describe.each(groupsOf(samples))("with settings %s", (settings, group) => {
    let door: Door;
    beforeAll(async () => {
      const identity = rulesOf(pack, JSON.parse(settings) as Record<string, string>);
      const urls = [...new Set(group.map(({ issuer }) => issuer))];
      door = await openDoor({ memoryIssuers: urls.map((url) => issuerSettings({ url, identity })) });
    });
    afterAll(() => door.close());

    const isOfPerson = pack.kind === "identity" && pack.pack.identity.kind !== "kubernetes";
    const sign = ({ issuer, claims }: ProviderSample): Promise<Answer> =>
      door.sign({
        token: door.token({
          ...{ email: undefined, email_verified: undefined, sub: undefined },
          ...{ iat: NOW, exp: NOW + 600, ...claims, iss: issuer, aud: "sigstore" },
        }),
        challenge: String(isOfPerson ? (claims["email"] ?? claims["sub"]) : claims["sub"]),
      });

    it.each(group.map((sample) => [sample.name, sample] as const))("%s", async (_name, sample) => {
      const answer = await sign(sample);
      if (sample.certificate === undefined) {
        door.expectRefused(answer, badToken(sample.refused as Reason));
        return;
      }
      door.expectIssued(answer);
      expectFulcioLeaf(pemsIn(answer)[0] ?? "", door.callerKey, contentOf(sample, sample.certificate));
    });
  });
});
