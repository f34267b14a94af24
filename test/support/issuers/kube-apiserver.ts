import { generateKeyPairSync } from "node:crypto";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Agent } from "undici";
import { ask } from "../ask.ts";
import { freePort } from "../clients/neighbour.ts";
import { installGo } from "../clients/installation.ts";
import { startIssuerProgram, type IssuerProgram } from "./issuer-program.ts";

const FOLDER = "tools/issuers/kube-apiserver";
const [, MAJOR = "", MINOR = "", PATCH = ""] =
  /k8s\.io\/kubernetes v(\d+)\.(\d+)\.(\d+)/u.exec(readFileSync(join(FOLDER, "go.mod"), "utf8")) ?? [];

/** Kubernetes' API server, built as `tools/issuers/kube-apiserver` pins it, or why it is not. The build takes ten minutes. */
export const KUBE_APISERVER = installGo({
  command: "kube-apiserver",
  module: "k8s.io/kubernetes",
  tool: {
    name: "kube-apiserver",
    folder: FOLDER,
    package: "k8s.io/kubernetes/cmd/kube-apiserver",
    // Otherwise it calls itself v0.0.0, and Helm takes it for one that is too old.
    variables: {
      "k8s.io/component-base/version.gitVersion": `v${MAJOR}.${MINOR}.${PATCH}`,
      "k8s.io/component-base/version.gitMajor": MAJOR,
      "k8s.io/component-base/version.gitMinor": MINOR,
    },
  },
});

/** The store of the API server, built as `tools/issuers/etcd` pins it, or why it is not. */
export const ETCD = installGo({
  command: "etcd",
  module: "go.etcd.io/etcd/server/v3",
  tool: { name: "etcd", folder: "tools/issuers/etcd", package: "go.etcd.io/etcd/server/v3" },
});

/** A running API server, which is the issuer of its service accounts' tokens. */
export interface KubeApiserver {
  readonly url: string;
  /** PEM of the authority that its TLS is trusted by. */
  readonly caFile: string;
  /** Bearer token of its administrator. */
  readonly adminToken: string;
  /** A token that may read discovery, as a pod has one. */
  readonly bearerTokenFile: string;
  readonly program: () => IssuerProgram;
  /** Begins anew, with another key for tokens. */
  readonly restart: () => Promise<void>;
  /** A token of a service account (TokenRequest) for these audiences. */
  readonly token: (serviceAccount: string, ...audiences: readonly string[]) => Promise<string>;
  readonly close: () => Promise<void>;
}

const ADMIN = "administrator-of-a-test";

/** Starts it with its store on free ports of loopback, with the service accounts `builder` and `reader`. */
export async function startKubeApiserver(folder: string): Promise<KubeApiserver> {
  if ("whyNot" in KUBE_APISERVER) throw new Error(KUBE_APISERVER.whyNot);
  if ("whyNot" in ETCD) throw new Error(ETCD.whyNot);
  const program = KUBE_APISERVER.commands["kube-apiserver"]!;
  const etcdUrl = `http://127.0.0.1:${String(await freePort())}`;
  const etcd = await startEtcd(ETCD.commands["etcd"]!, join(folder, "etcd"), etcdUrl);
  const port = String(await freePort());
  const url = `https://127.0.0.1:${port}`;
  const pki = join(folder, "pki");
  const caFile = join(pki, "apiserver.crt");
  const admin = (request: string, body?: object): Promise<unknown> => call({ url, caFile }, request, body);
  const tokensFile = join(folder, "tokens.csv");
  writeFileSync(tokensFile, `${ADMIN},admin,admin,"system:masters"\n`, { mode: 0o600 });
  const args = [
    ...[`--etcd-servers=${etcdUrl}`, "--bind-address=127.0.0.1", "--advertise-address=127.0.0.1"],
    ...[`--secure-port=${port}`, `--cert-dir=${pki}`, `--service-account-issuer=${url}`, `--api-audiences=${url}`],
    ...[`--service-account-key-file=${folder}/sa.pub`, `--service-account-signing-key-file=${folder}/sa.key`],
    ...["--authorization-mode=RBAC", `--token-auth-file=${tokensFile}`, "--service-cluster-ip-range=10.0.0.0/24"],
    "--disable-admission-plugins=ServiceAccount",
  ];
  const start = (): Promise<IssuerProgram> => {
    writeServiceAccountKey(folder);
    const isReady = async (): Promise<boolean> => (await admin("GET readyz")) === "ok";
    return startIssuerProgram({ program, args, folder, isReady });
  };
  let running: IssuerProgram | undefined;
  const close = async (): Promise<void> => {
    await running?.stop();
    await etcd.stop();
  };
  try {
    running = await start();
    const accounts = "api/v1/namespaces/default/serviceaccounts";
    for (const name of ["builder", "reader"]) await admin(`POST ${accounts}`, { metadata: { name } });
    const token = async (serviceAccount: string, ...audiences: readonly string[]): Promise<string> => {
      const spec = { audiences, expirationSeconds: 600 };
      const answer = await admin(`POST ${accounts}/${serviceAccount}/token`, { spec });
      return (answer as { readonly status: { readonly token: string } }).status.token;
    };
    const bearerTokenFile = join(folder, "reader-token");
    const writeReaderToken = async (): Promise<void> => {
      writeFileSync(bearerTokenFile, await token("reader", url), { mode: 0o600 });
    };
    await writeReaderToken();
    return {
      ...{ url, caFile, adminToken: ADMIN, bearerTokenFile, token, close },
      program: () => running!,
      restart: async () => {
        await running!.stop();
        running = await start();
        await writeReaderToken();
      },
    };
  } catch (error) {
    await close();
    throw error;
  }
}

async function startEtcd(program: string, folder: string, url: string): Promise<IssuerProgram> {
  mkdirSync(folder, { recursive: true });
  const peers = `http://127.0.0.1:${String(await freePort())}`;
  return startIssuerProgram({
    program,
    args: [
      ...["--data-dir", join(folder, "data"), "--listen-client-urls", url, "--advertise-client-urls", url],
      ...["--listen-peer-urls", peers, "--initial-advertise-peer-urls", peers],
      ...["--initial-cluster", `default=${peers}`],
    ],
    folder,
    isReady: async () => (await ask(`${url}/health`)).status === 200,
  });
}

function writeServiceAccountKey(folder: string): void {
  const { privateKey, publicKey } = generateKeyPairSync("rsa", { modulusLength: 2048 });
  const write = (name: string, pem: string | Buffer): void => {
    writeFileSync(join(folder, name), pem, { mode: 0o600 });
  };
  write("sa.key", privateKey.export({ type: "pkcs1", format: "pem" }));
  write("sa.pub", publicKey.export({ type: "spki", format: "pem" }));
}

/** Calls the API as its administrator; gives JSON, or text that is none. */
async function call(
  { url, caFile }: Pick<KubeApiserver, "url" | "caFile">,
  request: string,
  body?: object,
): Promise<unknown> {
  const [method = "", path = ""] = request.split(" ");
  const dispatcher = new Agent({ connect: { ca: readFileSync(caFile) } });
  try {
    const answer = await ask(`${url}/${path}`, {
      method,
      dispatcher,
      headers: { authorization: `Bearer ${ADMIN}`, "content-type": "application/json" },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    if (answer.status >= 300) throw new Error(`${request}: ${String(answer.status)} ${answer.text}`);
    return answer.body ?? answer.text;
  } finally {
    await dispatcher.close();
  }
}
