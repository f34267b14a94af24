import { createHash, createHmac, createPublicKey, randomBytes, randomUUID, sign, type KeyObject } from "node:crypto";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { generatePrivateKey } from "../../src/adapters/signers/memory.ts";
import type { SignatureAlgorithm } from "../../src/core/certificate/algorithms.ts";
import { registerSecret, registerToken } from "../support/keep-output.ts";
import { asDer, signDigest } from "../support/keys/sign-digest.ts";

/** What the server does instead of what it is asked for. */
export type AwsKmsFault =
  | "hang"
  | "hang-in-body"
  | "reset"
  | "throttled"
  | "status-429"
  | "internal"
  | "key-store-away"
  | "bad-gateway-page"
  | "redirect"
  | "not-json"
  | "truncated-json"
  | "no-signature"
  | "other-key-named"
  | "no-key-named"
  | "other-algorithm"
  | "disabled"
  | "pending-deletion"
  | "deleted"
  | "denied"
  | "no-such-error"
  | "expired"
  | "truncated-signature"
  | "other-key"
  | "other-message";

/** How a fault that is told as an error is told: status, and the service's name for it. */
const TOLD: Readonly<Partial<Record<AwsKmsFault, readonly [number, string]>>> = {
  throttled: [400, "ThrottlingException"],
  "status-429": [429, "SomethingException"],
  internal: [500, "KMSInternalException"],
  "key-store-away": [500, "KeyUnavailableException"],
  disabled: [400, "DisabledException"],
  "pending-deletion": [400, "KMSInvalidStateException"],
  deleted: [400, "NotFoundException"],
  denied: [400, "AccessDeniedException"],
  "no-such-error": [400, "SomethingException"],
};

const SPECS: Readonly<Record<SignatureAlgorithm, readonly [spec: string, algorithm: string]>> = {
  "ecdsa-p256-sha256": ["ECC_NIST_P256", "ECDSA_SHA_256"],
  "ecdsa-p384-sha384": ["ECC_NIST_P384", "ECDSA_SHA_384"],
  "ecdsa-p521-sha512": ["ECC_NIST_P521", "ECDSA_SHA_512"],
  "rsa-pkcs1-sha256": ["RSA_3072", "RSASSA_PKCS1_V1_5_SHA_256"],
  ed25519: ["ECC_NIST_EDWARDS25519", "ED25519_SHA_512"],
};
const DIGEST_BYTES: Readonly<Record<string, number>> = {
  ECDSA_SHA_256: 32,
  ECDSA_SHA_384: 48,
  ECDSA_SHA_512: 64,
  RSASSA_PKCS1_V1_5_SHA_256: 32,
};
const REGION = "eu-central-1";
const ROLE = "arn:aws:iam::111122223333:role/mayfly";
const WEB_IDENTITY = "eyJhbGciOiJSUzI1NiJ9.web-identity-of-a-test.c2ln";
registerToken(WEB_IDENTITY);

type Json = Record<string, unknown>;

interface Refusal {
  readonly status: number;
  readonly type: string;
}

interface Key {
  readonly algorithm: SignatureAlgorithm;
  readonly use: string;
  readonly key: KeyObject;
}

/** AWS KMS and the STS that gives credentials for it, of our own: real keys, and signatures of callers verified. */
export interface FakeAwsKms {
  readonly endpoint: string;
  readonly region: string;
  readonly role: string;
  /** What STS takes for the role. */
  readonly webIdentity: string;
  readonly counts: { requests: number; logins: number; signatures: number };
  /** Everything that must never be in a message. */
  readonly secrets: () => readonly string[];
  /** From now on, with one key or with all; undefined ends it. */
  misbehave(fault: AwsKmsFault | undefined, arn?: string): void;
  /** Changes what GetPublicKey answers. */
  describeOtherwise(change: Json | undefined): void;
  /** No session is taken any more. */
  expireSessions(): void;
  /** STS is away, or refuses. */
  breakLogins(how: "away" | "refusing" | undefined): void;
  /** ARN of the key of an algorithm for some use, which is made if need be. */
  arn(algorithm: SignatureAlgorithm, use?: string): string;
  close(): Promise<void>;
}

/** Starts it on a free port of loopback. */
export async function startFakeAwsKms(): Promise<FakeAwsKms> {
  const service = new Service();
  const http = createServer((request, response) => void service.answer(request, response));
  await new Promise<void>((resolve) => http.listen(0, "127.0.0.1", resolve));
  const { port } = http.address() as AddressInfo;
  return Object.assign(service, {
    endpoint: `http://127.0.0.1:${String(port)}`,
    close: async () => {
      http.closeAllConnections();
      await new Promise((resolve) => http.close(resolve));
    },
  });
}

class Service {
  readonly region = REGION;
  readonly role = ROLE;
  readonly webIdentity = WEB_IDENTITY;
  readonly counts = { requests: 0, logins: 0, signatures: 0 };
  readonly #keys = new Map<string, Key>();
  /** Secret by access key id; those that are not taken any more have none. */
  readonly #sessions = new Map<string, { readonly secret: string; readonly token: string; isOver: boolean }>();
  #wanted: { readonly fault: AwsKmsFault | undefined; readonly arn?: string | undefined } = { fault: undefined };
  /** What the request at hand is answered with. */
  #fault: AwsKmsFault | undefined;
  #described: Json | undefined;
  #logins: "away" | "refusing" | undefined;

  secrets = (): readonly string[] => [
    WEB_IDENTITY,
    ...[...this.#sessions.values()].flatMap(({ secret, token }) => [secret, token]),
  ];

  misbehave(fault: AwsKmsFault | undefined, arn?: string): void {
    this.#wanted = { fault, arn };
  }

  describeOtherwise(change: Json | undefined): void {
    this.#described = change;
  }

  expireSessions(): void {
    for (const session of this.#sessions.values()) session.isOver = true;
  }

  breakLogins(how: "away" | "refusing" | undefined): void {
    this.#logins = how;
  }

  arn(algorithm: SignatureAlgorithm, use = "mayfly"): string {
    const known = [...this.#keys].find(([, one]) => one.algorithm === algorithm && one.use === use);
    if (known !== undefined) return known[0];
    const arn = `arn:aws:kms:${REGION}:111122223333:key/${randomUUID()}`;
    this.#keys.set(arn, { algorithm, use, key: generatePrivateKey(algorithm) });
    return arn;
  }

  async answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const body = Buffer.concat(chunks);
    const target = request.headers["x-amz-target"];
    if (target === undefined) {
      this.#logIn(new URLSearchParams(body.toString()), response);
      return;
    }
    this.counts.requests++;
    const call = JSON.parse(body.toString()) as Json;
    const { fault, arn } = this.#wanted;
    this.#fault = arn === undefined || arn === call["KeyId"] ? fault : undefined;
    if (this.#misbehaves(request, response)) return;
    const refused = this.#refuseCaller(request, body);
    const result = refused ?? this.#call(String(target), call);
    if ("status" in result) respond(response, Number(result["status"]), { __type: result["type"], message: "no" });
    else this.#respondWell(response, result);
  }

  #misbehaves(request: IncomingMessage, response: ServerResponse): boolean {
    const told = this.#fault === undefined ? undefined : TOLD[this.#fault];
    if (told !== undefined) {
      respond(response, told[0], { __type: told[1], message: "no" });
      return true;
    }
    switch (this.#fault) {
      case "hang":
        return true;
      case "hang-in-body":
        response.writeHead(200, { "content-type": "application/x-amz-json-1.1" }).write('{"KeyId":');
        return true;
      case "reset":
        request.socket.destroy();
        return true;
      case "bad-gateway-page":
        response.writeHead(502, { "content-type": "text/html" }).end("<h1>Bad Gateway</h1>");
        return true;
      case "redirect":
        response.writeHead(307, { location: "http://127.0.0.1:9/" }).end();
        return true;
      case "not-json":
        response.writeHead(200).end("<html>welcome</html>");
        return true;
      case "expired":
        // Once, as sessions that ended a moment ago: what comes with the next one is taken.
        this.#wanted = { fault: undefined };
        this.expireSessions();
        return false;
      default:
        return false;
    }
  }

  /** As AWS does: the request's own signature (Signature Version 4) by the secret of a session that is not over. */
  #refuseCaller(request: IncomingMessage, body: Buffer): Refusal | undefined {
    const { id, scope, names, signature } =
      /^AWS4-HMAC-SHA256 Credential=(?<id>[^/]+)\/(?<scope>[^,]+), SignedHeaders=(?<names>[^,]+), Signature=(?<signature>[0-9a-f]{64})$/u.exec(
        request.headers.authorization ?? "",
      )?.groups ?? {};
    const session = this.#sessions.get(id ?? "");
    if (session === undefined || request.headers["x-amz-security-token"] !== session.token) {
      return { status: 400, type: "UnrecognizedClientException" };
    }
    if (session.isOver) return { status: 400, type: "ExpiredTokenException" };
    const headers = (names ?? "").split(";").map((name) => `${name}:${String(request.headers[name]).trim()}\n`);
    const hex = (data: Buffer | string): string => createHash("sha256").update(data).digest("hex");
    const canonical = ["POST", "/", "", headers.join(""), names, hex(body)].join("\n");
    const date = String(request.headers["x-amz-date"]);
    const toSign = ["AWS4-HMAC-SHA256", date, scope, hex(canonical)].join("\n");
    const key = (scope ?? "")
      .split("/")
      .reduce<Buffer>(
        (by, part) => createHmac("sha256", by).update(part).digest(),
        Buffer.from(`AWS4${session.secret}`),
      );
    const isRight = createHmac("sha256", key).update(toSign).digest("hex") === signature;
    const isHere = scope === `${date.slice(0, 8)}/${REGION}/kms/aws4_request`;
    return isRight && isHere ? undefined : { status: 400, type: "InvalidSignatureException" };
  }

  #call(target: string, body: Json): Json | Refusal {
    const [arn, known] =
      [...this.#keys].find(([name]) => name === body["KeyId"] || name.split("/")[1] === body["KeyId"]) ?? [];
    if (arn === undefined || known === undefined) return { status: 400, type: "NotFoundException" };
    if (target === "TrentService.GetPublicKey") return this.#describe(arn, known);
    if (target === "TrentService.Sign") return this.#sign(arn, known, body);
    return { status: 400, type: "UnknownOperationException" };
  }

  #describe(arn: string, { algorithm, key }: Key): Json {
    const [spec, name] = SPECS[algorithm];
    const der = createPublicKey(key).export({ type: "spki", format: "der" });
    return {
      KeyId: arn,
      KeySpec: spec,
      KeyUsage: "SIGN_VERIFY",
      SigningAlgorithms: [name],
      PublicKey: der.toString("base64"),
      ...this.#described,
    };
  }

  #sign(arn: string, known: Key, body: Json): Json | Refusal {
    const { algorithm } = known;
    const [, name] = SPECS[algorithm];
    if (body["SigningAlgorithm"] !== name) return { status: 400, type: "InvalidKeyUsageException" };
    const input = Buffer.from(String(body["Message"]), "base64");
    if (this.#fault === "other-message") input.fill(1);
    const key = this.#fault === "other-key" ? generatePrivateKey(algorithm) : known.key;
    const signature = signInput(algorithm, body["MessageType"], input, key);
    if (signature === undefined) return { status: 400, type: "ValidationException" };
    this.counts.signatures++;
    const cut = this.#fault === "truncated-signature" ? signature.subarray(0, -2) : signature;
    return {
      KeyId: this.#fault === "other-key-named" ? arn.replace(/.{4}$/u, "ffff") : arn,
      SigningAlgorithm: this.#fault === "other-algorithm" ? "RSASSA_PSS_SHA_256" : name,
      Signature: Buffer.from(cut).toString("base64"),
    };
  }

  #respondWell(response: ServerResponse, result: Json): void {
    const missing = { "no-signature": "Signature", "no-key-named": "KeyId" }[String(this.#fault)];
    const text = JSON.stringify({ ...result, ...(missing === undefined ? {} : { [missing]: undefined }) });
    if (this.#fault !== "truncated-json") {
      response.writeHead(200, { "content-type": "application/x-amz-json-1.1" }).end(text);
      return;
    }
    response.writeHead(200, { "content-length": text.length }).write(text.slice(0, -20));
    response.socket?.end();
  }

  /** STS, in its query protocol: https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRoleWithWebIdentity.html */
  #logIn(form: URLSearchParams, response: ServerResponse): void {
    if (this.#logins === "away") {
      response.socket?.destroy();
      return;
    }
    const isRight = form.get("RoleArn") === ROLE && form.get("WebIdentityToken") === WEB_IDENTITY;
    if (!isRight || form.get("Action") !== "AssumeRoleWithWebIdentity" || this.#logins === "refusing") {
      const said = "<Error><Type>Sender</Type><Code>AccessDenied</Code><Message>no</Message></Error>";
      response.writeHead(403, { "content-type": "text/xml" }).end(`<ErrorResponse>${said}</ErrorResponse>`);
      return;
    }
    this.counts.logins++;
    const id = `ASIA${randomBytes(8).toString("hex").toUpperCase()}`;
    const session = { secret: randomBytes(20).toString("hex"), token: randomBytes(60).toString("hex"), isOver: false };
    registerSecret(session.secret);
    registerSecret(session.token);
    this.#sessions.set(id, session);
    const ends = new Date(Date.now() + 3_600_000).toISOString();
    const given = `<Credentials><AccessKeyId>${id}</AccessKeyId><SecretAccessKey>${session.secret}</SecretAccessKey><SessionToken>${session.token}</SessionToken><Expiration>${ends}</Expiration></Credentials>`;
    const result = `<AssumeRoleWithWebIdentityResult>${given}</AssumeRoleWithWebIdentityResult>`;
    response
      .writeHead(200, { "content-type": "text/xml" })
      .end(`<AssumeRoleWithWebIdentityResponse>${result}</AssumeRoleWithWebIdentityResponse>`);
  }
}

/** As strict as the service: undefined for what does not fit the key. */
function signInput(
  algorithm: SignatureAlgorithm,
  type: unknown,
  input: Buffer,
  key: KeyObject,
): Uint8Array | undefined {
  if (algorithm === "ed25519") return type === "RAW" && input.length <= 4_096 ? sign(null, input, key) : undefined;
  const isDigest = type === "DIGEST" && input.length === DIGEST_BYTES[SPECS[algorithm][1]];
  return isDigest ? asDer(signDigest(input, key), key) : undefined;
}

function respond(response: ServerResponse, status: number, body: object): void {
  response.writeHead(status, { "content-type": "application/x-amz-json-1.1" }).end(JSON.stringify(body));
}
