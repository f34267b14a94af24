import { describe, expect, it } from "@jest/globals";
import { parseConfig } from "../../src/config/load-config.ts";
import { unsafeOptions } from "../../src/config/rules.ts";
import { encodeVerifierKey, SIGNATURE_TYPE } from "../../src/core/note/verifier-key.ts";
import { MEMORY_CONFIG } from "../support/memory-config.ts";

const vkey = (name: string, type: 0x01 | 0x04 = SIGNATURE_TYPE.cosignature): string =>
  encodeVerifierKey({ name, type, publicKey: new Uint8Array(32).fill(7) });

const KEY = vkey("witness.test/w1");
const W1 = `{ key: "${KEY}", url: "https://witness.test" }`;
const W2 = `{ key: "${vkey("witness.test/w2")}", url: "https://witness.test/two" }`;

const parse = (witnesses: string, quorum = "{}", environment = "development") =>
  parseConfig(
    MEMORY_CONFIG.replace("environment: development", `environment: ${environment}`).replace(
      "log: { ",
      `log: { witnesses: [${witnesses}], witnessQuorum: ${quorum}, `,
    ),
    "c.yaml",
  );

describe("witnesses in the configuration", () => {
  it("are none, and nobody waits for any, when nothing is said", () => {
    const { witnesses, witnessQuorum } = parseConfig(MEMORY_CONFIG, "c.yaml").log;
    expect(witnesses).toEqual([]);
    expect(witnessQuorum).toEqual({ required: 1, mode: "after-answer", timeoutSeconds: 1, intervalSeconds: 1 });
  });

  it("are taken as they publish themselves, with the quorum that is asked for", () => {
    const { witnesses, witnessQuorum } = parse(`${W1}, ${W2}`, "{ required: 2, mode: before-answer }").log;
    expect(witnesses).toEqual([
      { key: KEY, url: "https://witness.test" },
      { key: vkey("witness.test/w2"), url: "https://witness.test/two" },
    ]);
    expect(witnessQuorum).toMatchObject({ required: 2, mode: "before-answer" });
    expect(Object.isFrozen(witnesses) && Object.isFrozen(witnessQuorum)).toBe(true);
  });

  it("may be without TLS on this machine in development, which is named among what gives safety away", () => {
    const config = parse(`{ key: "${KEY}", url: "http://127.0.0.1:7380" }`);
    expect(unsafeOptions(config)).toContain("witness-without-tls");
    expect(unsafeOptions(parse(W1))).not.toContain("witness-without-tls");
  });

  it.each([
    ["a key of a log", `{ key: "${vkey("log.test", SIGNATURE_TYPE.ed25519)}", url: "https://w.test" }`, "{}"],
    [
      "a key with the hash of another",
      `{ key: "${KEY.replace(/\+.{8}\+/u, "+00000000+")}", url: "https://w.test" }`,
      "{}",
    ],
    ["no key at all", `{ key: "witness.test/w1", url: "https://w.test" }`, "{}"],
    ["a URL with a final slash", `{ key: "${KEY}", url: "https://w.test/" }`, "{}"],
    ["a URL with a query", `{ key: "${KEY}", url: "https://w.test/?a=b" }`, "{}"],
    ["a URL with a password", `{ key: "${KEY}", url: "https://u:p@w.test" }`, "{}"],
    ["a URL of another scheme", `{ key: "${KEY}", url: "ftp://w.test" }`, "{}"],
    ["no TLS off this machine", `{ key: "${KEY}", url: "http://w.test" }`, "{}"],
    ["one witness twice", `${W1}, { key: "${KEY}", url: "https://other.test" }`, "{}"],
    ["a quorum larger than the number of witnesses", W1, "{ required: 2 }"],
    ["a quorum of nobody", W1, "{ required: 0 }"],
    ["to wait when there is nobody to wait for", "", "{ mode: before-answer }"],
    ["to wait longer than callers do", W1, "{ mode: before-answer, timeoutSeconds: 2 }"],
    ["a mode that does not exist", W1, "{ mode: sometimes }"],
  ])("refuses %s", (_what, witnesses, quorum) => {
    expect(() => parse(witnesses, quorum)).toThrow(/^c\.yaml:\d+: log\.witness/mu);
  });

  it("refuses a witness without TLS outside development", () => {
    expect(() => parse(`{ key: "${KEY}", url: "http://127.0.0.1:7380" }`, "{}", "production")).toThrow(
      "log.witnesses[0].url: a witness without TLS is allowed only with environment: development",
    );
  });
});
