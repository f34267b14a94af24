import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "@jest/globals";
import { parse } from "yaml";
import {
  dockerfileArgument,
  dockerfileCommands,
  dockerfileInstruction,
  dockerfileLabel,
} from "../support/image/dockerfile.ts";

const ROOT = join(import.meta.dirname, "..", "..");
const read = (path: string): string => readFileSync(join(ROOT, path), "utf8");
const manifest = JSON.parse(read("package.json")) as Readonly<Record<"version" | "description" | "license", string>>;

describe("the Dockerfile", () => {
  it("starts Node.js with the settings of the program's own first line", () => {
    const [, variable = "", options = ""] = /^#!\/usr\/bin\/env -S (\S+=\S+) node (.+)\n/u.exec(read("src/bin.ts"))!;
    expect(read("Dockerfile").split("\n")).toContain(`ENV ${variable}`);
    expect(JSON.parse(dockerfileInstruction("ENTRYPOINT"))).toEqual([
      "/usr/local/bin/node",
      ...options.split(" "),
      "/app/dist/bin.js",
    ]);
  });

  it("takes the Node.js that the tests run on", () => {
    const pins = JSON.parse(read("tools/node/package.json")) as { optionalDependencies: Record<string, string> };
    const [version] = new Set(Object.values(pins.optionalDependencies));
    expect(dockerfileArgument("BUILD_IMAGE")).toMatch(
      new RegExp(`^docker\\.io/library/node:${version ?? "none"}-bookworm(?:@sha256:[0-9a-f]{64})?$`, "u"),
    );
  });

  it("gives npm its secret where secrets are mounted, for the one command, and names no place of a machine", () => {
    const installs = dockerfileCommands().filter((command) => command.includes("npm ci"));
    expect(installs).toHaveLength(2);
    for (const command of installs) {
      expect(command).toMatch(/^--mount=type=secret,id=npmrc NPM_CONFIG_USERCONFIG=\/run\/secrets\/npmrc npm ci /u);
    }
    expect(read("Dockerfile")).not.toMatch(/\/root|\/home|^(?:ENV|ARG) .*npm/imu);
  });

  it("labels the image as package.json describes the package", () => {
    expect({
      version: dockerfileArgument("VERSION"),
      description: dockerfileLabel("description"),
      licenses: dockerfileLabel("licenses"),
    }).toEqual({ version: manifest.version, description: manifest.description, licenses: manifest.license });
  });

  it("names the ports of the example configuration", () => {
    const example = parse(read("config/mayfly.example.yaml")) as Record<"http" | "operations", { listen: string }>;
    const ports = [example.http, example.operations].map(({ listen }) => listen.split(":").at(-1));
    expect(dockerfileInstruction("EXPOSE").split(" ")).toEqual(ports);
  });
});

describe(".dockerignore", () => {
  it("keeps everything out of the build but what it names", () => {
    const [first, ...admitted] = read(".dockerignore")
      .split("\n")
      .filter((line) => line !== "" && !line.startsWith("#"));
    expect(first).toBe("*");
    expect(admitted.filter((line) => !line.startsWith("!"))).toEqual([]);
    expect(admitted.filter((line) => /test|dev|keys|\.env|git/u.test(line))).toEqual(["!keys-dev/fingerprints.json"]);
  });
});
