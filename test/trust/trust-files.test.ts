import { generateKeyPairSync, hash } from "node:crypto";
import { describe, expect, it } from "@jest/globals";
import { SigningConfig, TrustedRoot } from "@sigstore/protobuf-specs";
import { bundleBuilderFromSigningConfig } from "@sigstore/sign";
import { toTrustMaterial } from "@sigstore/verify";
import fc from "fast-check";
import { readCertificateChain } from "../../src/trust/certificate-chain.ts";
import { makeTrustFiles } from "../../src/trust/make-trust-files.ts";
import { readPublicKey } from "../../src/trust/public-key-file.ts";
import { makeTrustMaterial } from "../../src/trust/trust-material.ts";
import type { TrustSources } from "../../src/trust/trust-material.ts";
import { encodeValidFor } from "../../src/trust/valid-for.ts";
import { makeCa, makeLoneRoot } from "../support/certificate-fixtures.ts";
import { makeTimestampChain } from "../support/timestamp-chain.ts";

const OPEN = { startMs: undefined, endMs: undefined };
/** What is said of one that signers are sent to. */
const SERVICE = { window: OPEN, operator: "example.com", verifyOnly: false };
const at = (text: string): number => Date.parse(text);
const spkiOf = ({ publicKey }: ReturnType<typeof generateKeyPairSync>) =>
  publicKey.export({ type: "spki", format: "der" });
const p256 = () => readPublicKey(spkiOf(generateKeyPairSync("ec", { namedCurve: "P-256" })));
const ed25519 = (bare: Uint8Array) =>
  readPublicKey(Buffer.concat([Buffer.from("302a300506032b6570032100", "hex"), bare]));

const YEAR = { notBeforeMs: at("2026-01-01T00:00:00Z"), notAfterMs: at("2027-01-01T00:00:00Z") };
const chainOf = (validity = YEAR) => {
  const { issuingDer, rootDer } = makeCa(validity);
  return readCertificateChain([issuingDer, rootDer], "issuing");
};
const issuing = chainOf();
const old = chainOf({ notBeforeMs: at("2020-01-01T00:00:00Z"), notAfterMs: at("2030-01-01T00:00:00Z") });
const tsa = (() => {
  const { own, root } = makeTimestampChain();
  const ders = [own, root].map((pem) => Buffer.from(pem.replaceAll(/-----.*-----|\s/gu, ""), "base64"));
  return readCertificateChain(ders, "timestamping");
})();
const logKey = p256();

const SOURCES: TrustSources = {
  publicUrl: "https://ca.example.com",
  operator: "example.com",
  issuers: ["https://accounts.example.com", "https://other.example.com/path"],
  issuing,
  issuingWindow: OPEN,
  otherAuthorities: [],
  ctLogs: [{ baseUrl: "https://ca.example.com/log", publicKey: logKey, role: "active", window: OPEN }],
  transparencyLogs: [],
  timestampAuthorities: [],
};

const filesOf = (change: Partial<TrustSources> = {}) => makeTrustFiles(makeTrustMaterial({ ...SOURCES, ...change }));
const jsonOf = (bytes: Uint8Array): unknown => JSON.parse(Buffer.from(bytes).toString("utf8"));
const rootOf = (change?: Partial<TrustSources>) => TrustedRoot.fromJSON(jsonOf(filesOf(change)["trusted_root.json"]));
const configOf = (change?: Partial<TrustSources>) =>
  SigningConfig.fromJSON(jsonOf(filesOf(change)["signing_config.v0.2.json"]));

const rekor = (more: Partial<TrustSources["transparencyLogs"][number]> = {}) => ({
  ...{
    url: "http://127.0.0.1:3003",
    baseUrl: "http://rekor-local",
    apiVersion: 2 as const,
    publicKey: p256(),
    ...SERVICE,
  },
  ...more,
});

const clock = (more: Partial<TrustSources["timestampAuthorities"][number]> = {}) => ({
  ...{ url: "https://t/ts", chain: tsa, ...SERVICE },
  ...more,
});

describe("trust files", () => {
  it("have the same bytes for the same material", () => {
    const sources = {
      transparencyLogs: [rekor()],
      timestampAuthorities: [clock()],
    };
    expect(filesOf(sources)).toEqual(filesOf(sources));
  });

  it("are UTF-8 that ends with a newline", () => {
    for (const bytes of Object.values(filesOf())) expect(Buffer.from(bytes).at(-1)).toBe(0x0a);
  });

  it("say who the CA is and that its log is trusted from when it is", () => {
    const start = new Date(YEAR.notBeforeMs);
    expect(rootOf()).toMatchObject({
      mediaType: "application/vnd.dev.sigstore.trustedroot+json;version=0.1",
      certificateAuthorities: [
        {
          subject: { organization: "Mayfly tests", commonName: "root" },
          uri: "https://ca.example.com",
          certChain: { certificates: issuing.certificates.map((der) => ({ rawBytes: Buffer.from(der) })) },
          validFor: { start },
        },
      ],
      ctlogs: [
        {
          publicKey: { rawBytes: Buffer.from(logKey.rawBytes), validFor: { start } },
          logId: { keyId: hash("sha256", logKey.rawBytes, "buffer") },
        },
      ],
    });
    expect(rootOf().certificateAuthorities[0]?.validFor?.end).toBeUndefined();
  });

  it("[CL27] give no log of certificates a checkpointKeyId, by which sigstore-js would look for it", () => {
    expect(rootOf().ctlogs[0]?.checkpointKeyId).toBeUndefined();
  });

  it("name the members that sigstore-python wants also where there is nothing in them", () => {
    expect(jsonOf(filesOf()["trusted_root.json"])).toMatchObject({ tlogs: [], timestampAuthorities: [] });
  });

  it("[CL28] keep a CA that was replaced, closed, and trust logs from when it began", () => {
    const end = at("2026-06-30T12:00:00Z");
    const { certificateAuthorities, ctlogs } = rootOf({
      otherAuthorities: [{ chain: old, window: { startMs: undefined, endMs: end } }],
    });
    expect(certificateAuthorities.map(({ validFor }) => validFor)).toEqual([
      { start: new Date("2020-01-01T00:00:00Z"), end: new Date(end) },
      { start: new Date(YEAR.notBeforeMs), end: undefined },
    ]);
    expect(ctlogs[0]?.publicKey?.validFor?.start).toEqual(new Date("2020-01-01T00:00:00Z"));
  });

  it("give every log its own window", () => {
    const window = { startMs: at("2026-12-01T00:00:00Z"), endMs: at("2028-02-01T00:00:00Z") };
    const staged = { baseUrl: "https://ca.example.com/2027", publicKey: p256(), role: "shard" as const, window };
    const { ctlogs } = rootOf({ ctLogs: [...SOURCES.ctLogs, staged] });
    expect(ctlogs[1]?.publicKey?.validFor).toEqual({ start: new Date(window.startMs), end: new Date(window.endMs) });
    const pem = Buffer.from(filesOf({ ctLogs: [staged, ...SOURCES.ctLogs] })["ct_log.pem"]).toString("utf8");
    expect(pem.replaceAll(/-----.*-----|\s/gu, "")).toBe(Buffer.from(logKey.rawBytes).toString("base64"));
  });

  it("have the CA that issues in the chain and the signing config, wherever it stands among the others", () => {
    const change = { otherAuthorities: [{ chain: old, window: { startMs: undefined, endMs: YEAR.notBeforeMs } }] };
    expect(filesOf(change)["chain.pem"]).toEqual(filesOf()["chain.pem"]);
    expect(configOf(change).caUrls).toMatchObject([{ validFor: { start: new Date(YEAR.notBeforeMs) } }]);
  });

  it("list what is trusted by its start, the oldest first, as protobuf-specs has it", () => {
    const from = (year: number) => ({ window: { startMs: at(`${String(year)}-01-01T00:00:00Z`), endMs: undefined } });
    const years = [2028, 2026, 2027];
    const root = rootOf({
      ctLogs: [
        ...years.map((year) => ({ baseUrl: "https://l", publicKey: p256(), role: "shard" as const, ...from(year) })),
        ...SOURCES.ctLogs,
      ],
      transparencyLogs: years.map((year) => rekor({ publicKey: p256(), ...from(year) })),
      timestampAuthorities: years.map((year) => clock(from(year))),
    });
    const starts = (times: readonly ({ readonly start?: Date | undefined } | undefined)[]) =>
      times.map((time) => time?.start?.getUTCFullYear());
    const ofLogs = (logs: typeof root.tlogs) => starts(logs.map(({ publicKey }) => publicKey?.validFor));
    expect(ofLogs(root.ctlogs)).toEqual([2026, 2026, 2027, 2028]);
    expect(ofLogs(root.tlogs)).toEqual([2026, 2027, 2028]);
    expect(starts(root.timestampAuthorities.map(({ validFor }) => validFor))).toEqual([2026, 2027, 2028]);
  });

  it.each([
    ["frozen before its window began", { startMs: at("2027-01-01T00:00:00Z"), endMs: at("2026-12-01T00:00:00Z") }],
    ["closed before there was a CA", { startMs: undefined, endMs: at("2025-01-01T00:00:00Z") }],
  ])("leave out a shard that was %s, as nothing that it signed counts", (_, window) => {
    const never = { baseUrl: "https://ca.example.com/never", publicKey: p256(), role: "shard" as const, window };
    expect(filesOf({ ctLogs: [never, ...SOURCES.ctLogs] })).toEqual(filesOf());
  });

  it("[CL28] have a timestamp authority trusted from when its certificates are valid", () => {
    const url = "https://tsa.example.com/api/v1/timestamp";
    const sources = { timestampAuthorities: [clock({ url })] };
    expect(rootOf(sources).timestampAuthorities).toMatchObject([
      {
        uri: url,
        subject: { organization: "example.com", commonName: "TSA root" },
        validFor: { start: new Date(tsa.notBeforeMs) },
      },
    ]);
    expect(configOf(sources)).toMatchObject({ tsaUrls: [{ url, majorApiVersion: 1 }], tsaConfig: { selector: 2 } });
  });

  it.each([
    {
      name: "Rekor v2 with Ed25519 by host name and key (published by rekor-tiles)",
      log: rekor({ publicKey: ed25519(Uint8Array.from({ length: 32 }, (_, index) => index + 1)) }),
      keyId: "UUxAXOv8aevr5s16gZj5H+qMcpqWn7LMvRFJ1PH7Lfs=",
    },
    {
      name: "Rekor v1 by the hash of its key (the generator of P-256)",
      log: rekor({
        apiVersion: 1,
        publicKey: readPublicKey(
          Buffer.from(
            "3059301306072a8648ce3d020106082a8648ce3d030107034200046b17d1f2e12c4247f8bce6e563a440f277037d812deb33a0f4a13945d898c2964fe342e2fe1a7f9b8ee7eb4a7c0f9e162bce33576b315ececbb6406837bf51f5",
            "hex",
          ),
        ),
      }),
      keyId: "XNJS+wzokyQ2+vjM0QQJgbie5K1rn+niorfnGqyyfNM=",
    },
  ])("call $name", ({ log, keyId }) => {
    const [instance] = rootOf({ transparencyLogs: [log] }).tlogs;
    expect(instance?.logId?.keyId.toString("base64")).toBe(keyId);
    expect(instance?.baseUrl).toBe("http://rekor-local");
  });

  it("send signers to a log of signatures where it is reached, in the version it has", () => {
    const sources = { transparencyLogs: [rekor({ apiVersion: 1, operator: "rekor.example" }), rekor()] };
    expect(configOf(sources)).toMatchObject({
      rekorTlogUrls: [
        { url: "http://127.0.0.1:3003", majorApiVersion: 2, operator: "example.com" },
        { url: "http://127.0.0.1:3003", majorApiVersion: 1, operator: "rekor.example" },
      ],
      rekorTlogConfig: { selector: 2 },
    });
  });

  const since = (year: number) => ({ startMs: at(`${String(year)}-01-01T00:00:00Z`), endMs: undefined });

  it("list services by their start, the newest first, as protobuf-specs has it", () => {
    const years = [2020, 2022, 2021];
    const { rekorTlogUrls, tsaUrls } = configOf({
      transparencyLogs: years.map((year) => rekor({ publicKey: p256(), window: since(year) })),
      timestampAuthorities: years.map((year) => clock({ window: since(year) })),
    });
    for (const urls of [rekorTlogUrls, tsaUrls]) {
      expect(urls.map(({ validFor }) => validFor?.start?.getUTCFullYear())).toEqual([2022, 2021, 2020]);
    }
  });

  it.each<[string, Partial<TrustSources>, readonly string[]]>([
    [
      "the log of the higher version, of two that began together",
      { transparencyLogs: [rekor({ apiVersion: 1, url: "http://old" }), rekor({ url: "http://new" })] },
      ["http://new"],
    ],
    [
      "the services that are in service, not those to come or gone",
      {
        transparencyLogs: [
          rekor({ url: "http://now", window: since(2020) }),
          rekor({ url: "http://to-come", publicKey: p256(), window: since(9000), verifyOnly: true }),
        ],
        timestampAuthorities: [
          clock({ url: "http://tsa-to-come/ts", window: since(9000), verifyOnly: true }),
          clock({ url: "http://tsa-now/ts" }),
        ],
      },
      ["http://now", "http://tsa-now/ts"],
    ],
    [
      "no service where the only one has ceased",
      {
        transparencyLogs: [rekor({ window: { startMs: 0, endMs: at("2026-02-01T00:00:00Z") }, verifyOnly: true })],
        timestampAuthorities: [clock({ window: { startMs: 0, endMs: at("2026-02-01T00:00:00Z") }, verifyOnly: true })],
      },
      [],
    ],
  ])("have sigstore-js choose %s", (_, change, urls) => {
    const builder = bundleBuilderFromSigningConfig({
      signingConfig: configOf(change),
      identityProvider: { getToken: () => Promise.resolve("") },
      bundleType: "messageSignature",
    });
    const chosen = JSON.stringify(builder).matchAll(/"baseURL":"([^"]+)"/gu);
    expect(new Set(Array.from(chosen, ([, url]) => url))).toEqual(new Set([SOURCES.publicUrl, ...urls]));
    const root = rootOf(change);
    expect(root.tlogs).toHaveLength(change.transparencyLogs?.length ?? 0);
    expect(root.timestampAuthorities).toHaveLength(change.timestampAuthorities?.length ?? 0);
  });

  it("leave a selector out where there is nothing to select, which sigstore-js refuses", () => {
    expect(Object.keys(jsonOf(filesOf()["signing_config.v0.2.json"]) as object)).toEqual([
      "mediaType",
      "caUrls",
      "oidcUrls",
    ]);
  });

  it("are trust material for Sigstore's verifier, with the same logs and authorities", () => {
    const { certificateAuthorities, timestampAuthorities, ctlogs, tlogs } = toTrustMaterial(
      rootOf({
        otherAuthorities: [{ chain: old, window: { startMs: undefined, endMs: at("2026-01-01T00:00:00Z") } }],
        timestampAuthorities: [clock()],
        transparencyLogs: [rekor(), rekor({ publicKey: ed25519(new Uint8Array(32).fill(9)) })],
      }),
    );
    expect([certificateAuthorities.length, timestampAuthorities.length, ctlogs.length, tlogs.length]).toEqual([
      2, 1, 1, 2,
    ]);
  });

  it("have one line for each root, log and file, whatever a root is called", () => {
    const lone = makeLoneRoot("ecdsa-p256", "ecdsa-p256-sha256");
    const chain = {
      ...readCertificateChain([lone.rootDer], "issuing"),
      rootSubject: { organization: "", commonName: "a\nb\u001b[2J\u202e" },
    };
    const text = Buffer.from(filesOf({ issuing: chain })["fingerprints.txt"]).toString("utf8");
    expect(text.split("\n").map((line) => line.slice(66))).toEqual([
      "root certificate  a?b?[2J?",
      "log key           https://ca.example.com/log",
      "file              trusted_root.json",
      "file              signing_config.v0.2.json",
      "file              client_trust_config.json",
      "",
    ]);
  });
});

describe("trust files refuse", () => {
  const [ctLog] = SOURCES.ctLogs;
  it.each<[string, Partial<TrustSources>, RegExp]>([
    [
      "two logs of one key",
      { ctLogs: [ctLog!, { ...ctLog!, baseUrl: "https://b", role: "shard" }] },
      /^the same log stands/u,
    ],
    [
      "the CA once more among the others",
      { otherAuthorities: [{ chain: issuing, window: { startMs: undefined, endMs: at("2026-02-01T00:00:00Z") } }] },
      /^the same authority stands there twice: [0-9a-f]{64}$/u,
    ],
    [
      "two logs of signatures with one key",
      { transparencyLogs: [rekor({ publicKey: logKey }), rekor({ publicKey: logKey, apiVersion: 1 })] },
      /^the same log of signatures stands/u,
    ],
    [
      "a CA that is closed before it was valid",
      { otherAuthorities: [{ chain: old, window: { startMs: undefined, endMs: at("2019-01-01T00:00:00Z") } }] },
      /^trusted until 2019-01-01T00:00:00\.000Z, which is before it begins: 2020-/u,
    ],
    [
      "a log of others that is closed before there was a CA",
      {
        ctLogs: [
          ctLog!,
          {
            ...{ baseUrl: "https://b", publicKey: p256(), role: "other" as const },
            window: { startMs: undefined, endMs: at("2025-01-01T00:00:00Z") },
          },
        ],
      },
      /before it begins/u,
    ],
    [
      "a timestamp authority that is closed before it was valid",
      { timestampAuthorities: [clock({ window: { startMs: undefined, endMs: 0 } })] },
      /before it begins/u,
    ],
  ])("%s", (_, change, says) => {
    expect(() => filesOf(change)).toThrow(
      expect.objectContaining({ reason: "TRUST_INVALID", message: expect.stringMatching(says) }),
    );
  });

  it("to be made of no active log, which no configuration has", () => {
    expect(() => filesOf({ ctLogs: [] })).toThrow(TypeError);
  });
});

it("a time that is trusted covers every moment it was written with, in whole seconds", () => {
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 4e12 }), fc.integer({ min: 0, max: 4e11 }), (startMs, lengthMs) => {
      const { start, end = "" } = encodeValidFor({ startMs, endMs: startMs + lengthMs });
      expect([start, end].every((text) => /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/u.test(text))).toBe(true);
      expect(startMs - at(start)).toBeGreaterThanOrEqual(0);
      expect(startMs - at(start)).toBeLessThan(1000);
      expect(at(end) - startMs - lengthMs).toBeGreaterThanOrEqual(0);
      expect(at(end) - startMs - lengthMs).toBeLessThan(1000);
    }),
    { seed: 20261122 },
  );
});
