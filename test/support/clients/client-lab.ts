import { copyFileSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { startDevelopmentIssuer, type DevelopmentIssuer } from "../../../dev/oidc-issuer.ts";
import type { TokenKind } from "../../../dev/token-claims.ts";
import { startMayflyProcess, type MayflyProcess } from "../mayfly-process.ts";
import { writeOperatorKeys } from "../operator-keys.ts";
import { runCli } from "../run-cli.ts";
import { makeTestTlsPair, type TestTlsPair } from "../tls-pair.ts";
import type { Installation } from "./installation.ts";
import { labConfig, type LabConfigOptions } from "./lab-config.ts";
import { freePort, startNeighbour, type Neighbour, type NeighbourKind } from "./neighbour.ts";
import { writeOtherTimes } from "./other-times.ts";
import { readClientPage, type ClientPage } from "./page.ts";
import { removeSctFromBundle, startSctRemover, type SctRemover } from "./sct-remover.ts";
import { runInShell, type Finished } from "./shell.ts";
import { serveTufRepositories, type TufRepositories } from "./tuf-repository.ts";

/**
 * Whose trust files a user holds: those that the running Mayfly serves, those of another authority with the same log,
 * those of the same authority with another log, or those that lead to the same authority by a way on which SCTs get lost.
 */
export type Trust = "own" | "another-root" | "another-log" | "without-sct";

/** Who signs, as tokens of the development issuer say, and as a certificate then names them. */
export interface Signer {
  readonly kind: TokenKind;
  readonly identity: string;
  /** What the token has its owner prove possession of a key with. */
  readonly challenge: string;
}

/** A person with an e-mail address, and a job of a CI system. */
export const SIGNERS: readonly Signer[] = [
  { kind: "email", identity: "dev@example.com", challenge: "dev@example.com" },
  {
    kind: "github",
    identity: "https://github.com/octo-org/octo-repo/.github/workflows/release.yml@refs/heads/main",
    challenge: "repo:octo-org/octo-repo:environment:production",
  },
];

/** What a {@link ClientLab} has in it. */
export interface ClientLabOptions {
  readonly client: Installation;
  /** Its page, whose files are on every desk. */
  readonly page: ClientPage;
  readonly neighbours?: readonly NeighbourKind[];
  /** Whether Mayfly answers gRPC where it answers HTTP, and by which protocol; HTTP alone, in clear, when left out. */
  readonly grpc?: "tls" | "plaintext";
  /** A command `python3` that knows python-tuf; with it, trust files are in a TUF repository as well. */
  readonly tufPython?: Installation;
  /** Settings of the CA's that say how long its certificates are valid, as YAML. */
  readonly validity?: string;
}

/** A folder in which one user of a client works, with the trust files of one Mayfly. */
export interface Desk {
  readonly folder: string;
  /** Runs commands of a page there, as this signer or for its identity. */
  readonly run: (commands: string, environment?: Readonly<Record<string, string>>) => Promise<Finished>;
}

/** A Mayfly in a process of its own, its issuer, its neighbours, and a client that knows nothing but the files it emits. */
export interface ClientLab {
  readonly url: string;
  /** A new folder, with trust files, a token, and an artifact. */
  readonly desk: (signer: Signer, trust?: Trust) => Promise<Desk>;
  readonly neighbour: (kind: NeighbourKind) => Neighbour;
  /** The configuration whose trust files are these. */
  readonly configFile: (trust: Trust) => string;
  /** Takes the SCT out of a bundle that somebody signed here. */
  readonly removeSct: (bundleFile: string) => Promise<void>;
  readonly close: () => Promise<void>;
}

/** A certificate that is back-dated has to be within its chain's validity all the same. */
const CHAIN_AGE_MS = 3_600_000;

/** Opens a {@link ClientLab} on loopback. */
export async function openClientLab(options: ClientLabOptions): Promise<ClientLab> {
  const { client, page, neighbours = [], grpc, validity, tufPython } = options;
  if ("whyNot" in client) throw new Error(client.whyNot);
  const folder = mkdtempSync(join(tmpdir(), "mayfly-clients-"));
  const beside: Neighbour[] = [];
  const issuer = await startDevelopmentIssuer();
  let mayfly: MayflyProcess | undefined;
  let remover: SctRemover | undefined;
  let tuf: TufRepositories | undefined;
  const close = async (): Promise<void> => {
    tuf?.close();
    await remover?.close();
    mayfly?.signal("SIGTERM");
    await mayfly?.exited;
    for (const one of beside) await one.close();
    await issuer.close();
    rmSync(folder, { recursive: true, force: true });
  };
  try {
    for (const kind of neighbours) beside.push(await startNeighbour(kind, folder));
    const tls = grpc === "tls" ? makeTestTlsPair(folder, "tls") : undefined;
    const url = `${tls === undefined ? "http" : "https"}://127.0.0.1:${String(await freePort())}`;
    const keys = { own: join(folder, "keys"), other: join(folder, "other-keys") };
    for (const one of Object.values(keys)) {
      mkdirSync(one);
      await writeOperatorKeys(one, Date.now() - CHAIN_AGE_MS);
    }
    remover = await startSctRemover({ target: url, caKeys: keys.own, tls });
    const others = await writeOtherTimes(join(folder, "others"));
    const write = (name: Trust, given: Pick<LabConfigOptions, "caKeys" | "logKeys" | "publicUrl">): string => {
      const file = join(folder, `${name}.yaml`);
      const answersGrpc = grpc !== undefined;
      const common = { data: join(folder, name), url, tls, answersGrpc, validity, issuer, beside, others };
      writeFileSync(file, labConfig({ ...given, ...common }));
      return file;
    };
    const own = { caKeys: keys.own, logKeys: keys.own, publicUrl: url };
    const configFiles: Readonly<Record<Trust, string>> = {
      own: write("own", own),
      "another-root": write("another-root", { ...own, caKeys: keys.other }),
      "another-log": write("another-log", { ...own, logKeys: keys.other }),
      "without-sct": write("without-sct", { ...own, publicUrl: remover.url }),
    };
    mayfly = startMayflyProcess({ configFile: configFiles.own });
    await mayfly.line("ready");
    if (tufPython !== undefined) tuf = await serveTufRepositories(join(folder, "tuf"), commandOf(tufPython, "python3"));
    const setting = { folder, url, removerUrl: remover.url, tls, tuf, issuer, client, page, configFiles };
    return {
      url,
      neighbour: (kind) => beside.find((one) => one.kind === kind)!,
      configFile: (trust) => configFiles[trust],
      removeSct: (bundleFile) => removeSctFromBundle(bundleFile, keys.own),
      desk: (signer, trust = "own") => openDesk(setting, signer, trust),
      close,
    };
  } catch (error) {
    await close();
    throw error;
  }
}

function commandOf(installed: Installation, name: string): string {
  const program = "whyNot" in installed ? undefined : installed.commands[name];
  if (program === undefined) throw new Error("whyNot" in installed ? installed.whyNot : `no command ${name}`);
  return program;
}

interface Setting {
  readonly folder: string;
  readonly url: string;
  readonly removerUrl: string;
  readonly tls: TestTlsPair | undefined;
  readonly tuf: TufRepositories | undefined;
  readonly issuer: DevelopmentIssuer;
  readonly client: Exclude<Installation, { readonly whyNot: string }>;
  readonly page: ClientPage;
  readonly configFiles: Readonly<Record<Trust, string>>;
}

const COMMON = readClientPage("README");

async function openDesk(setting: Setting, { kind, identity, challenge }: Signer, trust: Trust): Promise<Desk> {
  const { issuer, client, page } = setting;
  const folder = mkdtempSync(join(setting.folder, "desk-"));
  const url = trust === "without-sct" ? setting.removerUrl : setting.url;
  const bin = join(folder, ".bin");
  mkdirSync(bin);
  for (const [command, program] of Object.entries(client.commands)) symlinkSync(program, join(bin, command));
  if (client.folder !== undefined) symlinkSync(join(client.folder, "node_modules"), join(folder, "node_modules"));
  writeFileSync(join(folder, "artifact"), "an artifact\n");
  for (const [name, text] of page.files) writeFileSync(join(folder, name), text);
  if (setting.tls !== undefined) copyFileSync(setting.tls.certificateFile, join(folder, "tls.pem"));
  const environment = {
    PATH: [bin, dirname(process.execPath), process.env["PATH"] ?? ""].join(":"),
    HOME: folder,
    // Some wrap what they say at the width of a terminal.
    COLUMNS: "400",
    // A client that asks anyone outside gets no answer, and its user sees that.
    HTTPS_PROXY: NOBODY,
    HTTP_PROXY: NOBODY,
    NO_PROXY: "127.0.0.1,localhost",
    // The JVM takes neither from the variables above.
    JAVA_TOOL_OPTIONS: [
      `-Duser.home=${folder}`,
      ...["http", "https"].flatMap((scheme) => [
        `-D${scheme}.proxyHost=${new URL(NOBODY).hostname}`,
        `-D${scheme}.proxyPort=${new URL(NOBODY).port}`,
      ]),
      "-Dhttp.nonProxyHosts=127.0.0.1|localhost",
    ].join(" "),
    MAYFLY: url,
    AUTHORITY: new URL(url).host,
    // What curl trusts for the TLS of a Mayfly that has it.
    ...(setting.tls === undefined ? {} : { CURL_CA_BUNDLE: join(folder, "tls.pem") }),
    ISSUER: kind === "email" ? issuer.url : issuer.githubUrl,
    TOKEN_ISSUER: issuer.url,
    IDENTITY: identity,
    CHALLENGE: challenge,
    ...client.environment,
  };
  let repository: Readonly<Record<string, string>> = {};
  const run: Desk["run"] = (commands, more = {}) =>
    runInShell(commands, { folder, environment: { ...environment, ...repository, ...more } });
  const succeed = async (commands: string): Promise<void> => {
    const { code, output } = await run(commands);
    if (code !== 0) throw new Error(output);
  };
  await succeed(COMMON.commands(kind === "email" ? "token-email" : "token-ci"));
  if (trust === "own") await succeed(COMMON.commands("trust"));
  else await emitTrust(setting.configFiles[trust], folder);
  if (setting.tuf !== undefined) repository = { TUF: setting.tuf.add(folder) };
  return { folder, run };
}

/** Nothing listens there. */
const NOBODY = "http://127.0.0.1:9";

/** What the block `trust` fetches, from a configuration whose Mayfly does not run. */
async function emitTrust(configFile: string, folder: string): Promise<void> {
  const files = {
    "trusted-root": "trusted_root.json",
    "signing-config": "signing_config.json",
    "client-trust-config": "client_trust_config.json",
    chain: "chain.pem",
    "log-keys": "ct_log.pem",
  };
  for (const [file, name] of Object.entries(files)) {
    const { code, stderr } = await runCli(["trust", file, "--config", configFile, "--out", join(folder, name)]);
    if (code !== 0) throw new Error(stderr);
  }
}
