import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { makeKeyObjectSigner } from "../../../src/adapters/signers/key-object-signer.ts";
import { generatePrivateKey } from "../../../src/adapters/signers/memory.ts";
import { makeCaChain } from "../../../src/compose/make-ca.ts";
import { startMayflyProcess } from "../mayfly-process.ts";
import type { ProcessOptions } from "../mayfly-process.ts";
import { encryptCheaply, PASSPHRASE } from "../operator-keys.ts";
import type { Call } from "./call.ts";
import { startFulcio } from "./real-fulcio.ts";
import type { FulcioOptions } from "./real-fulcio.ts";
import { send } from "./send.ts";
import type { Reply, Server } from "./send.ts";

const LOG_FAILED = "Error entering certificate in CTL";
const MOST_RETRIES = 2;

/** Real Fulcio and a Mayfly process side by side: one CA key and chain, a log each. */
export interface Both {
  /** Asks Fulcio, and again, at most twice, when the log behind it failed, which says nothing of Fulcio. */
  readonly askFulcio: (call: Call) => Promise<Reply>;
  readonly askMayfly: (call: Call) => Promise<Reply>;
  /** How often the log behind Fulcio failed. */
  readonly logFailures: () => number;
  readonly close: () => Promise<void>;
}

/** What the two are to trust. */
export interface BothOptions {
  /** The issuer's URL of this run, which a word replaces in answers. */
  readonly issuerUrl: string;
  /** Text of Fulcio's issuer file, and what its process is to know beside the variables of this one. */
  readonly fulcio: Pick<FulcioOptions, "issuers" | "environment">;
  /** Mayfly's whole configuration but for its CA and gRPC, and how its process is started. */
  readonly mayfly: Pick<ProcessOptions, "environment" | "nodeArguments"> & {
    readonly config: (folder: string) => string;
  };
}

/** Starts both; what they are built from must have been built. */
export async function startBoth({ issuerUrl, ...options }: BothOptions): Promise<Both> {
  const folder = mkdtempSync(join(tmpdir(), "mayfly-differential-"));
  const issuingKey = generatePrivateKey("ecdsa-p256-sha256");
  const chain = await makeCaChain({
    organization: "Mayfly tests",
    root: makeKeyObjectSigner(generatePrivateKey("ecdsa-p384-sha384")),
    issuing: makeKeyObjectSigner(issuingKey),
    nowMs: Date.now(),
  });
  const issuingFile = await encryptCheaply(issuingKey, PASSPHRASE);
  const [mayfly, fulcio] = await Promise.all([
    startMayfly({ folder, chain, issuingFile, ...options.mayfly }),
    startFulcio({ folder, chain, issuingKey, ...options.fulcio }),
  ]);
  let logFailures = 0;
  const askFulcio = async (call: Call): Promise<Reply> => {
    const failuresBefore = logFailures;
    for (;;) {
      const reply = await send(fulcio, call, issuerUrl);
      if (reply.answer["body.message"] !== LOG_FAILED || logFailures - failuresBefore === MOST_RETRIES) return reply;
      logFailures += 1;
    }
  };
  return {
    askFulcio,
    askMayfly: (call) => send(mayfly, call, issuerUrl),
    logFailures: () => logFailures,
    close: async () => {
      await Promise.all([mayfly.close(), fulcio.close()]);
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

interface MayflyParts extends Pick<ProcessOptions, "environment" | "nodeArguments"> {
  readonly folder: string;
  readonly chain: string;
  readonly issuingFile: string;
  readonly config: (folder: string) => string;
}

async function startMayfly(parts: MayflyParts): Promise<Server & Pick<Both, "close">> {
  const { folder, chain, issuingFile, config, ...process } = parts;
  const file = (name: string): string => join(folder, name);
  writeFileSync(file("chain.pem"), chain);
  writeFileSync(file("issuing.json"), issuingFile, { mode: 0o600 });
  writeFileSync(file("passphrase"), PASSPHRASE, { mode: 0o600 });
  const signer = `{ kind: file, path: ${file("issuing.json")}, passphrase: { file: ${file("passphrase")} } }`;
  const text = config(folder).replace(/^ca: .*$/mu, `ca: { chain: ${file("chain.pem")}, signer: ${signer} }`);
  writeFileSync(file("mayfly.yaml"), `${text}grpc: { listen: "127.0.0.1:0" }\n`);
  const mayfly = startMayflyProcess({ configFile: file("mayfly.yaml"), ...process });
  const { fields = {} } = await mayfly.line("ready");
  const grpcTarget = new URL(fields["grpcUrl"]!).host;
  return {
    url: fields["publicUrl"]!,
    grpcTarget,
    legacyGrpcTarget: grpcTarget,
    close: async () => {
      mayfly.signal("SIGTERM");
      await mayfly.exited;
    },
  };
}
