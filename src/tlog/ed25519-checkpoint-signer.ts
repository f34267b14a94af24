import { ed25519KeyOfSpki, makeEd25519Verifier, SIGNATURE_TYPE } from "../core/note/verifier-key.ts";
import type { Signer } from "../ports/signer.ts";
import type { CheckpointSigner } from "./checkpoint-signer.ts";

/**
 * Signs checkpoints with a plain Ed25519 key (C2SP signed-note, type 0x01), the kind that witnesses ask for. Most checkpoints
 * of a busy log are replaced before anybody asks for them, and a verification takes three times what a signature does: lines
 * are verified when they are shown. That saves some 14 µs of a certificate (docs/adr/0011-checkpoint-signatures.md).
 *
 * @param name on the signature line; the log's origin
 * @throws NoteError when the signer has a key of another kind
 */
export function makeEd25519CheckpointSigner(name: string, signer: Signer): CheckpointSigner {
  const publicKey = ed25519KeyOfSpki(signer.publicKey);
  return {
    ...makeEd25519Verifier({ name, type: SIGNATURE_TYPE.ed25519, publicKey }),
    isVerifiedAtOnce: false,
    sign: ({ text }) => signer.sign(Buffer.from(text)),
  };
}
