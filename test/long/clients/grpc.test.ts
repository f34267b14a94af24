import { afterAll, beforeAll, describe, expect } from "@jest/globals";
import { X509Certificate } from "node:crypto";
import { copyFileSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { openClientLab, SIGNERS, type ClientLab, type Desk, type Signer } from "../../support/clients/client-lab.ts";
import { installGo, whatIsMissing } from "../../support/clients/installation.ts";
import { readClientPage } from "../../support/clients/page.ts";
import { recordEvidence, recordVersion } from "../../support/evidence.ts";
import { itWhen } from "../../support/it-when.ts";

const MODULE = "github.com/fullstorydev/grpcurl";
const page = readClientPage("grpc");
const client = installGo({
  command: "grpcurl",
  module: MODULE,
  tool: { name: "grpcurl", folder: "tools/clients/grpcurl", package: `${MODULE}/cmd/grpcurl` },
});
const missing = whatIsMissing(client);
const [itWithClient, skipped] = itWhen(missing === undefined, missing ?? "");

describe("grpcurl", () => {
  let lab: ClientLab;
  let signed: Desk;

  beforeAll(async () => {
    if (missing !== undefined || "whyNot" in client) return;
    recordVersion("grpcurl:", client.version);
    lab = await openClientLab({ client, page, grpc: "tls" });
  });

  afterAll(async () => {
    if (missing === undefined) await lab.close();
  });

  const sign = (desk: Desk, challenge: string) => desk.run(page.commands("sign"), { CHALLENGE: challenge });

  itWithClient(`lists and describes the service, and asks for its health${skipped}`, async () => {
    const desk = await lab.desk(SIGNERS[0]!);
    const { code, output } = await desk.run(page.commands("list"));
    expect(code).toBe(0);
    expect(output).toContain("dev.sigstore.fulcio.v2.CA\n");
    expect(output).toContain("dev.sigstore.fulcio.v1beta.CA\n");
    expect(output).toContain(
      "rpc CreateSigningCertificate ( .dev.sigstore.fulcio.v2.CreateSigningCertificateRequest )",
    );
    expect(output).toContain('"status": "SERVING"');
    recordEvidence("grpcurl: listed and described dev.sigstore.fulcio.v2.CA by reflection; health is SERVING");
  });

  const names = (certificate: X509Certificate): string => certificate.subjectAltName ?? "";

  itWithClient.each(SIGNERS.map((signer) => [signer.kind, signer] as const))(
    `signs and verifies with a token of kind %s${skipped}`,
    async (kind: Signer["kind"], signer: Signer) => {
      const desk = await lab.desk(signer);
      expect(await desk.run(page.commands("sign"))).toMatchObject({ code: 0 });
      const certificate = new X509Certificate(readFileSync(join(desk.folder, "certificate.pem")));
      expect(names(certificate)).toBe(`${kind === "email" ? "email" : "URI"}:${signer.identity}`);
      const { code, output } = await desk.run(page.commands("verify"));
      expect(code).toBe(0);
      expect(output).toContain("certificate.pem: OK");
      expect(output).toContain("Signed Certificate Timestamp:");
      signed = desk;
      recordEvidence(`grpcurl: signed as ${kind} ${signer.identity}; OpenSSL verified the chain and showed the SCT`);
    },
  );

  itWithClient(`is told the chain and the issuers that the trust files name${skipped}`, async () => {
    const desk = await lab.desk(SIGNERS[0]!);
    const { code, output } = await desk.run(page.commands("ask"));
    expect(code).toBe(0);
    const certificates = (file: string) =>
      (readFileSync(join(desk.folder, file), "utf8").match(/-----BEGIN[^]*?-----END [A-Z]+-----/gu) ?? []).map(
        (pem) => new X509Certificate(pem).fingerprint256,
      );
    expect(certificates("bundle.pem")).toEqual(certificates("chain.pem"));
    expect(output.trim().split("\n")).toHaveLength(2);
  });

  const refusals = [
    ["a proof over another name", "other@example.com", /Code: InvalidArgument/u],
    ["a proof over the subject of a token with an e-mail address", "user:dev@example.com", /e-mail address/u],
  ] as const;

  itWithClient.each(refusals)(`is refused %s${skipped}`, async (what: string, challenge: string, said: RegExp) => {
    const { code, output } = await sign(await lab.desk(SIGNERS[0]!), challenge);
    expect(output).toMatch(said);
    expect(code).not.toBe(0);
    recordEvidence(`grpcurl: was refused ${what} (${said.exec(output)?.[0] ?? ""})`);
  });

  itWithClient(`is refused a token that was changed${skipped}`, async () => {
    const desk = await lab.desk(SIGNERS[0]!);
    const { code, output } = await desk.run(
      `sed -i 's/.$/x/; s/\\(.*\\)\\.\\(.\\)/\\1.A/' token\n${page.commands("sign")}`,
    );
    expect(output).toMatch(/Code: InvalidArgument\s+Message: There was an error processing the identity token/u);
    expect(code).not.toBe(0);
    recordEvidence("grpcurl: was refused a token that was changed (There was an error processing the identity token)");
  });

  itWithClient(`refuses a server that nobody vouches for${skipped}`, async () => {
    const desk = await lab.desk(SIGNERS[0]!);
    copyFileSync(join(desk.folder, "chain.pem"), join(desk.folder, "tls.pem"));
    const { code, output } = await desk.run(page.commands("list"));
    expect(output).toContain("certificate signed by unknown authority");
    expect(code).not.toBe(0);
  });

  itWithClient(`shows whether there is an SCT, and verifies the chain without one${skipped}`, async () => {
    const desk = await lab.desk(SIGNERS[0]!, "without-sct");
    // What stands in between there knows one call, and no reflection.
    const schema = `-import-path ${resolve("proto")} -proto dev/sigstore/fulcio/v2/fulcio.proto`;
    const sign = page.commands("sign").replace("grpcurl", `grpcurl ${schema}`);
    const { code, output } = await desk.run(`${sign}\n${page.commands("verify")}`);
    expect(output).toContain("certificate.pem: OK");
    expect(output).not.toContain("Signed Certificate Timestamp:");
    expect(code).toBe(0);
    recordEvidence("grpcurl: OpenSSL verified the chain of a certificate without an SCT, and showed none");
  });

  itWithClient(`does not verify a certificate under another root${skipped}`, async () => {
    const desk = await lab.desk(SIGNERS[0]!, "another-root");
    for (const file of ["answer.json", "certificate.pem"])
      copyFileSync(join(signed.folder, file), join(desk.folder, file));
    const { code, output } = await desk.run(page.commands("verify"));
    expect(output).toContain("verification failed");
    expect(code).not.toBe(0);
    recordEvidence("grpcurl: OpenSSL refused a certificate of another root (verification failed)");
  });
});
