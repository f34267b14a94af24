import { copyFileSync, writeFileSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { TrustedRoot } from "@sigstore/protobuf-specs";
import { leafOf } from "../../dev/sign-file.ts";
import type { SignedFile } from "../../dev/sign-file.ts";
import { verifyBundleUnder } from "../../dev/verify-bundle.ts";
import type { RunningService } from "../../src/compose/start-service.ts";
import { parseConfig } from "../../src/config/load-config.ts";
import { encodePem } from "../../src/core/encoding/pem.ts";
import { ask, askForCertificate } from "../support/ask.ts";
import { openssl } from "../support/openssl.ts";
import { AGE_MS, AUTHORITIES, LIFETIME_MS, openRotationLab, ROTATION_ENV, timeText } from "../support/rotation-lab.ts";
import type { AuthorityName, RotationLab } from "../support/rotation-lab.ts";
import { runCli } from "../support/run-cli.ts";
import { CALLER } from "../support/signing-body.ts";

let lab: RotationLab;
beforeAll(async () => {
  lab = await openRotationLab();
});
afterAll(async () => {
  await lab.close();
});

const closing = (ms: number): { end: string } => ({ end: timeText(ms) });
const HOUR_MS = 3_600_000;

describe("the rotation of issuing CAs, from a to b to c, in one running service", () => {
  const signed = new Map<AuthorityName, SignedFile>();
  /** Signed while the service read the configuration that ended one CA and began the next. */
  const during: SignedFile[] = [];
  const ends = new Map<AuthorityName, number>();
  let service: RunningService;
  let last: string;
  const retired = (name: AuthorityName): string => lab.line(name, "retired", closing(ends.get(name) ?? 0));
  const retire = (name: AuthorityName): string => {
    ends.set(name, Date.now() + HOUR_MS);
    return retired(name);
  };

  beforeAll(async () => {
    const { line, text } = lab;
    service = await lab.start(text(line("a", "active")));
    signed.set("a", await lab.sign(service));
    const applied = expect.stringContaining('"applied"');
    expect(await lab.reload(service, text(line("a", "active"), line("b", "staged")))).toEqual(applied);
    // What was told while b was staged has both: nobody meets a CA that they do not know.
    const told = TrustedRoot.fromJSON(JSON.parse((await lab.trust(service, "trusted_root.json")).text));
    expect(told.certificateAuthorities).toHaveLength(2);

    const handOver = text(retire("a"), line("b", "active"), line("c", "staged"));
    const [, ...more] = await Promise.all([
      lab.reload(service, handOver).then((said) => {
        expect(said).toEqual(applied);
      }),
      ...Array.from({ length: 4 }, () => lab.sign(service)),
    ]);
    during.push(...more);
    signed.set("b", await lab.sign(service));

    const final = text(retired("a"), retire("b"), line("c", "active"));
    expect(await lab.reload(service, final)).toEqual(applied);
    signed.set("c", await lab.sign(service));
    writeFileSync(lab.configFile, final);
    last = (await lab.trust(service, "trusted_root.json")).text;
  });

  const underEdited = (edit: (trusted: TrustedRoot) => void, file: SignedFile): void => {
    const trusted = TrustedRoot.fromJSON(JSON.parse(last));
    edit(trusted);
    verifyBundleUnder(trusted, file, CALLER);
  };
  const authorityOf = (trusted: TrustedRoot, name: AuthorityName): TrustedRoot["certificateAuthorities"][number] => {
    const own = Buffer.from(lab.issuing(name).replaceAll(/-----.*-----/gu, ""), "base64");
    return trusted.certificateAuthorities.find(({ certChain }) => own.equals(certChain!.certificates[0]!.rawBytes))!;
  };
  /** OpenSSL's word on a leaf under one issuing CA alone, or under all of them. */
  const opensslVerifies = (file: SignedFile, names: readonly AuthorityName[]): boolean => {
    writeFileSync(lab.at("leaf.pem"), pemOf(leafOf(file.bundle)));
    writeFileSync(lab.at("root.pem"), lab.root);
    writeFileSync(lab.at("issuing.pem"), names.map((name) => lab.issuing(name)).join(""));
    try {
      openssl(["verify", "-CAfile", lab.at("root.pem"), "-untrusted", lab.at("issuing.pem"), lab.at("leaf.pem")]);
      return true;
    } catch {
      return false;
    }
  };

  it.each(AUTHORITIES)("leaves what %s certified to be verified with the last trust files", (name) => {
    const file = signed.get(name)!;
    expect(() => {
      underEdited(() => undefined, file);
    }).not.toThrow();
    expect(AUTHORITIES.map((one) => [one, opensslVerifies(file, [one])])).toEqual(
      AUTHORITIES.map((one) => [one, one === name]),
    );
  });

  it("[FC279] has the next one sign, and the one before no more", async () => {
    const file = await lab.sign(service);
    expect(AUTHORITIES.filter((name) => opensslVerifies(file, [name]))).toEqual(["c"]);
  });

  it("leaves what was certified in between to be verified, by the one or the other", () => {
    expect(during).toHaveLength(4);
    for (const file of during) {
      expect(opensslVerifies(file, ["a", "b"])).toBe(true);
      underEdited(() => undefined, file);
    }
  });

  const MUTATED: readonly [string, (trusted: TrustedRoot, name: AuthorityName) => void][] = [
    [
      "its CA is left out",
      (trusted, name) => {
        const its = authorityOf(trusted, name);
        trusted.certificateAuthorities = trusted.certificateAuthorities.filter((one) => one !== its);
      },
    ],
    [
      "its chain has the root alone",
      (trusted, name) => {
        authorityOf(trusted, name).certChain!.certificates.shift();
      },
    ],
    [
      "its window is that of a CA before it, which had ended",
      (trusted, name) => {
        authorityOf(trusted, name).validFor = { start: new Date(0), end: new Date(Date.now() - AGE_MS) };
      },
    ],
    [
      "its window ends before",
      (trusted, name) => {
        authorityOf(trusted, name).validFor!.end = new Date(Date.now() - AGE_MS / 2);
      },
    ],
    [
      "its window begins after",
      (trusted, name) => {
        authorityOf(trusted, name).validFor!.start = new Date(Date.now() + AGE_MS);
      },
    ],
    [
      "the log begins after",
      (trusted) => {
        trusted.ctlogs[0]!.publicKey!.validFor!.start = new Date(Date.now() + AGE_MS);
      },
    ],
  ];
  it.each(MUTATED)("does not when %s", (_, edit) => {
    for (const name of AUTHORITIES) {
      expect(() => {
        underEdited((trusted) => {
          edit(trusted, name);
        }, signed.get(name)!);
      }).toThrow();
    }
  });

  it("closes the windows of what is retired, and leaves that of the others open", () => {
    const trusted = TrustedRoot.fromJSON(JSON.parse(last));
    const endOf = (name: AuthorityName): number | undefined => authorityOf(trusted, name).validFor?.end?.getTime();
    const rounded = (ms = 0): number => Math.ceil(ms / 1_000) * 1_000;
    expect(AUTHORITIES.map(endOf)).toEqual([rounded(ends.get("a")), rounded(ends.get("b")), undefined]);
  });

  it("has a trust bundle and trust files that begin with, or are for, the one that issues", async () => {
    const { body } = await ask(`${service.publicUrl}/api/v2/trustBundle`);
    const pems = (name: AuthorityName): string[] => [lab.issuing(name), lab.root];
    expect(body).toEqual({ chains: (["c", "a", "b"] as const).map((name) => ({ certificates: pems(name) })) });
    expect((await lab.trust(service, "chain.pem")).text).toBe(lab.issuing("c") + lab.root);
    expect((await ask(`${service.publicUrl}/api/v1/rootCert`)).text).toContain(lab.issuing("a").trim());
  });

  it("has the trust files of the command, from the configuration alone", async () => {
    const { stdout } = await runCli(["trust", "trusted-root", "--config", lab.configFile], { env: ROTATION_ENV });
    expect(stdout).toBe(last);
  });

  it("has a root among those that the log takes, once", async () => {
    const { body } = await ask(`${service.publicUrl}/test-log/ct/v1/get-roots`);
    const root = lab.root.replaceAll(/-----.*-----|\s/gu, "");
    expect(body).toEqual({ certificates: [root] });
  });
});

describe("a change of issuing CAs that is refused", () => {
  let service: RunningService;
  beforeAll(async () => {
    const { line, text } = lab;
    service = await lab.start(
      text(line("a", "active"), line("b", "staged"), line("c", "retired", closing(Date.now()))),
    );
  });
  const later = (): { end: string } => closing(Date.now() + HOUR_MS);
  const REFUSED: readonly [string, () => readonly string[], string][] = [
    [
      "begins with a new one as active",
      () => [lab.line("a", "retired", later()), lab.line("b", "staged"), lab.line("c", "active")],
      "cannot go from retired to active",
    ],
    ["takes the active one away", () => [lab.line("b", "active")], "issuing CA a is gone"],
    [
      "makes the active one staged",
      () => [lab.line("a", "staged"), lab.line("b", "active")],
      "a cannot go from active",
    ],
    [
      "ends the active one before its last certificate",
      () => [lab.line("a", "retired", closing(Date.now() + LIFETIME_MS / 2)), lab.line("b", "active")],
      "ends before the last certificate that it issues",
    ],
    [
      "activates one outside of its window",
      () => [lab.line("a", "retired", later()), lab.line("b", "active", { start: timeText(Date.now() + HOUR_MS) })],
      "its window does not cover a certificate made now",
    ],
    [
      "has another root above the active one",
      () => [lab.line("a", "active").replace("a.pem", "reissued.pem"), lab.line("b", "staged")],
      "the certificates above issuing CA a have changed",
    ],
    [
      "activates one with another's key",
      () => [lab.line("a", "retired", later()), lab.line("b", "active").replace("b.json", "c.json")],
      "public keys are not equal",
    ],
    [
      "activates one whose key cannot be read",
      () => [lab.line("a", "retired", later()), lab.line("b", "active").replace("b.json", "none.json")],
      "ca.authorities[1].signer",
    ],
    [
      "stages one whose chain cannot be read",
      () => [lab.line("a", "active"), lab.line("b", "staged").replace("b.pem", "none.pem")],
      "none.pem",
    ],
  ];
  it.each(REFUSED)("%s", async (_, lines, says) => {
    const before = (await lab.trust(service, "trusted_root.json")).text;
    const said = await lab.reload(service, lab.text(...lines()));
    expect(said).toContain("configuration refused; the one before stays in force");
    expect(said).toContain(says);
    const leaf = leafOf((await lab.sign(service)).bundle);
    writeFileSync(lab.at("leaf.pem"), pemOf(leaf));
    writeFileSync(lab.at("root.pem"), lab.root);
    writeFileSync(lab.at("issuing.pem"), lab.issuing("a"));
    const verify = ["verify", "-CAfile", lab.at("root.pem"), "-untrusted", lab.at("issuing.pem"), lab.at("leaf.pem")];
    expect(openssl(verify)).toContain("OK");
    expect((await lab.trust(service, "trusted_root.json")).text).toBe(before);
  });

  it("does not follow files that were overwritten with those of another", async () => {
    const { line, text } = lab;
    copyFileSync(lab.at("a.pem"), lab.at("own.pem"));
    copyFileSync(lab.at("a.json"), lab.at("own.json"));
    const list = text(line("a", "active").replaceAll("/a.", "/own."));
    const alone = await lab.start(list);
    copyFileSync(lab.at("b.pem"), lab.at("own.pem"));
    copyFileSync(lab.at("b.json"), lab.at("own.json"));
    expect(await lab.reload(alone, list)).toContain("issuing CA a is gone");
    expect((await lab.trust(alone, "chain.pem")).text).toBe(lab.issuing("a") + lab.root);
  });

  it("does not begin with one that nobody was told of", async () => {
    const { line, text } = lab;
    const alone = await lab.start(text(line("a", "active")));
    const said = await lab.reload(alone, text(line("a", "retired", later()), line("b", "active")));
    expect(said).toContain("issuing CA b is new: it is staged first");
  });
});

describe("an issuing CA's window", () => {
  it.each([
    ["has ended", () => closing(Date.now() - 1_000)],
    ["ends before a certificate would", () => closing(Date.now() + LIFETIME_MS / 2)],
    ["has not begun", () => ({ start: timeText(Date.now() + HOUR_MS) })],
  ])("that %s has nothing issued", async (_, window) => {
    const { publicUrl, operationsUrl } = await lab.start(lab.text(lab.line("a", "active", window())));
    const answer = await askForCertificate(publicUrl, await lab.token());
    const ready = await ask(`${operationsUrl}/readyz`);
    for (const { status, text } of [answer, ready]) {
      expect({ status, text }).toEqual({ status: 503, text: expect.stringContaining("CA_EXPIRED") });
    }
  });
});

describe("a list of issuing CAs", () => {
  const past = { start: "2026-01-01T00:00:00Z", end: "2025-01-01T00:00:00Z" };
  const REFUSED: readonly [string, () => readonly string[], string][] = [
    ["without an active one", () => [lab.line("a", "staged")], "one issuing CA must be active"],
    ["with two", () => [lab.line("a", "active"), lab.line("b", "active")], "a is active already; only one issuing CA"],
    ["with a name twice", () => [lab.line("a", "active"), lab.line("a", "staged")], "another issuing CA has the same"],
    [
      "with a retired one without end",
      () => [lab.line("a", "active"), lab.line("b", "retired")],
      "authorities[1].window",
    ],
    ["with a state of its own", () => [lab.line("a", "active"), lab.line("b", "frozen")], "authorities[1].state"],
    ["with a window the wrong way round", () => [lab.line("a", "active", past)], "ends before it begins"],
  ];
  it.each(REFUSED)("is refused %s", (_, lines, says) => {
    expect(() => parseConfig(lab.text(...lines()), lab.configFile)).toThrow(says);
  });

  it("is refused beside ca.signer", () => {
    const list = lab.text(lab.line("a", "active"));
    const both = list.replace("  authorities:", "  signer: { kind: memory }\n  authorities:");
    expect(() => parseConfig(both, lab.configFile)).toThrow("belongs to an issuing CA: write it in ca.authorities");
  });

  it("or a signer must be there", () => {
    const neither = lab.text().replace("  authorities:\n", "");
    expect(() => parseConfig(neither, lab.configFile)).toThrow("ca.signer: required, unless");
  });

  it.each([
    ["names a file that is not there", "none.pem", "cannot be read"],
    ["names a key", "b.json", "not PEM"],
    ["has no root", "short.pem", "the root is missing"],
    ["is the active one's", "a.pem", "has the certificate of the issuing CA a"],
  ])("starts nothing when the chain of a staged one %s", async (_, file, says) => {
    writeFileSync(lab.at("short.pem"), lab.issuing("b"));
    const text = lab.text(lab.line("a", "active"), lab.line("b", "staged").replace("b.pem", file));
    await expect(lab.start(text)).rejects.toMatchObject({ reason: "CHAIN_INVALID" });
    const { code, stderr } = await runCli(["trust", "trusted-root", "--config", lab.configFile], { env: ROTATION_ENV });
    expect({ code, stderr }).toEqual({ code: 1, stderr: expect.stringContaining(says) });
  });
});

function pemOf(der: Buffer): string {
  return `${encodePem("CERTIFICATE", der)}\n`;
}
