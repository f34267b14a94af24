import { afterAll, beforeAll, describe, expect } from "@jest/globals";
import { copyFileSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { openClientLab, SIGNERS } from "../../support/clients/client-lab.ts";
import type { ClientLab, Desk } from "../../support/clients/client-lab.ts";
import {
  installGo,
  installMaven,
  installNode,
  installPython,
  whatIsMissing,
} from "../../support/clients/installation.ts";
import type { GoClient, Installation } from "../../support/clients/installation.ts";
import { installNeighbour } from "../../support/clients/neighbour.ts";
import type { NeighbourKind } from "../../support/clients/neighbour.ts";
import { readClientPage } from "../../support/clients/page.ts";
import type { Finished } from "../../support/clients/shell.ts";
import { recordEvidence } from "../../support/evidence.ts";
import { itWhen } from "../../support/it-when.ts";

const goClient = (command: string, folder: string, [module, path]: readonly [string, string]): GoClient => ({
  ...{ command, module },
  tool: { name: folder === "cosign3" ? folder : command, folder: `tools/clients/${folder}`, package: module + path },
});
const programs = installGo(
  goClient("cosign", "cosign3", ["github.com/sigstore/cosign/v3", "/cmd/cosign"]),
  goClient("sigstore-go-verification", "sigstore-go", [
    "github.com/sigstore/sigstore-go",
    "/examples/sigstore-go-verification",
  ]),
);
const python = installPython("sigstore-python", ["sigstore"]);
const js = installNode("sigstore-js", []);
const java = installMaven("sigstore-java");
const neighbours: readonly NeighbourKind[] = ["timestamp-authority", "rekor-v2"];
const missing = whatIsMissing(programs, python, js, java, ...neighbours.map(installNeighbour));
const [itWithClients, skipped] = itWhen(missing === undefined, missing ?? "");

/** All of them on one desk. */
function together(...installations: readonly Installation[]): Installation {
  const here = installations.flatMap((one) => ("whyNot" in one ? [] : [one]));
  return {
    commands: Object.fromEntries(here.flatMap(({ commands }) => Object.entries(commands))),
    environment: Object.fromEntries(here.flatMap(({ environment = {} }) => Object.entries(environment))),
    version: here.map(({ version }) => version).join("; "),
    ...Object.fromEntries(here.flatMap(({ folder }) => (folder === undefined ? [] : [["folder", folder]]))),
  };
}

const cosignPage = readClientPage("cosign");
const pythonPage = readClientPage("sigstore-python");
/** What clients say of an end of the CA, and of the log. */
const REFUSING = [
  { name: "cosign", page: cosignPage, CA: /leaf certificate verification failed/u, log: /verify 0 SCT entries/u },
  ...[
    { name: "sigstore-go", CA: /leaf certificate verification failed/u, log: /verify 0 SCT entries/u },
    { name: "sigstore-js", CA: /Failed to verify certificate chain/u, log: /SCT verification failed/u },
    { name: "sigstore-java", CA: /No valid Certificate Authorities found/u, log: /No valid SCTs were found/u },
  ].map((client) => ({ ...client, page: readClientPage(client.name) })),
];

/** A trusted root's JSON, as far as it is changed here. */
interface WrittenRoot {
  readonly certificateAuthorities: { validFor: object }[];
  readonly ctlogs: { readonly publicKey: { validFor: object } }[];
}

const LONG_AGO = { start: "2020-01-01T00:00:00Z", end: "2020-01-02T00:00:00Z" };
const ENDS: Readonly<Record<"CA" | "log", (root: WrittenRoot) => void>> = {
  CA: ({ certificateAuthorities }) => {
    for (const authority of certificateAuthorities) authority.validFor = LONG_AGO;
  },
  log: ({ ctlogs }) => {
    for (const { publicKey } of ctlogs) publicKey.validFor = LONG_AGO;
  },
};

describe("what was certified after the end of its CA or log", () => {
  let lab: ClientLab;
  let signer: Desk;

  beforeAll(async () => {
    if (missing !== undefined) return;
    const page = { ...cosignPage, files: new Map(REFUSING.flatMap(({ page: { files } }) => [...files])) };
    lab = await openClientLab({ client: together(programs, python, js, java), page, neighbours });
    signer = await lab.desk(SIGNERS[0]!);
    // The very first entry of this Rekor has an index that cosign writes as nothing, which sigstore-python cannot read.
    const twice = `${cosignPage.commands("sign")}\n${cosignPage.commands("sign")}`;
    expect(await signer.run(twice)).toMatchObject({ code: 0 });
  });

  afterAll(async () => {
    if (missing === undefined) await lab.close();
  });

  /** Verifies the bundle on a desk whose trust files were changed. */
  async function verify(commands: string, change: (root: WrittenRoot) => void): Promise<Finished> {
    const desk = await lab.desk(SIGNERS[0]!);
    const file = (name: string): string => join(desk.folder, name);
    copyFileSync(join(signer.folder, "artifact.sigstore.json"), file("artifact.sigstore.json"));
    const root = JSON.parse(readFileSync(file("trusted_root.json"), "utf8")) as WrittenRoot;
    change(root);
    const both = JSON.parse(readFileSync(file("client_trust_config.json"), "utf8")) as object;
    writeFileSync(file("trusted_root.json"), JSON.stringify(root));
    writeFileSync(file("client_trust_config.json"), JSON.stringify({ ...both, trustedRoot: root }));
    return desk.run(commands);
  }

  for (const { name, page, ...refusals } of REFUSING) {
    itWithClients(`is refused by ${name}${skipped}`, async () => {
      expect(await verify(page.commands("verify"), () => undefined)).toMatchObject({ code: 0 });
      for (const what of ["CA", "log"] as const) {
        const { code, output } = await verify(page.commands("verify"), ENDS[what]);
        expect(output).toMatch(refusals[what]);
        expect(code).not.toBe(0);
      }
      recordEvidence(`${name}: refused what was certified after the end of its CA, and of its log`);
    });
  }

  itWithClients(`is accepted by sigstore-python, which looks at no end, as the page says${skipped}`, async () => {
    for (const end of Object.values(ENDS)) {
      expect(await verify(pythonPage.commands("verify"), end)).toMatchObject({ code: 0 });
    }
    recordEvidence("sigstore-python: takes no notice of the end of a CA or a log");
  });
});
