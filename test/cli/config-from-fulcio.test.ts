import { afterAll, beforeEach, describe, expect, it } from "@jest/globals";
import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { FILE_CA, ONE_ISSUER } from "../support/fulcio.ts";
import { runCli } from "../support/run-cli.ts";
import type { CliOutcome } from "../support/run-cli.ts";
import { ANCHORS } from "../support/service.ts";

const VECTORS = join(import.meta.dirname, "..", "vectors", "fulcio");
const root = mkdtempSync(join(tmpdir(), "mayfly-from-fulcio-"));
let folder = root;
let count = 0;
beforeEach(() => {
  count += 1;
  folder = join(root, String(count));
  mkdirSync(folder);
});
afterAll(() => {
  rmSync(root, { recursive: true });
});

function write(name: string, text: string): string {
  const file = join(folder, name);
  writeFileSync(file, text);
  return file;
}

const run = (args: readonly string[], env: Record<string, string> = {}): Promise<CliOutcome> =>
  runCli(["config", "from-fulcio", ...args], { env });

const PUBLIC_URL = ["--public-url", "https://ca.example.com"];

/** The lines under one heading of the report. */
function reported(stderr: string, outcome: string): readonly string[] {
  const lines = stderr.split("\n");
  const from = lines.indexOf(`${outcome}:`);
  if (from < 0) return [];
  const to = lines.findIndex((line, at) => at > from && !line.startsWith("  "));
  return lines.slice(from + 1, to).map((line) => line.trim());
}

describe("config from-fulcio", () => {
  it("writes what config check takes, and says with exit code 0 that nothing is left to decide", async () => {
    const out = join(folder, "mayfly.yaml");
    const issuers = write("issuers.yaml", ONE_ISSUER);
    const outcome = await run([...PUBLIC_URL, "--issuers", issuers, "--out", out, "--", ...FILE_CA]);
    expect(outcome).toMatchObject({ code: 0, stdout: "" });
    expect(reported(outcome.stderr, "must be decided")).toEqual([]);
    expect(statSync(out).mode & 0o777).toBe(0o600);
    expect(await runCli(["config", "check", "--config", out])).toMatchObject({
      code: 0,
      stdout: expect.stringContaining(`${out}: good (production, 1 issuer)`),
    });
    expect(outcome.stderr).toContain(`\n  mayfly log init --config ${out}\n`);
  });

  it("writes the same to standard output without --out", async () => {
    const issuers = write("issuers.yaml", ONE_ISSUER);
    const out = join(folder, "mayfly.yaml");
    const args = [...PUBLIC_URL, "--issuers", issuers];
    const { code, stdout } = await run([...args, "--", ...FILE_CA]);
    await run([...args, "--out", out, "--", ...FILE_CA]);
    expect({ code, stdout }).toEqual({ code: 0, stdout: readFileSync(out, "utf8") });
  });

  it("takes what a Helm chart passes, with all of Fulcio's own issuers", async () => {
    const issuers = join(VECTORS, "issuers.yaml");
    const args = [...PUBLIC_URL, "--flags-file", join(VECTORS, "chart.args"), "--issuers", issuers];
    const file = join(folder, "mayfly.yaml");
    const { code, stderr } = await run([...args, "--shared-issuers", "as-fulcio", "--out", file]);
    expect(code).toBe(0);
    expect(reported(stderr, "kept")).toContain(
      "--host, --port: http.listen: 0.0.0.0:5555; of IPv4 alone, Fulcio's is of IPv6 too: [::]:5555 is both",
    );
    expect(reported(stderr, "must be decided")).toEqual([]);
    expect(await runCli(["config", "check", "--config", file])).toMatchObject({
      code: 0,
      stdout: expect.stringContaining("31 issuers"),
    });
  });

  it("says with exit code 3 which shared issuers and which files must be decided", async () => {
    const args = [...PUBLIC_URL, "--flags-file", join(VECTORS, "chart.args")];
    const issuers = ["--issuers", join(VECTORS, "issuers.yaml")];
    const undecided = await run([...args, ...issuers, "--out", join(folder, "mayfly.yaml")]);
    expect(undecided.code).toBe(3);
    expect(reported(undecided.stderr, "must be decided")).toHaveLength(32);
    const printed = await run([...args, ...issuers, "--shared-issuers", "as-fulcio"]);
    expect(printed.code).toBe(3);
    expect(reported(printed.stderr, "must be decided").map((line) => line.split(":")[0])).toEqual([
      "provider-buddy-pipeline.yaml",
      "provider-circleci-job.yaml",
    ]);
  });

  it("writes the CA certificates of issuers beside the configuration, and says so where it cannot", async () => {
    const issuers = write(
      "issuers.json",
      JSON.stringify({
        OIDCIssuers: {
          "https://dex.example.com": {
            IssuerURL: "https://dex.example.com",
            ClientID: "sigstore",
            Type: "email",
            CACert: ANCHORS.chainPem,
          },
        },
      }),
    );
    const args = [...PUBLIC_URL, "--issuers", issuers];
    const out = join(folder, "mayfly.yaml");
    expect(await run([...args, "--out", out, "--", ...FILE_CA])).toMatchObject({ code: 0 });
    expect(readFileSync(join(folder, "issuer-ca-dex.example.com.pem"), "utf8")).toBe(ANCHORS.chainPem);
    const { code, stderr } = await run([...args, "--", ...FILE_CA]);
    expect(code).toBe(3);
    expect(reported(stderr, "must be decided")).toEqual([
      expect.stringMatching(/^issuer-ca-dex\.example\.com\.pem: the configuration names this file /u),
    ]);
  });

  it("reads the settings file and the environment, in Fulcio's order", async () => {
    const issuers = write("issuers.yaml", ONE_ISSUER);
    const settings = write(
      "server.yaml",
      `ca: fileca\nfileca-cert: /file.pem\nfileca-key: /key.pem\nport: 1\nct-log-public-key-path: /log.pem\nconfig-path: ${issuers}\n`,
    );
    const { code, stdout } = await run([...PUBLIC_URL, "--", "-c", settings, "--port=3"], {
      FULCIO_SERVE_PORT: "2",
      "FULCIO_SERVE_FILECA-CERT": "/environment.pem",
    });
    expect(code).toBe(0);
    expect(stdout).toContain('listen: "0.0.0.0:3"');
    expect(stdout).toContain("# FULCIO_SERVE_FILECA-CERT\n  chain: /environment.pem");
  });

  it("takes flags on the command line as if they came behind those of the file", async () => {
    const flags = write("fulcio.args", "--port=1\n--ca=ephemeralca\n--client-signing-algorithms=ed25519\n");
    const more = ["--port=2", "--client-signing-algorithms=ecdsa-sha2-256-nistp256"];
    const { stdout } = await run(["--flags-file", flags, "--issuers", "built-in", "--", ...more]);
    expect(stdout).toContain('listen: "0.0.0.0:2"');
    expect(stdout).toContain("    - ed25519\n    - ecdsa-sha2-256-nistp256\n");
  });

  it("says that nobody knows the issuers when the file is not where Fulcio looks", async () => {
    const { code, stderr } = await run([...PUBLIC_URL, "--shared-issuers", "as-fulcio", "--", ...FILE_CA]);
    expect(code).toBe(3);
    expect(stderr).toContain("--issuers FILE says where it is");
  });

  it("never prints a password, wherever it comes from", async () => {
    const settings = write("server.yaml", "fileca-key-passwd: hunter2-file\n");
    const flags = write("fulcio.args", [...FILE_CA, "--fileca-key-passwd=hunter2-lines"].join("\n"));
    for (const [args, env] of [
      [["--", ...FILE_CA, "--fileca-key-passwd=hunter2-flag"], {}],
      [["--", ...FILE_CA, "--fileca-key-passwd", "hunter2-flag"], {}],
      [["--", ...FILE_CA, "-c", settings], {}],
      [["--flags-file", flags], {}],
      [["--", ...FILE_CA], { "FULCIO_SERVE_FILECA-KEY-PASSWD": "hunter2-env" }],
      [["--", ...FILE_CA, "--fileca-key-passwords=hunter2-flag"], {}],
      [["--", ...FILE_CA, "hunter2-word"], {}],
      [["--", "--fileca-key-passwd=hunter2-flag", "--ca=hunter2-ca", "--port=hunter2-port"], {}],
    ] as const) {
      const { stdout, stderr } = await run(["--issuers", "built-in", ...args], env);
      expect(stderr).not.toBe("");
      expect(stdout + stderr).not.toContain("hunter2");
    }
  });

  const UNREADABLE: readonly [name: string, args: () => readonly string[], says: string][] = [
    ["an unknown flag", () => ["--", "--prot=1"], "fulcio serve has no flag --prot; did you mean port?"],
    ["a file of flags that is not there", () => ["--flags-file", join(folder, "none")], "none: cannot be read: ENOENT"],
    ["a folder in the place of one", () => ["--flags-file", folder], "not a regular file"],
    ["an issuer file that is not there", () => ["--issuers", join(folder, "none")], "none: cannot be read: ENOENT"],
    [
      "an issuer file that Fulcio would not find",
      () => ["--", `--config-path=${join(folder, "none")}`],
      "none: the issuer file is not there; --issuers says where it is",
    ],
    [
      "an issuer file that is no YAML",
      () => ["--issuers", write("issuers.yaml", "a: [b\n")],
      "issuers.yaml:2: not YAML",
    ],
    [
      "an issuer file that is no JSON",
      () => ["--issuers", write("issuers.json", "{ a: }")],
      "starts like JSON and is not",
    ],
    [
      "an issuer file of a megabyte",
      () => ["--issuers", write("big.yaml", "#".repeat(2 ** 20 + 1))],
      "larger than 1048576 bytes",
    ],
    [
      "a settings file of another format",
      () => ["--", "-c", write("server.toml", "")],
      "those that end in .yaml, .yml or .json",
    ],
    [
      "a CA that is not complete",
      () => ["--issuers", "built-in", "--", "--ca=fileca"],
      "--fileca-cert must be set with --ca fileca",
    ],
  ];
  it.each(UNREADABLE)("refuses %s with exit code 2, in one line", async (_, args, says) => {
    const { code, stdout, stderr } = await run(args());
    expect({ code, stdout }).toEqual({ code: 2, stdout: "" });
    expect(stderr).toContain(says);
    expect(stderr).toMatch(/^mayfly: [^\n]+\n$/u);
  });

  it("refuses a named pipe without waiting for it", async () => {
    const pipe = join(folder, "pipe");
    execFileSync("mkfifo", [pipe]);
    expect(await run(["--issuers", pipe])).toMatchObject({ code: 2, stderr: `mayfly: ${pipe}: not a regular file\n` });
  });

  it("does not write over a file, nor write half of what there is", async () => {
    const issuers = write("issuers.yaml", `${ONE_ISSUER}    ca-cert: ${JSON.stringify(ANCHORS.chainPem)}\n`);
    const out = write("mayfly.yaml", "mine\n");
    const { code, stderr } = await run([...PUBLIC_URL, "--issuers", issuers, "--out", out, "--", ...FILE_CA]);
    expect({ code, stderr }).toEqual({
      code: 1,
      stderr: `mayfly: ${out} exists; nothing was written (FILE_NOT_WRITTEN)\n`,
    });
    expect(readFileSync(out, "utf8")).toBe("mine\n");
    expect(readdirSync(folder).sort()).toEqual(["issuers.yaml", "mayfly.yaml"]);
  });

  it.each([
    "http://ca.example.com",
    "https://ca.example.com/",
    "https://ca.example.com/x",
    "https://CA.example.com",
    "ca.example.com",
    "https://a b",
  ])("refuses the public URL %j", async (url) => {
    expect(await run(["--public-url", url])).toMatchObject({
      code: 2,
      stderr: expect.stringContaining("Expected https://host"),
    });
  });
});
