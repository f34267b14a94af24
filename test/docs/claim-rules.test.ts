import { describe, expect, it } from "@jest/globals";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { parse } from "yaml";
import { parseConfig } from "../../src/config/load-config.ts";

const page = readFileSync(join(import.meta.dirname, "..", "..", "docs", "claim-rules.md"), "utf8");
const blocks = [...page.matchAll(/^```yaml\n([\s\S]*?)^```$/gmu)].map(([, text = ""]) => text);

const BASE = `dataDirectory: data
http: { listen: 127.0.0.1:5555 }
operations: { listen: 127.0.0.1:2112 }
ca: { chain: chain.pem, signer: { kind: file, path: ca.json, passphrase: { file: p } } }
log:
  origin: example.com/log
  signer: { kind: file, path: log.json, passphrase: { file: p } }
  checkpointSigner: { kind: file, path: checkpoint.json, passphrase: { file: p } }
`;

describe("the page about claim rules", () => {
  it("begins with a configuration that can be used", () => {
    expect(blocks).toHaveLength(2);
    expect(parseConfig(BASE + blocks[0]!, "c.yaml").issuers[0]).toMatchObject({
      allow: [{ name: "releases" }],
      deny: [{ name: "no-forks" }],
    });
  });

  it("has examples that can be used", () => {
    const examples = blocks[1]!.split(/\n\n/u);
    expect(examples).toHaveLength(4);
    for (const example of examples) {
      const issuer = { url: "https://gitlab.com", identity: { kind: "email" }, ...(parse(example) as object) };
      expect(parseConfig(`${BASE}issuers: [${JSON.stringify(issuer)}]\n`, "c.yaml").issuers).toHaveLength(1);
    }
  });

  it("has every form of a matcher in its table", () => {
    const table = [...page.matchAll(/^\| `([a-z]+: [^`]+)`/gmu)].map(([, text = ""]) => text.replace(", …", ""));
    expect(table).toHaveLength(6);
    for (const claims of table) {
      const issuer = `{ url: "https://a.example.com", identity: { kind: email }, allow: [{ claims: { ${claims} } }] }`;
      expect(parseConfig(`${BASE}issuers: [${issuer}]\n`, "c.yaml").issuers).toHaveLength(1);
    }
  });
});
