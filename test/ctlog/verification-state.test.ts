import { beforeAll, describe, expect, it } from "@jest/globals";
import { createHash } from "node:crypto";
import { parseLogKey } from "../../src/core/ct/log-key.ts";
import { encodeVerificationState, decodeVerificationState } from "../../src/ctlog/verification-state.ts";
import type { VerificationState } from "../../src/ctlog/verification-state.ts";
import { makeEntryJudge } from "../../src/ctlog/entry-judge.ts";
import { verifyTrustedCheckpoint } from "../../src/ctlog/trusted-checkpoint.ts";
import { encodeTileLeaf } from "../../src/core/ct/static-entry.ts";
import { packEntries } from "../../src/tlog/entry-part.ts";
import { EMPTY_TREE, GrowingTree } from "../../src/tlog/growing-tree.ts";
import { checkpointOfLog, makeLogKey, makeStaticLog, type StaticLog } from "../support/static-log.ts";

let log: StaticLog;
let state: VerificationState;

async function stateOf(size: number): Promise<VerificationState> {
  const tree = new GrowingTree({
    tileOf: undefined,
    stated: [],
    onProblem: () => undefined,
    onOlderEntry: () => undefined,
  });
  for (let start = 0; start < size; start += 256) {
    const stored = log.entries.slice(start, Math.min(start + 256, size)).map(encodeTileLeaf);
    const verdict = await makeEntryJudge("rfc6962").judge(packEntries(start, stored), []);
    await tree.add({ start, verdict, tile: undefined });
  }
  const trust = { origin: log.origin, logKey: parseLogKey(log.key.spki) };
  return {
    trust,
    logKeySpki: log.key.spki,
    checkpoint: verifyTrustedCheckpoint(checkpointOfLog(log, size), trust),
    tree: tree.soFar,
    pending: size === 300 ? [] : [verifyTrustedCheckpoint(checkpointOfLog(log, 300), trust)],
    problems: [{ where: "entry 3", what: "is no precertificate" }],
    problemCount: 7,
  };
}

beforeAll(async () => {
  log = await makeStaticLog(300);
  state = await stateOf(300);
});

/** What is said of a state, as JSON sees it. */
const plain = ({ trust, checkpoint, tree, ...rest }: VerificationState): unknown =>
  JSON.parse(
    JSON.stringify({
      origin: trust.origin,
      logId: Buffer.from(trust.logKey?.logId ?? []).toString("hex"),
      key: trust.checkpointKey?.name,
      notes: [checkpoint, ...rest.pending].map(({ note }) => Buffer.from(note).toString()),
      tree: { ...tree, ...hexOf(tree) },
      problems: rest.problems,
      count: rest.problemCount,
    }),
  );
const hexOf = ({ rightEdge, partialTiles }: VerificationState["tree"]): object => ({
  rightEdge: rightEdge.map((each) => Buffer.from(each).toString("hex")),
  partialTiles: partialTiles.map((each) => Buffer.from(each).toString("hex")),
});

/** A key that makes cosignatures (C2SP tlog-cosignature). */
const WITNESS = "witness.example/w1+0ad7d35e+BIqI4910CfGV/VLbLTy6XXLKZwm/HZQSG/N0iAG0D29c";

const bytesOf = (text: string): Uint8Array => new Uint8Array(Buffer.from(text));

/** Changes what the file says, and the digest with it. */
function changed(change: (content: string) => string): Uint8Array {
  const file = JSON.parse(encodeVerificationState(state)) as { format: string; content: string };
  const content = change(file.content);
  expect(content).not.toBe(file.content);
  return bytesOf(JSON.stringify({ ...file, content, sha256: createHash("sha256").update(content).digest("hex") }));
}

describe("the state of a verification", () => {
  it.each([[0], [1], [255], [256], [300]])("of %d entries is read as it was written", async (size) => {
    const written = await stateOf(size);
    const read = decodeVerificationState(bytesOf(encodeVerificationState(written)));
    expect(plain(read)).toEqual(plain(written));
  });

  const REFUSED: readonly [name: string, file: () => Uint8Array][] = [
    ["is empty", () => new Uint8Array(0)],
    ["is no JSON", () => bytesOf("no state\n")],
    ["is no object", () => bytesOf("[]\n")],
    [
      "is of another format",
      () => bytesOf(encodeVerificationState(state).replace("mayfly-verify/1", "mayfly-verify/2")),
    ],
    [
      "was damaged",
      () => bytesOf(encodeVerificationState(state).replace("is no precertificate", "is na precertificate")),
    ],
    ["was cut off", () => bytesOf(encodeVerificationState(state).slice(0, -20))],
    ["has no key", () => changed((content) => content.replace(/"logKey":"[^"]*"/u, '"logKey":null'))],
    [
      "has another log's key",
      () =>
        changed((content) =>
          content.replace(/"logKey":"[^"]*"/u, `"logKey":"${Buffer.from(makeLogKey().spki).toString("base64")}"`),
        ),
    ],
    ["has another origin", () => changed((content) => content.replace('"origin":"foreign', '"origin":"another'))],
    ["has another size", () => changed((content) => content.replace('"size":300', '"size":301'))],
    ["has a negative size", () => changed((content) => content.replace('"size":300', '"size":-300'))],
    ["has a size that is none", () => changed((content) => content.replace('"size":300', '"size":300.5'))],
    ["has another right edge", () => changed((content) => content.replace(/"rightEdge":\["../u, '"rightEdge":["AA'))],
    [
      "has a tile too few",
      () => changed((content) => content.replace(/"partialTiles":\["[^"]*",/u, '"partialTiles":[')),
    ],
    [
      "has bytes that are no base64",
      () => changed((content) => content.replace(/"partialTiles":\["/u, '"partialTiles":["?')),
    ],
    [
      "has the key of a witness as the log's",
      () => changed((content) => content.replace('"checkpointKey":null', `"checkpointKey":"${WITNESS}"`)),
    ],
    [
      "has an older checkpoint that is none",
      () => changed((content) => content.replace('"pending":[]', '"pending":["ca.example.com/log\\n1\\n"]')),
    ],
    [
      "has an older checkpoint that is no text",
      () => changed((content) => content.replace('"pending":[]', '"pending":[1]')),
    ],
    ["lacks a member", () => changed((content) => content.replace('"newestMs"', '"newest"'))],
    ["has a problem without a place", () => changed((content) => content.replace('"where"', '"there"'))],
    ["has a problem that is none", () => changed((content) => content.replace(/"problems":\[.*\]/u, '"problems":7'))],
  ];

  it.each(REFUSED)("is refused when it %s", (_, file) => {
    expect(() => decodeVerificationState(file())).toThrow(expect.objectContaining({ reason: "VERIFY_STATE_INVALID" }));
  });

  it("of nothing is that of the empty tree", async () => {
    const { tree } = decodeVerificationState(bytesOf(encodeVerificationState(await stateOf(0))));
    expect({ size: tree.size, rightEdge: tree.rightEdge }).toEqual({ size: EMPTY_TREE.size, rightEdge: [] });
  });
});
