import {
  encodeTreeHeadNoteSignature,
  makeTreeHeadVerifier,
  treeHeadSigningInput,
} from "../core/ct/signed-tree-head.ts";
import { parseLogKey } from "../core/ct/log-key.ts";
import type { Signer } from "../ports/signer.ts";
import type { CheckpointSigner } from "../tlog/checkpoint-signer.ts";

/**
 * Signs checkpoints as RFC 6962 tree heads (C2SP static-ct-api, signature type 0x05).
 *
 * @param signer the log's P-256 key
 */
export function makeTreeHeadCheckpointSigner(origin: string, signer: Signer): CheckpointSigner {
  return {
    ...makeTreeHeadVerifier({ origin, key: parseLogKey(signer.publicKey) }),
    isVerifiedAtOnce: true,
    sign: async ({ size, root, timestampMs }) => {
      const signature = await signer.sign(treeHeadSigningInput({ size, root, timestampMs }));
      return encodeTreeHeadNoteSignature({ timestampMs, signature });
    },
  };
}
