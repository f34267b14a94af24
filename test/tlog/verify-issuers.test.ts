import { createHash } from "node:crypto";
import { describe, expect, it } from "@jest/globals";
import type { LogProblem } from "../../src/tlog/log-problem.ts";
import { makeIssuersOf } from "../../src/tlog/verify-issuers.ts";

const sha256 = (bytes: Uint8Array): Buffer => createHash("sha256").update(bytes).digest();

/** Certificates of a length, each another one, by their fingerprints. */
function certificatesOf(count: number, length: number): ReadonlyMap<string, Uint8Array> {
  return new Map(
    Array.from({ length: count }, (_, at) => {
      const bytes = Buffer.alloc(length);
      bytes.writeUInt32BE(at);
      return [sha256(bytes).toString("hex"), new Uint8Array(bytes)];
    }),
  );
}

/** Reads all of them, as the entries of one part would, and counts what was asked of the log. */
async function readAll(there: ReadonlyMap<string, Uint8Array>, names = [...there.keys()]) {
  const problems: LogProblem[] = [];
  let asked = 0;
  const issuersOf = makeIssuersOf(
    (fingerprint) => {
      asked += 1;
      return Promise.resolve(there.get(Buffer.from(fingerprint).toString("hex")));
    },
    (problem) => problems.push(problem),
  );
  const fingerprints = names.map((name) => Buffer.from(name, "hex"));
  return { given: await issuersOf(fingerprints), again: await issuersOf(fingerprints), problems, asked };
}

describe("the certificates that entries refer to", () => {
  it("are read once each, and given as often as they are wanted", async () => {
    const there = certificatesOf(300, 1_000);
    const { given, again, problems, asked } = await readAll(there);
    expect({ count: given.length, asked, problems }).toEqual({ count: 300, asked: 300, problems: [] });
    expect(again).toEqual(given);
  });

  it("are told of once where they are missing or changed, and left out", async () => {
    const [whole, changed, missing] = [...certificatesOf(3, 100)];
    const there = new Map([whole!, [changed![0], missing![1]]]);
    const { given, problems } = await readAll(there, [whole![0], changed![0], missing![0]]);
    expect(given).toEqual([whole![1]]);
    expect(problems).toEqual([
      { where: `issuer ${changed![0]}`, what: "was changed" },
      { where: `issuer ${missing![0]}`, what: "is missing" },
    ]);
  });

  it("are not read without end: what is beyond 16 MiB of one tile is told, and left alone", async () => {
    const { given, problems, asked } = await readAll(certificatesOf(1_000, 65_536));
    expect(asked).toBe(5 * 64);
    expect(given).toHaveLength(5 * 64);
    const problem = { where: "issuers", what: "entries of one tile refer to more than 16777216 bytes of them" };
    expect(problems).toEqual([problem, problem]);
  });
});
