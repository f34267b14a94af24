import { afterAll, describe, expect, it } from "@jest/globals";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { readBlocklist } from "../../src/compose/read-blocklist.ts";
import { ConfigError } from "../../src/config/load-config.ts";

const folder = mkdtempSync(join(tmpdir(), "mayfly-blocklist-"));
const file = join(folder, "blocklist");
afterAll(() => {
  rmSync(folder, { recursive: true });
});

const read = (text: string): ReadonlySet<string> => {
  writeFileSync(file, text);
  return readBlocklist(file);
};

describe("a list of blocked keys", () => {
  it("holds a digest in each line but those that are empty or comments", () => {
    const [a, b] = ["0a".repeat(32), "FF".repeat(32)];
    expect([...read(`# weak keys\n${a}\r\n\n${b}`)]).toEqual([a, b.toLowerCase()]);
  });

  it("may be empty", () => {
    expect(read("").size).toBe(0);
  });

  it.each([
    ["a digest of another length", "0a".repeat(20)],
    ["colons between octets", "0a:".repeat(32)],
    ["a name behind the digest", `${"0a".repeat(32)}  key.pem`],
    ["a space in front", ` ${"0a".repeat(32)}`],
    ["a key", "-----BEGIN PUBLIC KEY-----"],
  ])("does not hold %s, and says in which line that is", (_name, line) => {
    expect(() => read(`\n${line}\n`)).toThrow(ConfigError);
    expect(() => read(`\n${line}\n`)).toThrow(`${file}:2: expected a SHA-256 in hex`);
  });

  it("is not a file that is not there", () => {
    expect(() => readBlocklist(join(folder, "none"))).toThrow("none: cannot be read");
  });
});
