import { describe, expect, it } from "@jest/globals";
import { encodeLogV3Json } from "../../src/ctlog/log-v3-json.ts";
import type { LogMetadata } from "../../src/ctlog/log-v3-json.ts";

const MANIFEST = {
  origin: "ca.example.com/2026",
  logId: new Uint8Array(32).fill(0xfb),
  logPublicKey: Uint8Array.of(0x30, 0x59),
  createdMs: Date.UTC(2026, 0, 1),
};
const ALWAYS = {
  description: "ca.example.com/2026",
  log_id: "+/v7+/v7+/v7+/v7+/v7+/v7+/v7+/v7+/v7+/v7+/s=",
  key: "MFk=",
  mmd: 60,
  submission_url: "https://ca.example.com/2026/",
  monitoring_url: "https://ca.example.com/2026/",
};

describe("log.v3.json", () => {
  it.each<[string, Omit<LogMetadata, "manifest">, object]>([
    ["in use", {}, { state: { usable: { timestamp: "2026-01-01T00:00:00.000Z" } } }],
    ["staged", { state: "pending" }, { state: { pending: { timestamp: "2026-01-01T00:00:00.000Z" } } }],
    [
      "with a window",
      { state: "usable", window: { startMs: Date.UTC(2026, 0, 1), endMs: Date.UTC(2027, 0, 1) } },
      {
        temporal_interval: { start_inclusive: "2026-01-01T00:00:00.000Z", end_exclusive: "2027-01-01T00:00:00.000Z" },
        state: { usable: { timestamp: "2026-01-01T00:00:00.000Z" } },
      },
    ],
    [
      "that is frozen, whatever else is said of it",
      {
        state: "usable",
        final: { frozenMs: Date.UTC(2027, 0, 2), treeHead: { size: 70_000, root: new Uint8Array(32) } },
      },
      {
        state: {
          readonly: {
            timestamp: "2027-01-02T00:00:00.000Z",
            final_tree_head: { tree_size: 70_000, sha256_root_hash: `${"A".repeat(43)}=` },
          },
        },
      },
    ],
  ])("of a log %s", (_, metadata, expected) => {
    const text = Buffer.from(encodeLogV3Json({ manifest: MANIFEST, ...metadata })).toString("utf8");
    expect(JSON.parse(text)).toEqual({ ...ALWAYS, ...expected });
    expect(text.endsWith("}\n")).toBe(true);
  });
});
