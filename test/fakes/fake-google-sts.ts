import { randomBytes } from "node:crypto";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { registerSecret, registerToken } from "../support/keep-output.ts";

const AUDIENCE = "//iam.googleapis.com/projects/1/locations/global/workloadIdentityPools/p/providers/mayfly";
const SCOPE = "https://www.googleapis.com/auth/cloudkms";
const GRANT = "urn:ietf:params:oauth:grant-type:token-exchange";
const ACCESS_TOKEN = "urn:ietf:params:oauth:token-type:access_token";
const JWT = "urn:ietf:params:oauth:token-type:jwt";

/** How the service may refuse to give tokens. */
export type StsFault = "hang" | "status-400" | "status-429" | "status-500" | "reset" | "not-json" | "no-token";

/** Google's Security Token Service as far as a workload identity needs it (RFC 8693), of our own. */
export interface FakeGoogleSts {
  /** Application Default Credentials of a workload identity, whose token is in `subjectFile`. */
  credentials(subjectFile: string): string;
  readonly subjectToken: string;
  /** Every access token that was given out. */
  readonly given: readonly string[];
  /** Whether calls may be made with it. */
  isValid(accessToken: string): boolean;
  revokeAll(): void;
  misbehave(fault: StsFault | undefined): void;
  /** How long tokens are good for. */
  lifeSeconds: number;
  close(): Promise<void>;
}

/** Starts it on a free port of loopback. */
export async function startFakeGoogleSts(): Promise<FakeGoogleSts> {
  const subjectToken = `eyJhbGciOiJSUzI1NiJ9.${randomBytes(16).toString("base64url")}.c2ln`;
  registerToken(subjectToken);
  const given: string[] = [];
  let valid = new Set<string>();
  let fault: StsFault | undefined;
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on("data", (chunk: Buffer) => chunks.push(chunk));
    request.on("end", () => {
      if (fault === "hang") return;
      if (fault === "reset") {
        request.socket.destroy();
        return;
      }
      const answer = (status: number, body: object | string): void => {
        const text = typeof body === "string" ? body : JSON.stringify(body);
        response.writeHead(status, { "content-type": "application/json" }).end(text);
      };
      const form = new URLSearchParams(Buffer.concat(chunks).toString());
      if (fault?.startsWith("status-") === true) {
        // As careless servers do, the refusal quotes what it was asked with.
        answer(Number(fault.slice(7)), { error: "invalid_grant", error_description: `no ${subjectToken}` });
      } else if (fault === "not-json") answer(200, "<html>");
      else if (fault === "no-token") answer(200, {});
      else if (!isRequest(form, subjectToken)) answer(400, { error: "invalid_request" });
      else {
        const token = `ya29.${randomBytes(24).toString("base64url")}`;
        registerSecret(token);
        given.push(token);
        valid.add(token);
        answer(200, {
          access_token: token,
          issued_token_type: ACCESS_TOKEN,
          token_type: "Bearer",
          expires_in: sts.lifeSeconds,
        });
      }
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  const sts: FakeGoogleSts = {
    subjectToken,
    given,
    lifeSeconds: 3_600,
    credentials: (subjectFile) =>
      JSON.stringify({
        type: "external_account",
        audience: AUDIENCE,
        subject_token_type: JWT,
        token_url: `http://127.0.0.1:${String(port)}/v1/token`,
        credential_source: { file: subjectFile },
      }),
    isValid: (token) => valid.has(token),
    revokeAll: () => {
      valid = new Set();
    },
    misbehave: (wanted) => {
      fault = wanted;
    },
    close: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
  return sts;
}

/** RFC 8693 §2.1, for the one workload that is known. */
function isRequest(form: URLSearchParams, subjectToken: string): boolean {
  const wanted = {
    grant_type: GRANT,
    audience: AUDIENCE,
    scope: SCOPE,
    requested_token_type: ACCESS_TOKEN,
    subject_token: subjectToken,
    subject_token_type: JWT,
  };
  return Object.entries(wanted).every(([name, value]) => form.get(name) === value);
}
