import { CreateKeyCommand, KMSClient, type KeySpec } from "@aws-sdk/client-kms";
import type { SignatureAlgorithm } from "../../../src/core/certificate/algorithms.ts";
import { ask } from "../ask.ts";
import { installPython } from "../clients/installation.ts";
import { freePort } from "../clients/neighbour.ts";
import { registerSecret } from "../keep-output.ts";
import { startIssuerProgram, type IssuerProgram } from "../issuers/issuer-program.ts";

/** ministack, installed as `tools/keys/ministack` pins it, or why it is not. */
export const MINISTACK = installPython("ministack", ["ministack"], "tools/keys");

const SPECS: Readonly<Partial<Record<SignatureAlgorithm, KeySpec>>> = {
  "ecdsa-p256-sha256": "ECC_NIST_P256",
  "ecdsa-p384-sha384": "ECC_NIST_P384",
  "ecdsa-p521-sha512": "ECC_NIST_P521",
  "rsa-pkcs1-sha256": "RSA_3072",
};

/** A program that answers as AWS does; it takes anybody's signature. */
export interface Ministack {
  readonly endpoint: string;
  readonly region: string;
  /** What a caller signs with. */
  readonly environment: Readonly<Record<string, string>>;
  readonly program: IssuerProgram;
  /** An administrator's client. */
  readonly admin: KMSClient;
  /** @returns its ARN */
  readonly makeKey: (algorithm: SignatureAlgorithm) => Promise<string>;
  readonly close: () => Promise<void>;
}

/** Starts it on a free port of loopback. */
export async function startMinistack(folder: string): Promise<Ministack> {
  if ("whyNot" in MINISTACK) throw new Error(MINISTACK.whyNot);
  const port = String(await freePort());
  const endpoint = `http://127.0.0.1:${port}`;
  const region = "eu-central-1";
  const program = await startIssuerProgram({
    program: MINISTACK.commands["ministack"]!,
    args: [],
    folder,
    environment: { BIND_HOST: "127.0.0.1", GATEWAY_PORT: port },
    isReady: async () => (await ask(`${endpoint}/_ministack/health`)).status === 200,
  });
  const credentials = { accessKeyId: "AKIATESTTESTTESTTEST", secretAccessKey: "secret-access-key-of-a-test" };
  registerSecret(credentials.secretAccessKey);
  const admin = new KMSClient({ region, endpoint, credentials });
  return {
    endpoint,
    region,
    environment: {
      AWS_ACCESS_KEY_ID: credentials.accessKeyId,
      AWS_SECRET_ACCESS_KEY: credentials.secretAccessKey,
    },
    program,
    admin,
    makeKey: async (algorithm) => {
      const spec = SPECS[algorithm]!;
      const { KeyMetadata } = await admin.send(new CreateKeyCommand({ KeySpec: spec, KeyUsage: "SIGN_VERIFY" }));
      return KeyMetadata!.Arn!;
    },
    close: async () => {
      admin.destroy();
      await program.stop();
    },
  };
}
