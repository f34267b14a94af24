import { describe, expect, it } from "@jest/globals";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { readClientPage } from "../support/clients/page.ts";

const PAGES = readdirSync("docs/clients").map((file) => file.replace(/\.md$/u, ""));

/** The test that runs a page's commands; those of the first are run before any other's. */
const testOf = (name: string): string =>
  readFileSync(name === "README" ? "test/support/clients/client-lab.ts" : `test/long/clients/${name}.test.ts`, "utf8");

/** What tools/clients/ pins. */
const PINS = readdirSync("tools/clients")
  .flatMap((folder) => readdirSync(join("tools/clients", folder)).map((file) => join("tools/clients", folder, file)))
  .filter((file) => /(?:go\.mod|requirements\.txt|package\.json|pom\.xml)$/u.test(file))
  .map((file) => readFileSync(file, "utf8"))
  .join("\n");

const page = (name: string): string => readFileSync(`docs/clients/${name}.md`, "utf8");

describe("the pages of the clients", () => {
  it("are all in the table of the first", () => {
    const missing = PAGES.filter((name) => name !== "README" && !page("README").includes(`(${name}.md)`));
    expect(PAGES.length).toBeGreaterThan(5);
    expect(missing).toEqual([]);
  });

  it.each(PAGES)("have no commands that no test runs: %s", (name) => {
    const { blocks } = readClientPage(name);
    expect(blocks.length).toBeGreaterThan(0);
    expect(blocks.filter((block) => !testOf(name).includes(`"${block}"`))).toEqual([]);
  });

  it.each(PAGES)("have no commands that no test could run but those that install: %s", (name) => {
    const nameless = [...page(name).matchAll(/^```sh\n([^]*?)^```$/gmu)].flatMap(([, body = ""]) =>
      body.trim().split("\n"),
    );
    expect(nameless.filter((line) => !/^(?:go|pip|npm) install /u.test(line))).toEqual([]);
  });

  it.each(PAGES.filter((name) => name !== "README"))("install what the tests pin: %s", (name) => {
    const go = [...page(name).matchAll(/^go install (\S+)@v(\S+)$/gmu)].map(([, path = "", version = ""]) =>
      PINS.split("\n").some((line) => {
        const [module = "", pinned] = line.replace(/^(?:require)?\s+/u, "").split(" ");
        return pinned === `v${version}` && path.startsWith(module);
      }),
    );
    const python = [...page(name).matchAll(/^pip install (\S+==\S+)$/gmu)].map(([, pin = ""]) =>
      PINS.includes(`${pin}\n`),
    );
    const node = [...page(name).matchAll(/^npm install (.+)$/gmu)].flatMap(([, list = ""]) =>
      list.split(" ").map((one) => {
        const at = one.lastIndexOf("@");
        return PINS.includes(`"${one.slice(0, at)}": "${one.slice(at + 1)}"`);
      }),
    );
    const java = [...page(name).matchAll(/<artifactId>[^]*?<\/version>/gu)].map(([pin]) =>
      PINS.replaceAll(/\s+/gu, "").includes(pin.replaceAll(/\s+/gu, "")),
    );
    const installed = [...go, ...python, ...node, ...java];
    expect(installed).toContain(true);
    expect(installed).not.toContain(false);
  });
});
