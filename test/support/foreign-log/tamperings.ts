import { gzipSync } from "node:zlib";
import type { SignedEntry } from "../../../src/core/ct/log-entry.ts";
import { encodeCtExtensions } from "../../../src/core/ct/ct-extensions.ts";
import type { TileLeaf } from "../../../src/core/ct/static-entry.ts";
import { makeKeyPair } from "../certificate-fixtures.ts";
import { flipped, type TamperedLog } from "./tampered-log.ts";

/** One way to tamper with a log's files, and where a verifier must say that something is wrong. */
export interface Tampering {
  readonly what: string;
  /** @returns the places, each of which must be named */
  readonly tamper: (log: TamperedLog) => readonly string[] | Promise<readonly string[]>;
  /**
   * Places that may be named too, since the change shows there as well: the tree above it, up to the root.
   * Any other place that is named is a wrong one.
   */
  readonly alsoAt?: RegExp;
}

/** Tile 3 of level 0 is full and in the middle of the log. */
const FULL = 3;
const START = FULL * 256;

/** The tree over the entries of tile 3. */
const TREE_ABOVE = /^(?:tile 0\/3|tile 1\/0|checkpoint)$/u;

type Precert = Extract<SignedEntry, { kind: "precert_entry" }>;
type X509 = Extract<SignedEntry, { kind: "x509_entry" }>;

const withEntry = (leaf: TileLeaf, signedEntry: SignedEntry): TileLeaf => ({
  ...leaf,
  timestampedEntry: { ...leaf.timestampedEntry, signedEntry },
});

function precertOf({ timestampedEntry: { signedEntry } }: TileLeaf): Precert {
  if (signedEntry.kind !== "precert_entry") throw new TypeError("no precert_entry");
  return signedEntry;
}

function x509Of({ timestampedEntry: { signedEntry } }: TileLeaf): X509 {
  if (signedEntry.kind !== "x509_entry") throw new TypeError("no x509_entry");
  return signedEntry;
}

/** Changes the first precertificate of tile 3. */
function editPrecert(log: TamperedLog, change: (leaf: TileLeaf) => TileLeaf): readonly string[] {
  const index = log.find("precert_entry", START);
  log.editEntry(index, change);
  return [`entry ${String(index)}`];
}

/** Changes the first final certificate of tile 3. */
function editX509(log: TamperedLog, change: (leaf: TileLeaf) => TileLeaf): readonly string[] {
  const index = log.find("x509_entry", START);
  log.editEntry(index, change);
  return [`entry ${String(index)}`];
}

const middleOf = (bytes: Uint8Array): number => Math.floor(bytes.length / 2);

const HASH_TILES: readonly Tampering[] = [
  {
    what: "a bit of a full tile of level 0",
    tamper: (log) => {
      log.flip(log.tile(0, FULL), 32 * 200);
      return ["tile 0/3"];
    },
  },
  {
    what: "a bit of the partial tile of level 0",
    tamper: (log) => {
      log.flip(log.tile(0, 8), 5);
      return ["tile 0/8"];
    },
  },
  {
    what: "a bit of the tile of level 1",
    tamper: (log) => {
      log.flip(log.tile(1, 0), 32 * 4 + 31);
      return ["tile 1/0"];
    },
  },
  {
    what: "a full tile that lost its last hash",
    tamper: (log) => {
      log.edit(log.tile(0, FULL), (tile) => tile.subarray(0, -32));
      return ["tile 0/3"];
    },
  },
  {
    what: "a full tile that lost its last octet",
    tamper: (log) => {
      log.edit(log.tile(0, FULL), (tile) => tile.subarray(0, -1));
      return ["tile 0/3"];
    },
  },
  {
    what: "a full tile with a hash too many",
    tamper: (log) => {
      log.edit(log.tile(0, FULL), (tile) => Buffer.concat([tile, tile.subarray(0, 32)]));
      return ["tile 0/3"];
    },
  },
  {
    what: "an empty tile",
    tamper: (log) => {
      log.edit(log.tile(0, FULL), () => new Uint8Array(0));
      return ["tile 0/3"];
    },
  },
  {
    what: "a full tile missing",
    tamper: (log) => {
      log.delete(log.tile(0, FULL));
      return ["tile 0/3"];
    },
  },
  {
    what: "the partial tile missing",
    tamper: (log) => {
      log.delete(log.tile(0, 8));
      return ["tile 0/8"];
    },
  },
  {
    what: "the tile of level 1 missing",
    tamper: (log) => {
      log.delete(log.tile(1, 0));
      return ["tile 1/0"];
    },
  },
  {
    what: "two tiles swapped",
    tamper: (log) => {
      log.swap(log.tile(0, 2), log.tile(0, 5));
      return ["tile 0/2", "tile 0/5"];
    },
  },
  {
    what: "two hashes of a tile swapped",
    tamper: (log) => {
      log.edit(log.tile(0, FULL), (tile) =>
        Buffer.concat([tile.subarray(32, 64), tile.subarray(0, 32), tile.subarray(64)]),
      );
      return ["tile 0/3"];
    },
  },
  {
    what: "a stale partial tile under the name of the wider one",
    tamper: (log) => {
      log.edit(log.tile(0, 8), (tile) => tile.subarray(0, 32 * 40));
      return ["tile 0/8"];
    },
  },
];

const ENTRIES: readonly Tampering[] = [
  {
    what: "an entry's time",
    alsoAt: TREE_ABOVE,
    tamper: (log) => {
      editPrecert(log, (leaf) => {
        const timestampMs = leaf.timestampedEntry.timestampMs + 1;
        return { ...leaf, timestampedEntry: { ...leaf.timestampedEntry, timestampMs } };
      });
      // Nothing but the tree vouches for a time, so the tile of its hash is where it shows.
      return ["tile 0/3"];
    },
  },
  {
    what: "a bit of a logged TBSCertificate",
    alsoAt: TREE_ABOVE,
    tamper: (log) =>
      editPrecert(log, (leaf) => {
        const entry = precertOf(leaf);
        const tbsCertificate = flipped(entry.tbsCertificate, middleOf(entry.tbsCertificate));
        return withEntry(leaf, { ...entry, tbsCertificate });
      }),
  },
  {
    what: "a bit of a precertificate's TBSCertificate, which the tree does not commit to",
    tamper: (log) =>
      editPrecert(log, (leaf) => {
        const { preCertificate = new Uint8Array(0) } = leaf;
        return { ...leaf, preCertificate: flipped(preCertificate, middleOf(preCertificate)) };
      }),
  },
  {
    what: "a bit of a precertificate's signature",
    tamper: (log) =>
      editPrecert(log, (leaf) => {
        const { preCertificate = new Uint8Array(0) } = leaf;
        return { ...leaf, preCertificate: flipped(preCertificate, preCertificate.length - 1) };
      }),
  },
  {
    what: "another entry's precertificate",
    tamper: (log) => {
      const other = log.entry(log.find("precert_entry", START + 128));
      if (other.preCertificate === undefined) throw new TypeError("no precertificate");
      const { preCertificate } = other;
      return editPrecert(log, (leaf) => ({ ...leaf, preCertificate }));
    },
  },
  {
    what: "another issuer key hash",
    alsoAt: TREE_ABOVE,
    tamper: (log) =>
      editPrecert(log, (leaf) => {
        const entry = precertOf(leaf);
        return withEntry(leaf, { ...entry, issuerKeyHash: flipped(entry.issuerKeyHash, 0) });
      }),
  },
  {
    what: "another index in the extensions",
    alsoAt: TREE_ABOVE,
    tamper: (log) =>
      editPrecert(log, (leaf) => ({
        ...leaf,
        timestampedEntry: { ...leaf.timestampedEntry, extensions: encodeCtExtensions(START + 77) },
      })),
  },
  {
    what: "no index in the extensions",
    alsoAt: TREE_ABOVE,
    tamper: (log) =>
      editPrecert(log, (leaf) => ({
        ...leaf,
        timestampedEntry: { ...leaf.timestampedEntry, extensions: new Uint8Array(0) },
      })),
  },
  {
    what: "the chain in another order",
    tamper: (log) => editPrecert(log, (leaf) => ({ ...leaf, certificateChain: leaf.certificateChain.toReversed() })),
  },
  {
    what: "no chain",
    tamper: (log) => editPrecert(log, (leaf) => ({ ...leaf, certificateChain: [] })),
  },
  {
    what: "another issuing CA in the chain",
    tamper: (log) => {
      const index = log.find("precert_entry", START);
      const own = log.entry(index).certificateChain;
      const others = Array.from({ length: 64 }, (_, at) => log.entry(START + at).certificateChain[0]);
      const other = others.find(
        (first) => first !== undefined && own.every((known) => Buffer.compare(known, first) !== 0),
      );
      if (other === undefined) throw new TypeError("no other CA");
      log.editEntry(index, (leaf) => ({ ...leaf, certificateChain: [other, ...own.slice(1)] }));
      return [`entry ${String(index)}`];
    },
  },
  {
    what: "a fingerprint of no certificate",
    tamper: (log) => {
      const index = log.find("precert_entry", START);
      const [first = new Uint8Array(32), ...rest] = log.entry(index).certificateChain;
      const other = flipped(first, 31);
      log.editEntry(index, (leaf) => ({ ...leaf, certificateChain: [other, ...rest] }));
      return [`issuer ${Buffer.from(other).toString("hex")}`];
    },
  },
  {
    what: "a bit of a certificate's TBSCertificate",
    alsoAt: TREE_ABOVE,
    tamper: (log) =>
      editX509(log, (leaf) => {
        const entry = x509Of(leaf);
        return withEntry(leaf, { ...entry, certificate: flipped(entry.certificate, middleOf(entry.certificate)) });
      }),
  },
  {
    what: "a bit of a certificate's signature",
    alsoAt: TREE_ABOVE,
    tamper: (log) =>
      editX509(log, (leaf) => {
        const entry = x509Of(leaf);
        return withEntry(leaf, { ...entry, certificate: flipped(entry.certificate, entry.certificate.length - 1) });
      }),
  },
  {
    what: "two entries swapped",
    alsoAt: TREE_ABOVE,
    tamper: (log) => {
      const [one, other] = [log.entry(START + 10), log.entry(START + 20)];
      log.editEntry(START + 10, () => other);
      log.editEntry(START + 20, () => one);
      return [`entry ${String(START + 10)}`, `entry ${String(START + 20)}`];
    },
  },
  {
    what: "an entry twice",
    alsoAt: TREE_ABOVE,
    tamper: (log) => {
      const again = log.entry(START + 10);
      log.editEntry(START + 11, () => again);
      return [`entry ${String(START + 11)}`];
    },
  },
];

const DATA_TILES: readonly Tampering[] = [
  {
    what: "an entry of no known type",
    tamper: (log) => {
      log.flip(log.dataTile(FULL), 8);
      return ["data tile 3"];
    },
  },
  {
    what: "a data tile cut short",
    tamper: (log) => {
      log.edit(log.dataTile(FULL), (tile) => tile.subarray(0, -100));
      return ["data tile 3"];
    },
  },
  {
    what: "a data tile with octets behind it",
    tamper: (log) => {
      log.edit(log.dataTile(FULL), (tile) => Buffer.concat([tile, Buffer.from("more")]));
      return ["data tile 3"];
    },
  },
  {
    what: "a data tile with an entry too many",
    tamper: (log) => {
      const next = log.read(log.dataTile(8));
      log.edit(log.dataTile(FULL), (tile) => Buffer.concat([tile, next]));
      return ["data tile 3"];
    },
  },
  {
    what: "an empty data tile",
    tamper: (log) => {
      log.edit(log.dataTile(FULL), () => new Uint8Array(0));
      return ["data tile 3"];
    },
  },
  {
    what: "a data tile missing",
    tamper: (log) => {
      log.delete(log.dataTile(FULL));
      return ["data tile 3"];
    },
  },
  {
    what: "the partial data tile missing",
    tamper: (log) => {
      log.delete(log.dataTile(8));
      return ["data tile 8"];
    },
  },
  {
    what: "a data tile whose compression is damaged",
    tamper: (log) => {
      log.edit(log.dataTile(FULL), (tile) => gzipSync(tile).subarray(0, -20));
      return ["data tile 3"];
    },
  },
  {
    what: "two data tiles swapped",
    alsoAt: /^(?:entry \d+|tile 0\/[25]|tile 1\/0|checkpoint)$/u,
    tamper: (log) => {
      log.swap(log.dataTile(2), log.dataTile(5));
      // Each of 512 entries is in a wrong place; the command shows a hundred problems.
      return [`entry ${String(2 * 256)}`];
    },
  },
];

const ISSUERS: readonly Tampering[] = [
  {
    what: "a bit of an issuer",
    tamper: (log) => {
      const [name = ""] = log.issuers;
      log.flip(`issuer/${name}`, 100);
      return [`issuer ${name}`];
    },
  },
  {
    what: "an issuer missing",
    tamper: (log) => {
      const [, name = ""] = log.issuers;
      log.delete(`issuer/${name}`);
      return [`issuer ${name}`];
    },
  },
  {
    what: "two issuers swapped",
    tamper: (log) => {
      const [one = "", other = ""] = log.issuers;
      log.swap(`issuer/${one}`, `issuer/${other}`);
      return [`issuer ${one}`, `issuer ${other}`];
    },
  },
];

/** Everything about a checkpoint shows at the checkpoint. */
const checkpoint = (what: string, tamper: (log: TamperedLog) => void | Promise<void>): Tampering => ({
  what,
  tamper: async (log) => {
    await tamper(log);
    return ["checkpoint"];
  },
});

const CHECKPOINTS: readonly Tampering[] = [
  checkpoint("another size in the checkpoint", (log) => {
    log.editCheckpoint((note) => note.replace(`\n${String(log.size)}\n`, `\n${String(log.size - 1)}\n`));
  }),
  checkpoint("another root in the checkpoint", (log) => {
    const [from, to] = [log.root(), log.root(log.size - 1)].map((root) => Buffer.from(root).toString("base64"));
    log.editCheckpoint((note) => note.replace(from ?? "", to ?? ""));
  }),
  checkpoint("another origin in the checkpoint", (log) => {
    log.editCheckpoint((note) => note.replace(/^\S+/u, "other.test/2026"));
  }),
  checkpoint("another line in the checkpoint", (log) => {
    log.editCheckpoint((note) => note.replace("\n\n", "\nextension\n\n"));
  }),
  checkpoint("a bit of the checkpoint's signature", (log) => {
    log.editSignature((signature) => flipped(signature, signature.length - 1));
  }),
  checkpoint("another time in the checkpoint's signature", (log) => {
    log.editSignature((signature) => flipped(signature, 11));
  }),
  checkpoint("no signature", (log) => {
    log.editCheckpoint((note) => note.slice(0, note.indexOf("\n\n") + 2));
  }),
  checkpoint("a signature by another key", (log) =>
    log.sign({
      privateKeyPem: makeKeyPair("ecdsa-p256").privateKey.export({ type: "pkcs8", format: "pem" }).toString(),
    }),
  ),
  checkpoint("a checkpoint of another log of the same key", (log) => log.sign({ origin: "other.test/2026" })),
  checkpoint("an empty checkpoint", (log) => {
    log.editCheckpoint(() => "");
  }),
  checkpoint("another root, signed by the log's own key", (log) => log.sign({ root: log.root(log.size - 1) })),
  checkpoint("a time before its entries, signed by the log's own key", (log) =>
    log.sign({ timestampMs: log.entry(log.size - 1).timestampedEntry.timestampMs - 60_000 }),
  ),
  {
    what: "a tree that is larger than what is there, signed by the log's own key",
    alsoAt: /^(?:tile 0\/8|data tile 8|checkpoint)$/u,
    tamper: async (log) => {
      await log.sign({ size: log.size + 1, root: log.root() });
      return ["data tile 8", "tile 0/8"];
    },
  },
  {
    what: "an entry's time, with every tile computed anew",
    tamper: (log) => {
      editPrecert(log, (leaf) => {
        const timestampMs = leaf.timestampedEntry.timestampMs + 1;
        return { ...leaf, timestampedEntry: { ...leaf.timestampedEntry, timestampMs } };
      });
      log.rebuildTiles();
      return ["checkpoint"];
    },
  },
  {
    what: "the last entry taken away, with every tile computed anew and the checkpoint signed again for the old size",
    alsoAt: /^(?:tile 0\/8|tile 1\/0|checkpoint)$/u,
    tamper: async (log) => {
      const last = log.size - 1;
      const before = log.entry(last - 1);
      log.editEntry(last, () => before);
      await log.sign({ root: log.rebuildTiles() });
      return [`entry ${String(last)}`];
    },
  },
];

/** Every kind of tampering. */
export const TAMPERINGS: readonly Tampering[] = [...HASH_TILES, ...ENTRIES, ...DATA_TILES, ...ISSUERS, ...CHECKPOINTS];
