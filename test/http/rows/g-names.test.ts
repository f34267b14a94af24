import type { X509Certificate } from "node:crypto";
import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { fromBER, Utf8String } from "asn1js";
import { Certificate } from "pkijs";
import { EMAIL, openDoor, TEXT_ISSUER, UNCHECKED_ISSUER } from "../../support/door.ts";
import { badProof, badToken } from "../../support/refusal.ts";
import type { Answer, Door } from "../../support/door.ts";
import { REQUIRED_JOB_CLAIMS as CLAIMS } from "../../support/job-claims.ts";
import { openssl } from "../../support/openssl.ts";
import { REFUSED_ADDRESSES } from "../../support/refused-addresses.ts";
import { REFUSED_URI_PARTS, URI_CLAIMS } from "../../support/refused-uri-parts.ts";

let door: Door;
beforeAll(async () => {
  door = await openDoor();
});
afterAll(() => door.close());

const FULCIO = "1.3.6.1.4.1.57264.1";

/** A signing call with a token that is good but for the changes, and a proof over its address. */
function signWith(changes: Readonly<Record<string, unknown>>): Promise<Answer> {
  const { email } = door.claims(changes);
  if (typeof email === "string") door.keepSecret(email);
  return door.sign({ token: door.token(changes), challenge: String(email) });
}

/** What each extension of a certificate holds by its OID, as pkijs reads it: hex of extnValue. */
function extensionsOf(leaf: X509Certificate): Map<string, string> {
  const { extensions = [] } = Certificate.fromBER(leaf.raw);
  return new Map(
    extensions.map(({ extnID, extnValue }) => [extnID, Buffer.from(extnValue.getValue()).toString("hex")]),
  );
}

/** The text of a Fulcio extension that is a DER UTF8String (from .8 on), by pkijs and asn1js. */
function utf8Extension(leaf: X509Certificate, arc: number): string {
  const value = Buffer.from(extensionsOf(leaf).get(`${FULCIO}.${arc}`) ?? "", "hex");
  const { offset, result } = fromBER(value);
  expect(offset).toBe(value.length);
  if (!(result instanceof Utf8String)) throw new TypeError("not a UTF8String");
  return result.getValue();
}

describe("the address of an e-mail token", () => {
  it.each<[string, string, unknown, "TOKEN_EMAIL_INVALID" | "TOKEN_CLAIM_MISSING"]>([
    ["[F15] [G1]", "missing", undefined, "TOKEN_CLAIM_MISSING"],
    ["[F15] [G1]", "empty", "", "TOKEN_EMAIL_INVALID"],
    ["[F15] [G1]", "a number", 1, "TOKEN_EMAIL_INVALID"],
    ["[F15] [G1]", "null", null, "TOKEN_EMAIL_INVALID"],
    ["[F15] [G1]", "a list", [EMAIL], "TOKEN_EMAIL_INVALID"],
    ["[F15] [G1]", "an object", { value: EMAIL }, "TOKEN_EMAIL_INVALID"],
    ["[F15] [G1]", "true", true, "TOKEN_EMAIL_INVALID"],
    ["[F15] [G5]", "with more than 1 KiB", `${"l".repeat(1_020)}@b.example`, "TOKEN_EMAIL_INVALID"],
    ...REFUSED_ADDRESSES.map(
      ([row, name, email]) =>
        [`[${row}]`, name, email, "TOKEN_EMAIL_INVALID"] as [string, string, string, "TOKEN_EMAIL_INVALID"],
    ),
  ])("%s is refused when it is %s", async (_row, _name, email, reason) => {
    door.expectRefused(await signWith({ email }), badToken(reason));
  });

  const label = "l".repeat(63);
  it.each([
    ["[G5]", `${"l".repeat(64)}@${label}.example`],
    ["[G5]", `${"l".repeat(64)}@${`${"l".repeat(59)}.`.repeat(3)}${"l".repeat(9)}`],
    ["[G7]", "a@xn--bcher-kva.example"],
    ["[G7]", "a@xn--bcher-kva.xn--vermgensberatung-pwb"],
    ["[G9]", "Canary.Upper.CASE@Example.COM"],
  ])("%s is kept byte for byte when it is %s, as name and as challenge", async (_row, email) => {
    const leaf = door.expectIssued(await signWith({ email }));
    expect(leaf.subjectAltName).toBe(`email:${email}`);
    const folded = email.toLowerCase();
    if (folded === email) return;
    const answer = await door.sign({ token: door.token({ email }), challenge: folded });
    door.expectRefused(answer, badProof("PROOF_INVALID"));
  });
});

describe("whether the issuer has verified the address", () => {
  it("[G2] is believed for email_verified true", async () => {
    door.expectIssued(await signWith({ email_verified: true }));
  });

  it.each(["true", "True"])(
    "[G2] is believed for email_verified %j where the issuer is marked for it",
    async (text) => {
      door.expectIssued(await signWith({ iss: TEXT_ISSUER, email_verified: text }));
      door.expectRefused(await signWith({ email_verified: text }), badToken("TOKEN_EMAIL_UNVERIFIED"));
    },
  );

  it.each([false, "false", undefined, null, 1, "1", "yes", "TRUE", "tRUE", "", "true ", [true], {}])(
    "[G3] is not believed for email_verified %j",
    async (email_verified) => {
      door.expectRefused(await signWith({ email_verified }), badToken("TOKEN_EMAIL_UNVERIFIED"));
    },
  );

  it.each([undefined, false, "false", true])(
    "[G3] does not matter where the issuer is told so: email_verified %j",
    async (email_verified) => {
      door.expectIssued(await signWith({ iss: UNCHECKED_ISSUER, email_verified }));
    },
  );

  it.each([null, 1, "yes", "TRUE"])("[G3] must be a yes or no there too: email_verified %j", async (email_verified) => {
    const answer = await signWith({ iss: UNCHECKED_ISSUER, email_verified });
    door.expectRefused(answer, badToken("TOKEN_EMAIL_UNVERIFIED"));
  });
});

describe("the claims of a CI job", () => {
  it.each(CLAIMS)("[G16] must be there: %s, which the audit trail names, without a value", async (name) => {
    for (const value of [undefined, ""]) {
      door.expectRefused(await door.signAsJob({ [name]: value }), badToken("TOKEN_CLAIM_MISSING"));
      expect(door.audit.records.at(-1)).toMatchObject({ detail: `the token has no ${name} claim` });
    }
  });

  it.each(["{{ .secret }}", "{{call .x}}", "${x}", "$(id)", "%s", "%{x}", "`id`"])(
    "[G17] are inserted as they are: %s",
    async (value) => {
      const leaf = door.expectIssued(await door.signAsJob({ event_name: value, workflow: value }));
      expect(utf8Extension(leaf, 20)).toBe(value);
      const raw = extensionsOf(leaf);
      for (const arc of [2, 4]) expect(raw.get(`${FULCIO}.${arc}`)).toBe(Buffer.from(value).toString("hex"));
    },
  );

  it("[G18] refuse the token when one is called as the setting of the host, and says another", async () => {
    const answer = await door.signAsJob({ url: "https://evil.example" });
    door.expectRefused(answer, badToken("TOKEN_CLAIM_INVALID"));
  });

  it.each(["baseUrl", "base_url", "host", "server_url", "iss_url"])(
    "[G18] do not change the host of the name when one is called %s",
    async (name) => {
      const leaf = door.expectIssued(await door.signAsJob({ [name]: "https://evil.example" }));
      expect(leaf.subjectAltName).toMatch(/^URI:https:\/\/github\.com\/octo-org\//u);
      expect(extensionsOf(leaf)).not.toContain(Buffer.from("evil").toString("hex"));
    },
  );

  describe.each(URI_CLAIMS)("[G19] cannot leave their part of a URI: %s", (name) => {
    it.each(REFUSED_URI_PARTS)("%j", async (value) => {
      door.expectRefused(await door.signAsJob({ [name]: value }), badToken("SAN_NOT_PERMITTED"));
    });

    it("a newline", async () => {
      door.expectRefused(await door.signAsJob({ [name]: "octo\n/evil" }), badToken("TOKEN_CLAIM_INVALID"));
    });
  });

  it.each([
    "@evil.example",
    "x@evil.example",
    ":80@evil.example",
    "https:evil.example",
    ".evil.example",
    "evil.example",
  ])("[G19] leave the host of the name alone when they begin with %s", async (job_workflow_ref) => {
    const leaf = door.expectIssued(await door.signAsJob({ job_workflow_ref }));
    expect(leaf.subjectAltName).toBe(`URI:https://github.com/${job_workflow_ref}`);
    expect(new URL(utf8Extension(leaf, 9)).host).toBe("github.com");
  });

  it.each([...CLAIMS, "environment"])("[G20] must be texts or scalars: %s", async (name) => {
    for (const value of [null, {}, { a: "b" }, [], ["x"], 1e80]) {
      door.expectRefused(await door.signAsJob({ [name]: value, sub: "repo:canary" }), badToken("TOKEN_CLAIM_INVALID"));
    }
  });

  it("[G22] keep < > & and quotes as they are", async () => {
    const value = `<b> & 'single' "double" \u2028 &amp;`;
    const leaf = door.expectIssued(await door.signAsJob({ workflow: value, event_name: value }));
    expect(utf8Extension(leaf, 20)).toBe(value);
    expect(extensionsOf(leaf).get(`${FULCIO}.4`)).toBe(Buffer.from(value).toString("hex"));
  });

  it.each<
    [string, string, "TOKEN_CLAIM_MISSING" | "TOKEN_CLAIM_INVALID" | "SAN_NOT_PERMITTED" | "EXTENSIONS_TOO_LONG"]
  >([
    ["nothing", "", "TOKEN_CLAIM_MISSING"],
    ["a space", " ", "SAN_NOT_PERMITTED"],
    ["wide spaces", "\u2003\u3000", "SAN_NOT_PERMITTED"],
    ["a segment that is a space", "octo/ /repo", "SAN_NOT_PERMITTED"],
    ["dots, which make it relative", "../../x", "SAN_NOT_PERMITTED"],
    ["more than 1 KiB with its host", "x".repeat(1020), "EXTENSIONS_TOO_LONG"],
    ["more than 2 KiB when it is written in ASCII", "ü".repeat(512), "SAN_NOT_PERMITTED"],
    ["more than 2 KiB", "x".repeat(2049), "TOKEN_CLAIM_INVALID"],
    ["half an escape", "octo/50%", "SAN_NOT_PERMITTED"],
  ])("[G23] make no name of %s", async (_name, job_workflow_ref, reason) => {
    door.expectRefused(await door.signAsJob({ job_workflow_ref }), badToken(reason));
  });

  it("[G24] of 1 KiB each in every extension do not fit into a token", async () => {
    const long = Object.fromEntries([...CLAIMS, "environment"].map((name) => [name, "x".repeat(1024)]));
    door.expectRefused(await door.signAsJob(long), badToken("TOKEN_TOO_LONG"));
  });

  it("[G24] of 600 bytes each in every extension are refused", async () => {
    const long = Object.fromEntries(CLAIMS.map((name) => [name, "x".repeat(600)]));
    door.expectRefused(
      await door.signAsJob({ ...long, environment: "x".repeat(600) }),
      badToken("EXTENSIONS_TOO_LONG"),
    );
  });

  it.each([1, 126, 127, 128, 129, 255, 256, 257, 1024])(
    "[G25] of %d bytes come back alike from pkijs and from OpenSSL",
    async (length) => {
      const value = "v".repeat(length);
      const leaf = door.expectIssued(
        await door.signAsJob({ event_name: value, workflow: "é".repeat(length / 2) || "w" }),
      );
      expect(utf8Extension(leaf, 20)).toBe(value);
      const dump = openssl(["asn1parse", "-inform", "DER"], leaf.raw).split("\n");
      const line = dump[dump.findIndex((text) => text.endsWith(`:${FULCIO}.20`)) + 1] ?? "";
      const [, offset, header] = /^ *(\d+):d=\d+ +hl=(\d+)/u.exec(line) ?? [];
      const inner = openssl(
        ["asn1parse", "-inform", "DER", "-offset", String(Number(offset) + Number(header))],
        leaf.raw,
      );
      expect(inner.split("\n")[0]).toMatch(new RegExp(`l= *${length} prim: UTF8STRING +:v{${length}}$`, "u"));
    },
  );

  it("[G25] of 65,535 bytes do not fit into a token", async () => {
    door.expectRefused(await door.signAsJob({ event_name: "v".repeat(65_535) }), badToken("TOKEN_TOO_LONG"));
  });

  describe.each(["event_name", "sha", "workflow", "repository", "ref"])(
    "[G26] for raw-byte extensions have no",
    (name) => {
      it.each(["a\0b", "a\nb", "\u001b[31m", "a\u007f", "a\u0085b"])(`${name} like %j`, async (value) => {
        door.expectRefused(await door.signAsJob({ [name]: value }), badToken("TOKEN_CLAIM_INVALID"));
      });
    },
  );

  it("[G27] add nothing to a certificate, whatever else they ask for", async () => {
    const plain = extensionsOf(door.expectIssued(await door.signAsJob()));
    const greedy = extensionsOf(
      door.expectIssued(
        await door.signAsJob({
          subjectAltName: ["DNS:evil.example", "IP:127.0.0.1"],
          san: "evil@example.com",
          dns: "evil.example",
          ip: "127.0.0.1",
          email: "evil@example.com",
          email_verified: true,
          subject: "CN=evil",
          cn: "evil",
          extendedKeyUsage: "serverAuth",
          eku: ["1.3.6.1.5.5.7.3.1"],
          basicConstraints: "CA:TRUE",
          ca: true,
          keyUsage: ["keyCertSign"],
          notAfter: "20991231235959Z",
        }),
      ),
    );
    // The SCT list alone tells the two apart: one entry of the log is not another.
    const SCT_LIST = "1.3.6.1.4.1.11129.2.4.2";
    expect([...plain.keys()]).toEqual([...greedy.keys()]);
    expect([...plain].filter(([oid]) => oid !== SCT_LIST)).toEqual([...greedy].filter(([oid]) => oid !== SCT_LIST));
  });

  it("[G27] make no second name, no subject and no CA", async () => {
    const answer = await signWith({ uri: "https://evil.example", upn: "evil", ca: true, basicConstraints: "CA:TRUE" });
    const leaf = door.expectIssued(answer);
    expect(leaf.subjectAltName).toBe(`email:${EMAIL}`);
    expect([leaf.subject, leaf.ca]).toEqual([undefined, false]);
    expect(leaf.keyUsage).toEqual(["1.3.6.1.5.5.7.3.3"]);
  });
});
