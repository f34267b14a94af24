import { encodePem } from "../core/encoding/pem.ts";
import { encodeFingerprints } from "./fingerprints.ts";
import { buildSigningConfig } from "./signing-config.ts";
import type { SigningConfigJson } from "./signing-config.ts";
import type { TrustFiles } from "./trust-file-names.ts";
import type { TrustMaterial } from "./trust-material.ts";
import { buildTrustedRoot } from "./trusted-root.ts";
import type { TrustedRootJson } from "./trusted-root.ts";

/** JSON form of `dev.sigstore.trustroot.v1.ClientTrustConfig` (Sigstore protobuf-specs). */
interface ClientTrustConfigJson {
  readonly mediaType: "application/vnd.dev.sigstore.clienttrustconfig.v0.1+json";
  readonly trustedRoot: TrustedRootJson;
  readonly signingConfig: SigningConfigJson;
}

/** Writes down whom to trust, in every form that clients read. Equal material gives equal bytes. */
export function makeTrustFiles(material: TrustMaterial): TrustFiles {
  const trustedRoot = buildTrustedRoot(material);
  const signingConfig = buildSigningConfig(material);
  const clientTrustConfig: ClientTrustConfigJson = {
    mediaType: "application/vnd.dev.sigstore.clienttrustconfig.v0.1+json",
    trustedRoot,
    signingConfig,
  };
  const { issuing, activeCtLog, ctLogs } = material;
  const json = {
    "trusted_root.json": encodeJson(trustedRoot),
    "signing_config.v0.2.json": encodeJson(signingConfig),
    "client_trust_config.json": encodeJson(clientTrustConfig),
  };
  return Object.freeze({
    ...json,
    "chain.pem": encodePemFile("CERTIFICATE", issuing.chain.certificates),
    "ct_log.pem": encodePemFile("PUBLIC KEY", [activeCtLog.publicKey.rawBytes]),
    "ct_logs.pem": encodePemFile(
      "PUBLIC KEY",
      ctLogs.map(({ publicKey }) => publicKey.rawBytes),
    ),
    "fingerprints.txt": encodeFingerprints(material, json),
  });
}

/** UTF-8, two spaces, a final newline; members in the order of the specification. */
function encodeJson(message: TrustedRootJson | SigningConfigJson | ClientTrustConfigJson): Uint8Array {
  return Buffer.from(`${JSON.stringify(message, undefined, 2)}\n`, "utf8");
}

function encodePemFile(label: string, blocks: readonly Uint8Array[]): Uint8Array {
  return Buffer.from(blocks.map((der) => `${encodePem(label, der)}\n`).join(""), "ascii");
}
