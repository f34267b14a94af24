import { spawnSync } from "node:child_process";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { startKubeApiserver } from "../issuers/kube-apiserver.ts";
import type { Said } from "./helm.ts";

/** A real API server and kubectl: objects are kept, no pod is ever started. */
export interface Cluster {
  readonly url: string;
  /** PEM of what its TLS is trusted by. */
  readonly caFile: string;
  /** File by which programs find it, as its administrator. */
  readonly kubeconfig: string;
  /** Runs kubectl as the administrator, or with another one's token. */
  readonly kubectl: (args: readonly string[], given?: { readonly input?: string; readonly token?: string }) => Said;
  readonly close: () => Promise<void>;
}

/** Starts one in a folder. */
export async function startCluster(folder: string, kubectl: string): Promise<Cluster> {
  const { url, caFile, adminToken, close } = await startKubeApiserver(join(folder, "api"));
  const home = join(folder, "kubectl");
  mkdirSync(home, { recursive: true });
  const config = (token: string): string => {
    const file = join(home, token.slice(-16));
    const cluster = { name: "it", cluster: { server: url, "certificate-authority-data": encoded(caFile) } };
    const user = { name: "it", user: { token } };
    const context = { name: "it", context: { cluster: "it", user: "it" } };
    const text = { apiVersion: "v1", kind: "Config", clusters: [cluster], users: [user], contexts: [context] };
    writeFileSync(file, JSON.stringify({ ...text, "current-context": "it" }), { mode: 0o600 });
    return file;
  };
  return {
    ...{ url, caFile, close, kubeconfig: config(adminToken) },
    kubectl: (args, { input = "", token = adminToken } = {}) => {
      const env = { PATH: process.env["PATH"] ?? "", HOME: home, KUBECONFIG: config(token) };
      const { status, stdout, stderr } = spawnSync(kubectl, args, { encoding: "utf8", input, env });
      return { code: status, stdout, stderr };
    },
  };
}

const encoded = (file: string): string => readFileSync(file).toString("base64");
