import { describe, expect, it } from "@jest/globals";
import type { ShardConfig } from "../../src/config/log-schema.ts";
import { planShardChange } from "../../src/config/shard-change.ts";

type Change = Partial<Record<"name" | "origin" | "directory" | "key" | "window", string>>;

/** A shard as it is after parsing; its window is written as its end. */
function shard(name: string, state: ShardConfig["state"], change: Change = {}): ShardConfig {
  const { origin = `ca.example.com/${name}`, directory = `shards/${name}`, key = name, window } = change;
  const signer = { kind: "file", path: `/keys/${key}.json`, passphrase: { env: "P" } } as const;
  const common = {
    ...{ name: change.name ?? name, origin, directory, place: ["log", "shards", 0] },
    window: window === undefined ? undefined : { startMs: 0, endMs: Number(window) },
  };
  return state === "frozen" ? { ...common, state } : { ...common, state, signer, checkpointSigner: signer };
}

const [A, B, C] = ["a", "b", "c"];
const BEFORE = [shard(A, "frozen"), shard(B, "active"), shard(C, "staged")];

describe("a change of a running service's shards", () => {
  it("is none where nothing has changed, wherever in the file and under whatever name they stand", () => {
    const after = BEFORE.toReversed().map((one, at): ShardConfig => ({
      ...one,
      name: `n${String(at)}`,
      place: ["log"],
    }));
    expect(planShardChange(BEFORE, after)).toEqual({ added: [], refusals: [] });
  });

  it("adds a shard that is staged", () => {
    const added = shard("d", "staged");
    expect(planShardChange(BEFORE, [...BEFORE, added])).toEqual({ added: [added], refusals: [] });
  });

  it("hands over from the active shard to a staged one, with or without the keys of what is frozen", () => {
    const activated = shard(C, "active");
    const after = [shard(A, "frozen"), shard(B, "frozen"), activated];
    expect(planShardChange(BEFORE, after)).toEqual({ added: [], activated, refusals: [] });
    const keys = { signer: { kind: "memory" }, checkpointSigner: { kind: "memory" } } as const;
    expect(
      planShardChange(
        BEFORE,
        after.map((one) => (one.state === "frozen" ? { ...one, ...keys } : one)),
      ),
    ).toEqual({
      added: [],
      activated,
      refusals: [],
    });
  });

  const KEPT = [shard(A, "frozen"), shard(B, "active")];

  it.each<[what: string, after: readonly ShardConfig[], refusal: RegExp]>([
    ["forgets the frozen shard", BEFORE.slice(1), /^shard a \(ca\.example\.com\/a\) is gone/u],
    ["forgets the active shard", [shard(A, "frozen"), shard(C, "active")], /^shard b \(ca\.example\.com\/b\) is gone/u],
    ["forgets the staged shard", KEPT, /^shard c .* is gone/u],
    [
      "thaws the frozen shard",
      [shard(A, "active"), shard(B, "frozen"), shard(C, "staged")],
      /^shard a cannot go from frozen to active$/u,
    ],
    [
      "stages the frozen shard",
      [shard(A, "staged"), shard(B, "active"), shard(C, "staged")],
      /^shard a cannot go from frozen to staged$/u,
    ],
    [
      "stages the active shard",
      [shard(A, "frozen"), shard(B, "staged"), shard(C, "active")],
      /^shard b cannot go from active to staged$/u,
    ],
    ["freezes the staged shard", [...KEPT, shard(C, "frozen")], /^shard c cannot go from staged to frozen$/u],
    [
      "has a new active shard",
      [shard(A, "frozen"), shard(B, "frozen"), shard(C, "staged"), shard("d", "active")],
      /^shard d is new: it is staged first/u,
    ],
    ["has a new frozen shard", [...BEFORE, shard("d", "frozen")], /^shard d is new/u],
    [
      "has another origin",
      [shard(A, "frozen"), shard(B, "active", { origin: "ca.example.com/x" }), shard(C, "staged")],
      /^shard b .* is gone/u,
    ],
    [
      "has another key of the active shard",
      [shard(A, "frozen"), shard(B, "active", { key: "x" }), shard(C, "staged")],
      /^signer of shard b has changed/u,
    ],
    [
      "has another key of the staged shard",
      [...KEPT, shard(C, "staged", { key: "x" })],
      /^signer of shard c has changed/u,
    ],
    [
      "has another key of what is activated",
      [shard(A, "frozen"), shard(B, "frozen"), shard(C, "active", { key: "x" })],
      /^signer of shard c has changed/u,
    ],
    [
      "has another folder",
      [shard(A, "frozen", { directory: "." }), shard(B, "active"), shard(C, "staged")],
      /^directory of shard a has changed/u,
    ],
    [
      "has another window",
      [shard(A, "frozen"), shard(B, "active", { window: "5" }), shard(C, "staged")],
      /^window of shard b has changed/u,
    ],
  ])("is refused where it %s", (_, after, refusal) => {
    expect(planShardChange(BEFORE, after).refusals).toContainEqual(expect.stringMatching(refusal));
  });
});
