import { createPublicKey } from "node:crypto";
import type { KeyObject } from "node:crypto";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { stringify } from "yaml";
import type { DevelopmentIssuer } from "../../../dev/oidc-issuer.ts";
import { makeKeyPair } from "../certificate-fixtures.ts";
import { CTFE } from "../foreign-log/trillian-log.ts";
import { startGoTool } from "../foreign-log/running-tool.ts";
import { fulcioSource, startFulcioProgram } from "./fulcio-program.ts";
import type { FulcioProcess } from "./fulcio-program.ts";
import type { Server } from "./send.ts";

/** What Fulcio is started with. */
export interface FulcioOptions {
  /** Where its files are written. */
  readonly folder: string;
  /** PEM, issuing CA first. */
  readonly chain: string;
  readonly issuingKey: KeyObject;
  /** Text of its issuer file, YAML or JSON. */
  readonly issuers: string;
  /** Variables beside those of this process. */
  readonly environment?: Readonly<Record<string, string>>;
}

/** Fulcio, with a CT log of its own. */
export type RunningFulcio = FulcioProcess & Server;

const PASSPHRASE = "fulcio";

/** Starts Fulcio with a file CA, and the log that it writes to; both programs must have been built. */
export async function startFulcio(options: FulcioOptions): Promise<RunningFulcio> {
  const log = await startLog(options);
  const legacySocket = join(options.folder, "legacy.sock");
  const issuerFile = join(options.folder, "fulcio-config.yaml");
  writeFileSync(issuerFile, options.issuers);
  try {
    const flags = [
      ...["--legacy-unix-domain-socket", legacySocket, "--config-path", issuerFile],
      ...["--ca", "fileca", "--fileca-watch=false", ...writeCa(options), "--fileca-key-passwd", PASSPHRASE],
      ...["--ct-log-url", `${log.url}/log`, "--ct-log-public-key-path", log.publicKeyFile],
    ];
    const fulcio = await startFulcioProgram(flags, options.environment);
    return {
      ...fulcio,
      legacyGrpcTarget: `unix:${legacySocket}`,
      close: async () => {
        await fulcio.close();
        await log.close();
      },
    };
  } catch (cause) {
    await log.close();
    throw cause;
  }
}

async function startLog({ folder, chain }: FulcioOptions) {
  const key = makeKeyPair("ecdsa-p256");
  const [keyFile, publicKeyFile, rootsFile] = ["log-key.pem", "log-public.pem", "log-roots.pem"].map((name) =>
    join(folder, name),
  ) as [string, string, string];
  writeFileSync(keyFile, key.privateKey.export({ type: "pkcs8", format: "pem" }));
  writeFileSync(publicKeyFile, createPublicKey(key.privateKey).export({ type: "spki", format: "pem" }));
  writeFileSync(rootsFile, chain);
  const log = await startGoTool(CTFE, ["-key", keyFile, "-roots", rootsFile]);
  return { url: log.url, publicKeyFile, close: () => log.close() };
}

function writeCa({ folder, chain, issuingKey }: FulcioOptions): readonly string[] {
  const [chainFile, keyFile] = [join(folder, "fulcio-chain.pem"), join(folder, "fulcio-key.pem")];
  const encryption = { cipher: "aes-256-cbc", passphrase: PASSPHRASE };
  writeFileSync(chainFile, chain);
  writeFileSync(keyFile, issuingKey.export({ type: "pkcs8", format: "pem", ...encryption }));
  return ["--fileca-cert", chainFile, "--fileca-key", keyFile];
}

/** The issuer file that Fulcio is released with, its issuers replaced by the two of the development issuer. */
export function developmentIssuerFile(issuer: DevelopmentIssuer): string {
  const released = readFileSync(join(fulcioSource(), "config", "identity", "config.yaml"), "utf8");
  const issuers = {
    "oidc-issuers": {
      [issuer.url]: { "issuer-url": issuer.url, "client-id": "sigstore", type: "email" },
      [issuer.githubUrl]: {
        "issuer-url": issuer.githubUrl,
        "client-id": "sigstore",
        type: "ci-provider",
        "ci-provider": "github-workflow",
      },
    },
  };
  return released.replace(/^oidc-issuers:\n.*?(?=^ci-issuer-metadata:)/msu, () => stringify(issuers));
}
