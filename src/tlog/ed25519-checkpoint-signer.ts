import { ed25519KeyOfSpki, makeEd25519Verifier, SIGNATURE_TYPE } from "../core/note/verifier-key.ts";
import type { Signer } from "../ports/signer.ts";
import type { CheckpointSigner } from "./checkpoint-signer.ts";

/**
 * Signs checkpoints with a plain Ed25519 key (C2SP signed-note, type 0x01), the kind that witnesses ask for.
 *
 * @param name on the signature line; the log's origin
 * @throws NoteError when the signer has a key of another kind
 */
export function makeEd25519CheckpointSigner(name: string, signer: Signer): CheckpointSigner {
  const publicKey = ed25519KeyOfSpki(signer.publicKey);
  return {
    ...makeEd25519Verifier({ name, type: SIGNATURE_TYPE.ed25519, publicKey }),
    sign: ({ text }) => signer.sign(Buffer.from(text)),
  };
}
