import { keyRequest } from "../signing-body.ts";
import type { Witness } from "./witness.ts";

/** Where callers go and with whose name. */
export interface CallerOptions {
  readonly publicUrl: string;
  /** Path of the log's monitoring prefix below the public URL. */
  readonly logPath: string;
  readonly token: string;
  readonly witness: Witness;
  readonly onAnswer?: () => void;
  /** Whether checkpoints are read too. */
  readonly readsCheckpoints: boolean;
}

interface SigningAnswer {
  readonly signedCertificateEmbeddedSct: { readonly chain: { readonly certificates: readonly string[] } };
}

/**
 * Asks for certificates, one after the other and each for a key of its own, until the server is gone; now and then reads the
 * checkpoint, which must cover what was answered before.
 *
 * @returns how many certificates came
 */
export async function callUntilGone(options: CallerOptions): Promise<number> {
  const { witness, onAnswer, readsCheckpoints } = options;
  for (let answers = 0; ; answers++) {
    const pem = await ask(options);
    if (pem === undefined) return answers;
    witness.certificate(pem);
    onAnswer?.();
    if (readsCheckpoints && answers % 3 === 0 && !(await readCheckpoint(options, pem))) return answers + 1;
  }
}

/** One certificate, PEM; undefined when the server goes away before the whole answer is there. */
async function ask({ publicUrl, token }: CallerOptions): Promise<string | undefined> {
  const answer = await textOf(`${publicUrl}/api/v2/signingCert`, {
    method: "POST",
    headers: { "Content-Type": "application/json", Authorization: `Bearer ${token}` },
    body: JSON.stringify(keyRequest()),
  });
  if (answer === undefined) return undefined;
  const { signedCertificateEmbeddedSct } = JSON.parse(answer) as SigningAnswer;
  const [pem] = signedCertificateEmbeddedSct.chain.certificates;
  if (pem === undefined) throw new Error("an answer without a certificate");
  return pem;
}

async function readCheckpoint({ publicUrl, logPath, witness }: CallerOptions, answered: string): Promise<boolean> {
  const known = witness.newest();
  const note = await textOf(`${publicUrl}/${logPath}/checkpoint`);
  if (note === undefined) return false;
  witness.mustCover(answered, witness.checkpoint(note, known));
  return true;
}

/** The body of a good answer; undefined when the server goes away before all of it is there, or says that it does. */
async function textOf(url: string, init?: RequestInit): Promise<string | undefined> {
  const answer = await orGone(async () => {
    const response = await globalThis.fetch(url, init);
    return { status: response.status, text: await response.text() };
  });
  if (answer === undefined || answer.text.includes('"SHUTTING_DOWN"')) return undefined;
  if (answer.status !== 200) throw new Error(`answered ${String(answer.status)}: ${answer.text}`);
  return answer.text;
}

/** Undefined when the server went away meanwhile; it must not be gone for any other reason than that it was killed. */
async function orGone<T>(call: () => Promise<T>): Promise<T | undefined> {
  try {
    return await call();
  } catch (error) {
    if (error instanceof SyntaxError) throw error;
    return undefined;
  }
}
