import { describe, expect, it } from "@jest/globals";
import { activeShard } from "../../src/config/active-shard.ts";
import { ConfigError, parseConfig } from "../../src/config/load-config.ts";
import type { ShardConfig } from "../../src/config/log-schema.ts";

const key = (name: string): string => `{ kind: file, path: keys/${name}.json, passphrase: { env: P } }`;

/** A shard as it is written, with what is changed or left out (undefined). */
function shard(name: string, state: string, change: Readonly<Record<string, string | undefined>> = {}): string {
  const members: Record<string, string | undefined> = {
    name: `"${name}"`,
    state,
    origin: `ca.example.com/${name}`,
    signer: key(name),
    checkpointSigner: key(`${name}-checkpoint`),
    ...change,
  };
  const lines = Object.entries(members).flatMap(([member, value]) =>
    value === undefined ? [] : `${member}: ${value}`,
  );
  return `    - ${lines.join("\n      ")}\n`;
}

function parse(log: string): readonly ShardConfig[] {
  const text = `dataDirectory: data
http: { listen: 127.0.0.1:5555 }
operations: { listen: 127.0.0.1:2112 }
ca: { chain: chain.pem, signer: ${key("ca")} }
log:
${log}issuers: [{ url: "https://issuer.example.com", identity: { kind: email } }]
`;
  return parseConfig(text, "/etc/mayfly/c.yaml").log.shards;
}

const parseShards = (...shards: readonly string[]): readonly ShardConfig[] => parse(`  shards:\n${shards.join("")}`);

const WINDOW = "{ start: 2026-01-01T00:00:00Z, end: 2027-01-01T00:00:00Z }";
const ONE = `  origin: ca.example.com/log\n  signer: ${key("log")}\n  checkpointSigner: ${key("checkpoint")}\n`;

describe("the log of a configuration", () => {
  it("written without a list is one active shard in the data directory itself", () => {
    expect(parse(`${ONE}  window: ${WINDOW}\n`)).toEqual([
      {
        name: "log",
        state: "active",
        origin: "ca.example.com/log",
        window: { startMs: Date.UTC(2026, 0), endMs: Date.UTC(2027, 0) },
        directory: ".",
        signer: { kind: "file", path: "/etc/mayfly/keys/log.json", passphrase: { env: "P" } },
        checkpointSigner: { kind: "file", path: "/etc/mayfly/keys/checkpoint.json", passphrase: { env: "P" } },
        place: ["log"],
      },
    ]);
    expect(parse(ONE)[0]?.window).toBeUndefined();
  });

  it("written as a list keeps each shard with its state, its window and a folder of its own", () => {
    const shards = parseShards(
      shard("2025", "frozen", { signer: undefined, checkpointSigner: undefined, directory: '"."' }),
      shard("2026", "active", { window: "{ start: 2026-01-01T01:00:00+01:00, end: 2027-01-01T00:00:00.5Z }" }),
      shard("2027", "staged"),
    );
    expect(shards.map(({ name, state, directory }) => [name, state, directory])).toEqual([
      ["2025", "frozen", "."],
      ["2026", "active", "shards/2026"],
      ["2027", "staged", "shards/2027"],
    ]);
    expect(shards[0]).not.toHaveProperty("signer");
    expect(shards[1]?.window).toEqual({ startMs: Date.UTC(2026, 0), endMs: Date.UTC(2027, 0) + 500 });
    expect(shards[2]?.signer).toMatchObject({ path: "/etc/mayfly/keys/2027.json" });
    expect(activeShard({ log: { shards } }).name).toBe("2026");
    for (const part of [shards, ...shards, shards[1]?.window, shards[1]?.signer])
      expect(Object.isFrozen(part)).toBe(true);
  });

  it("may be served beside an older one at the root of the same host", () => {
    const shards = parseShards(shard("a", "active", { origin: "ca.example.com" }), shard("b", "staged"));
    expect(shards.map(({ origin }) => origin)).toEqual(["ca.example.com", "ca.example.com/b"]);
  });

  const [A, B] = [shard("a", "active"), shard("b", "staged")];

  it.each<[what: string, log: () => unknown, says: string]>([
    [
      "nothing",
      () => parse("  store: { kind: sqlite }\n"),
      "c.yaml:6: log.origin: required, unless the log is written",
    ],
    ["no keys", () => parse("  origin: ca.example.com\n"), "log.checkpointSigner: required, unless"],
    ["an empty list", () => parse("  shards: []\n"), "log.shards: Too small"],
    ["both forms", () => parse(`${ONE}  shards:\n${A}`), "c.yaml:6: log.origin: belongs to a shard: write it within"],
    ["a window beside the list", () => parse(`  window: ${WINDOW}\n  shards:\n${A}`), "log.window: belongs to a shard"],
    ["no active shard", () => parseShards(B), "c.yaml:7: log.shards: one shard must be active"],
    ["two active shards", () => parseShards(A, shard("b", "active")), "log.shards[1].state: shard a is active already"],
    ["a state that there is not", () => parseShards(A, shard("b", "retired")), "log.shards[1].state"],
    [
      "a name twice",
      () => parseShards(A, shard("a", "staged", { origin: "x.example", signer: key("x") })),
      "log.shards[1].name: shard a has the same",
    ],
    [
      "an origin twice",
      () => parseShards(A, shard("b", "staged", { origin: "ca.example.com/a" })),
      "log.shards[1].origin: shard a has the same",
    ],
    [
      "one path on two hosts",
      () => parseShards(A, shard("b", "staged", { origin: "other.example/a" })),
      "log.shards[1].origin: shard a is served under the same path",
    ],
    [
      "the root of two hosts",
      () => parseShards(shard("a", "active", { origin: "a.example" }), shard("b", "staged", { origin: "b.example" })),
      "is served under the same path",
    ],
    [
      "a path among the tiles of another",
      () => parseShards(A, shard("b", "staged", { origin: "ca.example.com/a/tile" })),
      "log.shards[1].origin: its path is one of the reads of shard a",
    ],
    [
      "a path among the endpoints of a log at the root",
      () =>
        parseShards(
          shard("a", "active", { origin: "ca.example.com" }),
          shard("b", "staged", { origin: "ca.example.com/ct/v1" }),
        ),
      "its path is one of the reads of shard a",
    ],
    [
      "a folder twice",
      () => parseShards(A, shard("b", "staged", { directory: "shards/A" })),
      "log.shards[1].directory: shard a has the same",
    ],
    [
      "a folder elsewhere",
      () => parseShards(shard("a", "active", { directory: "/var/log" })),
      "expected a folder within the data directory",
    ],
    [
      "a folder above",
      () => parseShards(shard("a", "active", { directory: "x/../../y" })),
      "expected a folder within the data directory",
    ],
    [
      "a key twice",
      () => parseShards(A, shard("b", "staged", { signer: key("a") })),
      "log.shards[1].signer: shard a has this key",
    ],
    [
      "a key twice, by another path",
      () => parseShards(A, shard("b", "staged", { checkpointSigner: key("./x/../a-checkpoint") })),
      "shard a has this key",
    ],
    [
      "the key of a frozen shard",
      () => parseShards(A, shard("b", "frozen", { signer: key("a") })),
      "shard a has this key",
    ],
    [
      "a staged shard without a key",
      () => parseShards(A, shard("b", "staged", { signer: undefined })),
      "log.shards[1].signer",
    ],
    [
      "a name with a space",
      () => parseShards(shard("a b", "active", { origin: "x.example" })),
      "log.shards[0].name: expected a short name",
    ],
    [
      "a mistyped setting of a shard",
      () => parseShards(shard("a", "active", { windwo: WINDOW })),
      "log.shards[0].windwo: unknown setting; did you mean window?",
    ],
    [
      "a window that ends before it begins",
      () => parse(`${ONE}  window: { start: 2027-01-01T00:00:00Z, end: 2026-01-01T00:00:00Z }\n`),
      "c.yaml:9: log.window: ends before it begins",
    ],
    [
      "a window of no time",
      () =>
        parseShards(
          shard("a", "active", { window: "{ start: 2027-01-01T00:00:00Z, end: 2027-01-01T01:00:00+01:00 }" }),
        ),
      "log.shards[0].window: ends before it begins",
    ],
    [
      "a day that there is not",
      () => parse(`${ONE}  window: { start: 2026-02-30T00:00:00Z, end: 2027-01-01T00:00:00Z }\n`),
      "log.window.start: expected a time as RFC 3339 writes it",
    ],
    [
      "a time without a zone",
      () => parse(`${ONE}  window: { start: 2026-01-01T00:00:00, end: 2027-01-01T00:00:00Z }\n`),
      "log.window.start: expected a time",
    ],
    [
      "a date",
      () => parse(`${ONE}  window: { start: 2026-01-01, end: 2027-01-01T00:00:00Z }\n`),
      "log.window.start: expected a time",
    ],
    [
      "a window without an end",
      () => parse(`${ONE}  window: { start: 2026-01-01T00:00:00Z }\n`),
      "log.window.end: expected a time",
    ],
    [
      "a key in memory",
      () => parseShards(shard("a", "active", { signer: "{ kind: memory }" })),
      "log.shards[0].signer.kind: a key that is forgotten at exit",
    ],
    [
      "a frozen log in memory",
      () => parse(`  store: { kind: memory }\n  shards:\n${A}${shard("b", "frozen")}`),
      "log.shards[1].state: a log that is forgotten at exit cannot be there",
    ],
  ])("is refused with %s", (_, read, says) => {
    expect(read).toThrow(ConfigError);
    expect(read).toThrow(says);
  });

  it("is refused with more shards than a process should open", () => {
    const many = Array.from({ length: 65 }, (_, at) => shard(`s${String(at)}`, at === 0 ? "active" : "frozen"));
    expect(() => parseShards(...many)).toThrow("log.shards: Too big");
  });
});
