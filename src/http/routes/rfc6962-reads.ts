import { encodeTreeHeadSignature } from "../../core/ct/signed-tree-head.ts";
import { encodeBase64 } from "../../core/encoding/base64.ts";
import { MayflyError } from "../../core/errors.ts";
import { HASH_LENGTH } from "../../core/merkle/tree.ts";
import type { ChainedEntry, Rfc6962View } from "../../ctlog/rfc6962-view.ts";
import { FINAL_JSON, FRESH_JSON, PASSING_JSON, SHORT_LIVED_JSON } from "../headers.ts";
import type { HeaderFields } from "../headers.ts";
import { Query } from "../query.ts";
import type { LogRead, PublishedLog } from "./log-read.ts";

/** How long an answer may be kept, and what it says. */
type JsonAnswer = readonly [headers: HeaderFields, body: object];

/** An endpoint's answer to its parameters. */
type Endpoint = (query: Query) => Promise<JsonAnswer>;

/**
 * `<prefix>/ct/v1/get-…` (RFC 6962 §4.3 to §4.8). Only the CA adds entries, so `add-chain` and `add-pre-chain` are no
 * paths. A parameter that comes twice is refused; one that an endpoint does not have is ignored.
 */
export function rfc6962Reads({ view, roots }: PublishedLog): readonly LogRead[] {
  const { rfc6962 } = view;
  return [
    endpoint("get-sth", () => getTreeHead(rfc6962)),
    endpoint("get-sth-consistency", (query) => getConsistency(rfc6962, query)),
    endpoint("get-proof-by-hash", (query) => getProofByHash(rfc6962, query)),
    { ...endpoint("get-entries", (query) => getEntries(rfc6962, query)), isLarge: true },
    endpoint("get-entry-and-proof", (query) => getEntryAndProof(rfc6962, query)),
    endpoint("get-roots", () => getRoots(rfc6962, roots)),
  ];
}

function endpoint(name: string, answer: Endpoint): LogRead {
  return {
    pattern: `/ct/v1/${name}`,
    template: `ct/v1/${name}`,
    isLarge: false,
    read: async ({ query }) => {
      const [headers, body] = await answer(new Query(query));
      return { headers, body: Buffer.from(JSON.stringify(body), "utf8"), isCompressible: name === "get-entries" };
    },
  };
}

/** Also those of entries that are there: a CA may have got another root meanwhile, and monitors verify the old chains. */
async function getRoots(view: Rfc6962View, accepted: readonly Uint8Array[]): Promise<JsonAnswer> {
  const certificates = new Set([...accepted, ...(await view.roots())].map(encodeBase64));
  return [SHORT_LIVED_JSON, { certificates: [...certificates] }];
}

async function getTreeHead(view: Rfc6962View): Promise<JsonAnswer> {
  const { size, root, timestampMs, signature } = await view.treeHead();
  return [
    FRESH_JSON,
    {
      tree_size: size,
      timestamp: timestampMs,
      sha256_root_hash: encodeBase64(root),
      tree_head_signature: encodeBase64(encodeTreeHeadSignature(signature)),
    },
  ];
}

async function getConsistency(view: Rfc6962View, query: Query): Promise<JsonAnswer> {
  const [first, second] = [query.decimal("first"), query.decimal("second")];
  if (first > second) throw outOfRange("first is more than second");
  return [FINAL_JSON, { consistency: (await view.consistency(first, second)).map(encodeBase64) }];
}

async function getProofByHash(view: Rfc6962View, query: Query): Promise<JsonAnswer> {
  const [leafHash, treeSize] = [query.base64("hash", HASH_LENGTH), query.decimal("tree_size")];
  if (treeSize === 0) throw outOfRange("nothing is in the tree of size 0");
  const { leafIndex, auditPath } = await view.proofByHash(leafHash, treeSize);
  return [FINAL_JSON, { leaf_index: leafIndex, audit_path: auditPath.map(encodeBase64) }];
}

async function getEntries(view: Rfc6962View, query: Query): Promise<JsonAnswer> {
  const [start, end] = [query.decimal("start"), query.decimal("end")];
  if (start > end) throw outOfRange("start is more than end");
  const { entries, isFinal } = await view.entries(start, end);
  return [isFinal ? FINAL_JSON : PASSING_JSON, { entries: entries.map(entryJson) }];
}

async function getEntryAndProof(view: Rfc6962View, query: Query): Promise<JsonAnswer> {
  const [leafIndex, treeSize] = [query.decimal("leaf_index"), query.decimal("tree_size")];
  if (leafIndex >= treeSize) throw outOfRange("leaf_index is not in the tree of size tree_size");
  const { auditPath, ...entry } = await view.entryAndProof(leafIndex, treeSize);
  return [FINAL_JSON, { ...entryJson(entry), audit_path: auditPath.map(encodeBase64) }];
}

function entryJson({ leafInput, extraData }: ChainedEntry): object {
  return { leaf_input: encodeBase64(leafInput), extra_data: encodeBase64(extraData) };
}

function outOfRange(detail: string): MayflyError {
  return new MayflyError("PARAMETER_INVALID", detail);
}
