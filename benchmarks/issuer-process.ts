import { spawn } from "node:child_process";
import { generateKeyPairSync } from "node:crypto";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fetch } from "undici";
import type { RequestTarget } from "./requests.ts";
import { endWithThis, stopProcess } from "./server-process.ts";

/** The development issuer, with an RSA key that requests are made with. */
export interface IssuerProcess {
  readonly issuer: RequestTarget["issuer"];
  readonly stop: () => Promise<void>;
}

const START_LIMIT_MS = 20_000;

/** Starts it on a free port; it ends with this process at the latest. */
export async function startIssuer(): Promise<IssuerProcess> {
  const folder = mkdtempSync(join(tmpdir(), "mayfly-issuer-"));
  const { privateKey } = generateKeyPairSync("rsa", { modulusLength: 2048 });
  const keyPem = privateKey.export({ type: "pkcs8", format: "pem" }) as string;
  const keyFile = join(folder, "issuer.pem");
  writeFileSync(keyFile, keyPem, { mode: 0o600 });
  const child = spawn(process.execPath, ["dev/oidc-issuer.ts", "--port", "0", "--key", keyFile], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  endWithThis(child);
  const [line] = (await once(child.stdout, "data", { signal: AbortSignal.timeout(START_LIMIT_MS) })) as [Buffer];
  const url = /tokens: (http:[^\s)]+)/u.exec(line.toString())?.[1];
  if (url === undefined) throw new Error(`the issuer said: ${line.toString()}`);
  const { keys } = (await (await fetch(new URL("/jwks", url))).json()) as { keys: { kid: string; alg: string }[] };
  const kid = keys.find(({ alg }) => alg === "RS256")?.kid ?? "";
  return {
    issuer: { url, kid, keyPem },
    stop: async () => {
      await stopProcess(child);
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
