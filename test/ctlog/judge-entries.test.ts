import { beforeAll, describe, expect, it } from "@jest/globals";
import { encodeCtExtensions } from "../../src/core/ct/ct-extensions.ts";
import { encodeTileLeaf, type TileLeaf } from "../../src/core/ct/static-entry.ts";
import { makeJudgeEntries, type LogKind } from "../../src/ctlog/judge-entries.ts";
import { referencedIssuers } from "../../src/ctlog/referenced-issuers.ts";
import { packEntries, type PartVerdict } from "../../src/tlog/entry-part.ts";
import { naiveRoot } from "../support/assert-log-consistent.ts";
import { makeCa, makeCaCertificate, makeKeyPair } from "../support/certificate-fixtures.ts";
import { sha256 } from "../support/log-fixtures.ts";
import { leafHashesOf, makeStaticLog, type StaticLog } from "../support/static-log.ts";
import { flipBit } from "../support/vectors.ts";

let log: StaticLog;
let others: StaticLog;

beforeAll(async () => {
  log = await makeStaticLog(256);
  others = await makeStaticLog(5);
});

const certificates = (): readonly Uint8Array[] => log.ca.chain.certificates;

function judge(stored: readonly (Uint8Array | undefined)[], kind: LogKind = "static-ct", start = 0): PartVerdict {
  return makeJudgeEntries(kind)(packEntries(start, stored), certificates());
}

const said = ({ problems }: PartVerdict): string[] => problems.map(({ where, what }) => `${where}: ${what}`);

/** Index of a precertificate and of a certificate in the log. */
const PRECERTIFICATE = 1;
const CERTIFICATE = 4;

/** Says what is found when one entry is replaced. */
function afterChange(at: number, change: (entry: TileLeaf) => TileLeaf, kind: LogKind = "static-ct"): string[] {
  const entries = log.entries.slice(0, 8).map((entry, index) => (index === at ? change(entry) : entry));
  return said(judge(entries.map(encodeTileLeaf), kind));
}

type Precertificate = Extract<TileLeaf["timestampedEntry"]["signedEntry"], { kind: "precert_entry" }>;

function changePrecertificate(entry: TileLeaf, change: (signed: Precertificate) => Precertificate): TileLeaf {
  const { timestampedEntry } = entry;
  if (timestampedEntry.signedEntry.kind !== "precert_entry") throw new TypeError("no precertificate");
  return { ...entry, timestampedEntry: { ...timestampedEntry, signedEntry: change(timestampedEntry.signedEntry) } };
}

const lastBit = (bytes: Uint8Array): Uint8Array => flipBit(bytes, bytes.length * 8 - 1);

describe("the judgement of entries", () => {
  it("finds nothing in entries that are what they say, and gives their leaf hashes, times and the hash of their tile", () => {
    const verdict = judge(log.entries.map(encodeTileLeaf));
    const hashes = leafHashesOf(log.entries);
    expect(said(verdict)).toEqual([]);
    expect(Buffer.from(verdict.leafHashes).equals(Buffer.concat(hashes))).toBe(true);
    expect(Buffer.from(verdict.tileHash ?? []).equals(naiveRoot(hashes))).toBe(true);
    expect([...verdict.timesMs]).toEqual(log.entries.map(({ timestampedEntry }) => timestampedEntry.timestampMs));
  });

  it("leaves out what could not be had, and goes on", () => {
    const verdict = judge([encodeTileLeaf(log.entries[0]!), undefined, encodeTileLeaf(log.entries[2]!)]);
    expect({ said: said(verdict), times: [...verdict.timesMs].map(Number.isNaN) }).toEqual({
      said: [],
      times: [false, true, false],
    });
    expect(Buffer.from(verdict.leafHashes.subarray(32, 64)).equals(Buffer.alloc(32))).toBe(true);
  });

  it.each<[string, number, (entry: TileLeaf) => TileLeaf, string | RegExp]>([
    [
      "the index",
      PRECERTIFICATE,
      (entry) => ({ ...entry, timestampedEntry: { ...entry.timestampedEntry, extensions: encodeCtExtensions(7) } }),
      "entry 1: says that it is entry 7",
    ],
    [
      "an index that is gone",
      PRECERTIFICATE,
      (entry) => ({ ...entry, timestampedEntry: { ...entry.timestampedEntry, extensions: new Uint8Array(0) } }),
      "entry 1: says that it is entry none",
    ],
    [
      "extensions that are cut off",
      PRECERTIFICATE,
      (entry) => ({
        ...entry,
        timestampedEntry: { ...entry.timestampedEntry, extensions: encodeCtExtensions(1).subarray(1) },
      }),
      /^entry 1: has extensions that cannot be read: /u,
    ],
    [
      "the issuer key hash",
      PRECERTIFICATE,
      (entry) => changePrecertificate(entry, (signed) => ({ ...signed, issuerKeyHash: lastBit(signed.issuerKeyHash) })),
      "entry 1: was issued by another key than its chain's",
    ],
    [
      "the logged TBS",
      PRECERTIFICATE,
      (entry) =>
        changePrecertificate(entry, (signed) => ({ ...signed, tbsCertificate: lastBit(signed.tbsCertificate) })),
      /^entry 1: its precertificate is not the logged one: /u,
    ],
    [
      "the TBS of the precertificate",
      PRECERTIFICATE,
      (entry) => ({ ...entry, preCertificate: flipBit(entry.preCertificate ?? new Uint8Array(0), 8 * 40) }),
      /^entry 1: its precertificate is not the logged one: /u,
    ],
    [
      "the precertificate's signature",
      PRECERTIFICATE,
      (entry) => ({ ...entry, preCertificate: lastBit(entry.preCertificate ?? new Uint8Array(0)) }),
      "entry 1: its precertificate was not signed by the issuing CA",
    ],
    [
      "the precertificate, which is another one",
      PRECERTIFICATE,
      (entry) => ({ ...entry, preCertificate: log.entries[2]!.preCertificate ?? new Uint8Array(0) }),
      /^entry 1: its precertificate is not the logged one: /u,
    ],
    [
      "the certificate's signature",
      CERTIFICATE,
      (entry) => ({
        ...entry,
        timestampedEntry: {
          ...entry.timestampedEntry,
          signedEntry: {
            kind: "x509_entry",
            certificate: lastBit(
              entry.timestampedEntry.signedEntry.kind === "x509_entry"
                ? entry.timestampedEntry.signedEntry.certificate
                : new Uint8Array(0),
            ),
          },
        },
      }),
      "entry 4: its certificate was not signed by the first of its chain",
    ],
    [
      "the certificate, which is one of another CA",
      CERTIFICATE,
      (entry) => ({
        ...entry,
        timestampedEntry: {
          ...entry.timestampedEntry,
          signedEntry: others.entries[4]!.timestampedEntry.signedEntry,
        },
      }),
      "entry 4: its certificate was not signed by the first of its chain",
    ],
    [
      "the certificate, which is none",
      CERTIFICATE,
      (entry) => ({
        ...entry,
        timestampedEntry: {
          ...entry.timestampedEntry,
          signedEntry: { kind: "x509_entry", certificate: Uint8Array.of(0x30, 3, 1, 1, 0) },
        },
      }),
      /^entry 4: its certificate cannot be read: /u,
    ],
    [
      "the chain of a precertificate, which is empty",
      PRECERTIFICATE,
      (entry) => ({ ...entry, certificateChain: [] }),
      "entry 1: names no issuer",
    ],
    [
      "the chain of a certificate, which is empty",
      CERTIFICATE,
      (entry) => ({ ...entry, certificateChain: [] }),
      "entry 4: names no issuer",
    ],
    [
      "the order of the chain",
      PRECERTIFICATE,
      (entry) => ({ ...entry, certificateChain: entry.certificateChain.toReversed() }),
      /^entry 1: issuer [0-9a-f]{64} was not issued by the next certificate of the chain$/u,
    ],
  ])("finds that %s was changed", (_, at, change, says) => {
    const found = afterChange(at, change);
    expect(found).toHaveLength(1);
    if (typeof says === "string") expect(found[0]).toBe(says);
    else expect(found[0]).toMatch(says);
  });

  it("finds bytes that are no entry, and bytes behind one", () => {
    const stored = log.entries.slice(0, 3).map(encodeTileLeaf);
    const noType = Uint8Array.from(stored[0]!);
    noType[9] = 7;
    const found = said(judge([noType, Buffer.concat([stored[1]!, Uint8Array.of(0)]), stored[2]!.subarray(0, -1)]));
    expect(found.map((line) => line.replace(/: [^:]*$/u, ""))).toEqual([
      "entry 0: is no entry of a certificate log",
      "entry 1: is no entry of a certificate log",
      "entry 2: is no entry of a certificate log",
    ]);
  });

  it("takes a root as an entry without a chain", () => {
    const root = makeCa().rootDer;
    const timestampedEntry = {
      timestampMs: 1,
      signedEntry: { kind: "x509_entry" as const, certificate: root },
      extensions: encodeCtExtensions(0),
    };
    expect(said(judge([encodeTileLeaf({ timestampedEntry, certificateChain: [] })]))).toEqual([]);
  });

  it.each(["ecdsa-p384", "ecdsa-p521", "rsa-2048", "ed25519"] as const)("knows signatures by %s keys", (algorithm) => {
    const signatures = {
      "ecdsa-p384": "ecdsa-p384-sha384",
      "ecdsa-p521": "ecdsa-p521-sha512",
      "rsa-2048": "rsa-pkcs1-sha256",
      ed25519: "ed25519",
    } as const;
    const key = makeKeyPair(algorithm);
    const certificate = makeCaCertificate(key, key, { algorithm: signatures[algorithm] });
    const entryOf = (der: Uint8Array) =>
      encodeTileLeaf({
        timestampedEntry: {
          timestampMs: 1,
          signedEntry: { kind: "x509_entry", certificate: der },
          extensions: encodeCtExtensions(0),
        },
        certificateChain: [sha256(certificate)],
      });
    const judged = (der: Uint8Array) =>
      said(makeJudgeEntries("static-ct")(packEntries(0, [entryOf(der)]), [certificate]));
    expect(judged(certificate)).toEqual([]);
    expect(judged(lastBit(certificate))).toEqual(["entry 0: its certificate was not signed by the first of its chain"]);
  });

  it("says of a log of Mayfly's that a certificate has no place in it", () => {
    expect(afterChange(0, (entry) => entry, "mayfly")).toEqual(["entry 4: is no precertificate"]);
  });

  it("does not miss the index in entries of RFC 6962, but takes it where it is named", () => {
    const extensions = new Uint8Array(0);
    const without = (entry: TileLeaf): TileLeaf => ({
      ...entry,
      timestampedEntry: { ...entry.timestampedEntry, extensions },
    });
    expect(afterChange(PRECERTIFICATE, without, "rfc6962")).toEqual([]);
    const wrong = (entry: TileLeaf): TileLeaf => ({
      ...entry,
      timestampedEntry: { ...entry.timestampedEntry, extensions: encodeCtExtensions(2) },
    });
    expect(afterChange(PRECERTIFICATE, wrong, "rfc6962")).toEqual(["entry 1: says that it is entry 2"]);
  });

  it("does not judge an entry whose issuing CA is not there, and learns of it later", () => {
    const judgeEntries = makeJudgeEntries("static-ct");
    const broken = { ...log.entries[0]!, preCertificate: lastBit(log.entries[0]!.preCertificate ?? new Uint8Array(0)) };
    const part = (): ReturnType<typeof packEntries> => packEntries(0, [encodeTileLeaf(broken)]);
    expect(said(judgeEntries(part(), certificates().slice(1)))).toEqual([]);
    expect(said(judgeEntries(part(), certificates()))).toEqual([
      "entry 0: its precertificate was not signed by the issuing CA",
    ]);
  });

  it("knows what entries refer to, each once, also beside an entry that cannot be read", () => {
    const stored = [Uint8Array.of(1), ...log.entries.slice(0, 3).map(encodeTileLeaf)];
    const names = referencedIssuers(packEntries(0, stored)).map((each) => Buffer.from(each).toString("hex"));
    expect(names).toEqual(log.ca.chain.fingerprints.map((each) => Buffer.from(each).toString("hex")));
  });
});
