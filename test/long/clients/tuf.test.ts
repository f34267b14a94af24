import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { copyFileSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { createServer } from "node:http";
import type { Server } from "node:http";
import type { AddressInfo } from "node:net";
import { join, normalize } from "node:path";
import { openClientLab, SIGNERS } from "../../support/clients/client-lab.ts";
import type { ClientLab, Desk, Trust } from "../../support/clients/client-lab.ts";
import { installGo, installNode, installPython, whatIsMissing } from "../../support/clients/installation.ts";
import type { Installation } from "../../support/clients/installation.ts";
import { installNeighbour } from "../../support/clients/neighbour.ts";
import type { NeighbourKind } from "../../support/clients/neighbour.ts";
import { readPage } from "../../support/clients/page.ts";
import { recordEvidence, recordVersion } from "../../support/evidence.ts";
import { itWhen } from "../../support/it-when.ts";
import { writeCommand, writeMayflyCommand } from "../../support/mayfly-command.ts";

const page = readPage("docs/trust.md");
const cosign = installGo({
  command: "cosign",
  module: "github.com/sigstore/cosign/v3",
  tool: { name: "cosign3", folder: "tools/clients/cosign3", package: "github.com/sigstore/cosign/v3/cmd/cosign" },
});
const python = installPython("sigstore-python", ["sigstore", "python3"]);
const js = installNode("sigstore-js", ["sigstore"]);
const neighbours: readonly NeighbourKind[] = ["timestamp-authority", "rekor-v2"];
const missing = whatIsMissing(cosign, python, js, ...neighbours.map(installNeighbour));
const [itWithClients, skipped] = itWhen(missing === undefined, missing ?? "");

const commandsOf = (one: Installation): Readonly<Record<string, string>> => ("whyNot" in one ? {} : one.commands);
const { python3 = "python3", ...sigstore } = commandsOf(python);

describe("trust files that an operator distributes", () => {
  let lab: ClientLab;
  let operator: Desk;
  let web: Server;
  let url: string;

  beforeAll(async () => {
    if (missing !== undefined) return;
    const version = [cosign, python]
      .map((one) => ("whyNot" in one ? one.whyNot : one.version))
      .join(", sigstore-python ");
    recordVersion("trust files by TUF and by signature:", `cosign ${version}, tuf 7.0.1`);
    const client = { commands: { ...commandsOf(cosign), ...sigstore }, version };
    lab = await openClientLab({ client, page, neighbours });
    operator = await lab.desk(SIGNERS[0]!);
    writeMayflyCommand(join(operator.folder, ".bin"));
    // A link to an environment's Python would be the Python outside of it.
    writeCommand(join(operator.folder, ".bin"), "python3", python3);
    web = await serve(join(operator.folder, "repository"));
    url = `http://127.0.0.1:${String((web.address() as AddressInfo).port)}`;
  });

  afterAll(async () => {
    if (missing !== undefined) return;
    web.close();
    await lab.close();
  });

  const succeed = async (desk: Desk, block: string, more: Readonly<Record<string, string>> = {}): Promise<void> => {
    const { code, output } = await desk.run(page.commands(block), { TUF: url, ...more });
    expect({ block, output: code === 0 ? "" : output }).toEqual({ block, output: "" });
  };
  const publish = async (trust: Trust): Promise<void> => {
    copyFileSync(lab.configFile(trust), join(operator.folder, "mayfly.yaml"));
    await succeed(operator, "tuf-publish");
  };
  /** Somebody who has the first root of the repository, and no trust file. */
  const newcomer = async (): Promise<Desk> => {
    const desk = await lab.desk(SIGNERS[0]!);
    copyFileSync(join(operator.folder, "repository", "1.root.json"), join(desk.folder, "1.root.json"));
    return desk;
  };

  itWithClients(`are verified by cosign under the operator's key${skipped}`, async () => {
    copyFileSync(lab.configFile("own"), join(operator.folder, "mayfly.yaml"));
    for (const block of ["sign", "verify", "verify-cosign", "sign-p256", "verify-p256"]) await succeed(operator, block);
    const cosignVerify = page.commands("verify-cosign").replace("operator.pub", "operator-p256.pub");
    expect(await operator.run(cosignVerify)).toMatchObject({ code: 0 });
    const other = cosignVerify.replace("trusted_root.json\n", "signing_config.json\n");
    const { code, output } = await operator.run(other);
    expect(code).not.toBe(0);
    expect(output).toMatch(/invalid signature/u);
    recordEvidence("trust files: cosign verified an operator's signature, and refused it over another file");
  });

  itWithClients(`are all that cosign needs, from a TUF repository${skipped}`, async () => {
    await publish("own");
    await succeed(await newcomer(), "tuf-cosign");
    recordEvidence("TUF: cosign signed and verified with nothing but the first root of the repository");
  });

  itWithClients(`are what the command of sigstore-js verifies by, from a TUF repository${skipped}`, async () => {
    await publish("own");
    const desk = await newcomer();
    const bin = join(desk.folder, ".bin");
    rmSync(join(bin, "sigstore"));
    writeCommand(bin, "sigstore", commandsOf(js)["sigstore"] ?? "");
    await succeed(desk, "tuf-js", { TSA: `${lab.neighbour("timestamp-authority").url}/api/v1/timestamp` });
    const verify = page.commands("tuf-js").split("\n").slice(2).join("\n");
    const { code, output } = await desk.run(verify, { TUF: url, IDENTITY: "other@example.com" });
    expect(output).toMatch(/certificate identity error/u);
    expect(code).not.toBe(0);
    recordEvidence("TUF: the command of sigstore-js verified by the repository, and refused another identity");
  });

  itWithClients(`are all that sigstore-python needs, and new ones reach it${skipped}`, async () => {
    await publish("own");
    const desk = await newcomer();
    await succeed(desk, "tuf-python");
    recordEvidence("TUF: sigstore-python signed and verified with nothing but the first root of the repository");
    await publish("another-root");
    const names = readdirSync(join(operator.folder, "repository"));
    expect(names.filter((name) => name.endsWith(".root.json"))).toEqual(["1.root.json"]);
    const verify = page.commands("tuf-python").split("\n").slice(2).join("\n");
    const { code, output } = await desk.run(verify, { TUF: url });
    expect(output).toMatch(/A certificate chain was not valid/u);
    expect(code).not.toBe(0);
    recordEvidence("TUF: sigstore-python, with other trust files published, refused what it had verified before");
  });
});

/** A web server of a folder that may come later, as nobody has to trust one. */
async function serve(folder: string): Promise<Server> {
  const server = createServer((request, response) => {
    try {
      response.end(readFileSync(join(folder, normalize(new URL(request.url ?? "/", "http://localhost").pathname))));
    } catch {
      response.writeHead(404).end();
    }
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return server;
}

it("names the blocks of the page that are run here", () => {
  expect(page.blocks.filter((name) => /^tuf-|cosign/u.test(name))).toEqual([
    "verify-cosign",
    "tuf-publish",
    "tuf-cosign",
    "tuf-python",
    "tuf-js",
  ]);
});
