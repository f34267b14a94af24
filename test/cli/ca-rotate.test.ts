import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { TrustedRoot } from "@sigstore/protobuf-specs";
import { openRotationLab, ROTATION_ENV, timeText } from "../support/rotation-lab.ts";
import type { RotationLab } from "../support/rotation-lab.ts";
import { runCli } from "../support/run-cli.ts";
import type { CliOutcome } from "../support/run-cli.ts";

const HOUR_MS = 3_600_000;

let lab: RotationLab;
/** Begun before anything was signed. */
let startMs: number;
const later = (): { end: string } => ({ end: timeText(Date.now() + HOUR_MS) });

/** Two certificates of a and one of b are in the log, and as bundles in a folder. */
beforeAll(async () => {
  lab = await openRotationLab();
  startMs = Date.now();
  const { line, text } = lab;
  const service = await lab.start(text(line("a", "active"), line("b", "staged")));
  const bundles = [await lab.sign(service), await lab.sign(service)];
  await lab.reload(service, text(line("a", "retired", later()), line("b", "active")));
  bundles.push(await lab.sign(service));
  mkdirSync(lab.at("bundles"));
  bundles.forEach(({ bundleJson }, at) => {
    writeFileSync(join(lab.at("bundles"), `${String(at)}.sigstore.json`), bundleJson);
  });
});
afterAll(async () => {
  await lab.close();
});

/** Runs the command on a configuration with these issuing CAs. */
async function rehearse(lines: readonly string[], ...more: readonly string[]): Promise<CliOutcome> {
  writeFileSync(lab.at("coming.yaml"), lab.text(...lines));
  return runCli(["ca", "rotate", "--dry-run", "--config", lab.at("coming.yaml"), ...more], { env: ROTATION_ENV });
}

const good = (): readonly string[] => [
  lab.line("a", "retired", later()),
  lab.line("b", "retired", later()),
  lab.line("c", "active"),
];

/** The trust files of a good list, changed. */
async function trustedRootWith(edit: (trusted: TrustedRoot) => void): Promise<string> {
  writeFileSync(lab.at("coming.yaml"), lab.text(...good()));
  const { stdout } = await runCli(["trust", "trusted-root", "--config", lab.at("coming.yaml")], { env: ROTATION_ENV });
  const trusted = TrustedRoot.fromJSON(JSON.parse(stdout));
  edit(trusted);
  writeFileSync(lab.at("edited.json"), JSON.stringify(TrustedRoot.toJSON(trusted)));
  return lab.at("edited.json");
}

describe.each([
  ["the log's entries", (): readonly string[] => []],
  ["a folder of bundles", (): readonly string[] => ["--bundles", lab.at("bundles")]],
])("the rehearsal of a rotation with %s", (_, where) => {
  it("finds that all verify when every CA is kept", async () => {
    const stdout = "3 certificates judged, 0 would not verify\n";
    expect(await rehearse(good(), ...where())).toMatchObject({ code: 0, stdout });
  });

  const LOST: readonly [string, () => readonly string[], number, string][] = [
    [
      "its CA is left out",
      () => [lab.line("b", "retired", later()), lab.line("c", "active")],
      2,
      "none of the trusted",
    ],
    [
      "its CA ends before it does",
      () => [lab.line("a", "retired", { end: timeText(Date.now()) }), lab.line("b", "active")],
      2,
      "its CA is trusted to",
    ],
    [
      "its CA begins after it does",
      () => [lab.line("a", "retired", later()), lab.line("b", "active", { start: timeText(Date.now() + HOUR_MS) })],
      1,
      "its CA is trusted from",
    ],
  ];
  it.each(LOST)("finds what would be lost when %s", async (__, lines, lost, says) => {
    const { code, stdout } = await rehearse(lines(), ...where());
    expect({ code, lines: stdout.trim().split("\n") }).toEqual({
      code: 1,
      lines: [
        ...Array.from({ length: lost }, () => expect.stringContaining(says)),
        `3 certificates judged, ${String(lost)} would not verify`,
      ],
    });
  });

  const EDITED: readonly [string, (trusted: TrustedRoot) => void, string][] = [
    [
      "the log ended before",
      (trusted) => {
        trusted.ctlogs[0]!.publicKey!.validFor!.end = new Date(startMs - HOUR_MS);
      },
      "its log is trusted to",
    ],
    [
      "the log begins after",
      (trusted) => {
        trusted.ctlogs[0]!.publicKey!.validFor!.start = new Date(Date.now() + HOUR_MS);
      },
      "its log is trusted from",
    ],
    [
      "the log is not there",
      (trusted) => {
        trusted.ctlogs = [];
      },
      "is not trusted",
    ],
  ];
  it.each(EDITED)("finds what would be lost when %s", async (__, edit, says) => {
    const { code, stdout } = await rehearse(good(), "--trusted-root", await trustedRootWith(edit), ...where());
    expect({ code, stdout }).toEqual({ code: 1, stdout: expect.stringContaining(says) });
    expect(stdout).toContain("3 certificates judged, 3 would not verify\n");
  });

  it("refuses trust files whose chains are not in order", async () => {
    const reversed = await trustedRootWith((trusted) => {
      trusted.certificateAuthorities[1]!.certChain!.certificates.reverse();
    });
    const { code, stderr } = await rehearse(good(), "--trusted-root", reversed, ...where());
    expect({ code, stderr }).toEqual({ code: 1, stderr: expect.stringContaining("(TRUST_INVALID)") });
  });
});

describe("the rehearsal of a rotation", () => {
  it("says it as JSON too", async () => {
    const { stdout } = await rehearse([lab.line("b", "active")], "--json");
    const lost = { what: "none of the trusted CAs has issued it" };
    expect(JSON.parse(stdout)).toEqual({
      ...{ judged: 3, lost: 2 },
      examples: [
        { where: "log entry 0", ...lost },
        { where: "log entry 1", ...lost },
      ],
    });
  });

  it("says of a file without a certificate, or with one that is none of ours, that it would not verify", async () => {
    mkdirSync(lab.at("odd"));
    writeFileSync(join(lab.at("odd"), "a.json"), "{}");
    writeFileSync(join(lab.at("odd"), "b.pem"), "text");
    writeFileSync(join(lab.at("odd"), "c.pem"), lab.issuing("b"));
    const { code, stdout } = await rehearse(good(), "--bundles", lab.at("odd"));
    expect(code).toBe(1);
    expect(stdout.split("\n")).toEqual([
      expect.stringMatching(/^a\.json: JSON without a certificate/u),
      expect.stringMatching(/^b\.pem: neither PEM/u),
      "c.pem: none of the trusted CAs has issued it",
      "3 certificates judged, 3 would not verify",
      "",
    ]);
  });

  it.each([
    ["a folder that is not there", ["--bundles", "/nonexistent"], "(FILE_NOT_READ)"],
    ["a trusted root that is not there", ["--trusted-root", "/nonexistent"], "(FILE_NOT_READ)"],
    ["a trusted root that is none", ["--trusted-root", "package.json"], "(TRUST_INVALID)"],
  ])("refuses %s", async (_, more, says) => {
    const { code, stderr } = await rehearse(good(), ...more);
    expect({ code, stderr }).toEqual({ code: 1, stderr: expect.stringContaining(says) });
  });

  it("changes nothing, and is asked for by its option", async () => {
    const { code, stderr } = await runCli(["ca", "rotate", "--config", lab.configFile]);
    expect({ code, stderr }).toEqual({ code: 2, stderr: expect.stringContaining("--dry-run") });
  });
});
