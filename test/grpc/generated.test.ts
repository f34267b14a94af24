import { execFileSync } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, join, resolve } from "node:path";
import { afterAll, describe, expect, it } from "@jest/globals";

const COMMITTED = resolve("src/gen");
const BIN = resolve("node_modules/.bin");
const folder = mkdtempSync(join(tmpdir(), "mayfly-gen-"));
afterAll(() => {
  rmSync(folder, { recursive: true });
});

/** Every file under a folder, by its path from there. */
function filesOf(root: string): Readonly<Record<string, string>> {
  const paths = readdirSync(root, { recursive: true, encoding: "utf8" }).filter((path) => path.endsWith(".ts"));
  return Object.fromEntries(paths.sort().map((path) => [path, readFileSync(join(root, path), "utf8")]));
}

describe("src/gen", () => {
  it("is what `npx buf generate` makes of proto/", () => {
    const template = JSON.stringify({
      version: "v2",
      plugins: [
        {
          local: "protoc-gen-es",
          out: folder,
          opt: ["target=ts", "import_extension=ts", "erasable_syntax=true"],
        },
      ],
    });
    execFileSync(join(BIN, "buf"), ["generate", "--template", template], {
      cwd: resolve("proto"),
      env: { ...process.env, PATH: [BIN, process.env["PATH"]].join(delimiter) },
      stdio: "pipe",
    });
    expect(filesOf(folder)).toEqual(filesOf(COMMITTED));
  });
});
