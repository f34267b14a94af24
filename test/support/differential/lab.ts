import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { makeKeyObjectSigner } from "../../../src/adapters/signers/key-object-signer.ts";
import { generatePrivateKey } from "../../../src/adapters/signers/memory.ts";
import { makeCaChain } from "../../../src/compose/make-ca.ts";
import { startMayflyProcess } from "../mayfly-process.ts";
import { encryptCheaply, PASSPHRASE } from "../operator-keys.ts";
import { configText } from "../service.ts";
import { developmentIssuerFile, startFulcio } from "./real-fulcio.ts";
import type { Call } from "./call.ts";
import { send } from "./send.ts";
import type { Reply, Server } from "./send.ts";
import { startTokenSource } from "./token-source.ts";
import type { TokenSource } from "./token-source.ts";

const LOG_FAILED = "Error entering certificate in CTL";
const MOST_RETRIES = 2;

/** Real Fulcio and a Mayfly process side by side: one issuer, one CA key and chain, a log each. */
export interface Lab {
  readonly source: TokenSource;
  /** Asks Fulcio, and again, at most twice, when the log behind it failed, which says nothing of Fulcio. */
  readonly askFulcio: (call: Call) => Promise<Reply>;
  readonly askMayfly: (call: Call) => Promise<Reply>;
  /** How often the log behind Fulcio failed. */
  readonly logFailures: () => number;
  readonly close: () => Promise<void>;
}

/** Starts both; what they are built from must have been built. */
export async function openLab(): Promise<Lab> {
  const folder = mkdtempSync(join(tmpdir(), "mayfly-differential-"));
  const source = await startTokenSource();
  const issuingKey = generatePrivateKey("ecdsa-p256-sha256");
  const chain = await makeCaChain({
    organization: "Mayfly tests",
    root: makeKeyObjectSigner(generatePrivateKey("ecdsa-p384-sha384")),
    issuing: makeKeyObjectSigner(issuingKey),
    nowMs: Date.now(),
  });
  const issuingFile = await encryptCheaply(issuingKey, PASSPHRASE);
  const [mayfly, fulcio] = await Promise.all([
    startMayfly({ folder, source, chain, issuingFile }),
    startFulcio({ folder, chain, issuingKey, issuers: developmentIssuerFile(source.issuer) }),
  ]);
  let logFailures = 0;
  const askFulcio = async (call: Call): Promise<Reply> => {
    const failuresBefore = logFailures;
    for (;;) {
      const reply = await send(fulcio, call, source.issuer.url);
      if (reply.answer["body.message"] !== LOG_FAILED || logFailures - failuresBefore === MOST_RETRIES) return reply;
      logFailures += 1;
    }
  };
  return {
    source,
    askFulcio,
    askMayfly: (call) => send(mayfly, call, source.issuer.url),
    logFailures: () => logFailures,
    close: async () => {
      await Promise.all([mayfly.close(), fulcio.close()]);
      await source.issuer.close();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

interface MayflyParts {
  readonly folder: string;
  readonly source: TokenSource;
  readonly chain: string;
  readonly issuingFile: string;
}

async function startMayfly({ folder, source, chain, issuingFile }: MayflyParts): Promise<Server & Pick<Lab, "close">> {
  const file = (name: string): string => join(folder, name);
  writeFileSync(file("chain.pem"), chain);
  writeFileSync(file("issuing.json"), issuingFile, { mode: 0o600 });
  writeFileSync(file("passphrase"), PASSPHRASE, { mode: 0o600 });
  const signer = `{ kind: file, path: ${file("issuing.json")}, passphrase: { file: ${file("passphrase")} } }`;
  const text = configText(source.issuer, file("data")).replace(
    /^ca: .*$/mu,
    `ca: { chain: ${file("chain.pem")}, signer: ${signer} }`,
  );
  writeFileSync(file("mayfly.yaml"), `${text}grpc: { listen: "127.0.0.1:0" }\n`);
  const mayfly = startMayflyProcess({ configFile: file("mayfly.yaml") });
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
