import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { goToolPath } from "../support/go-tool.ts";

describe("the path of a program in Go", () => {
  let folder: string;
  const write = (file: string, text: string): void => {
    writeFileSync(join(folder, file), text);
  };
  const path = (): string => goToolPath({ name: "program", folder: join(folder, "program") });

  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), "mayfly-go-"));
    for (const module of ["program", "beside"]) mkdirSync(join(folder, module));
    write("program/go.mod", "module test/program\n\nreplace test/beside => ../beside\n");
    write("program/main.go", "package main\n");
    write("beside/go.mod", "module test/beside\n");
    write("beside/beside.go", "package beside\n");
  });

  afterAll(() => {
    rmSync(folder, { recursive: true });
  });

  it("stays while nothing changes", () => {
    expect(path()).toBe(path());
  });

  it("changes with what its build is told", () => {
    const tool = { name: "program", folder: join(folder, "program") };
    const paths = ["v1", "v2"].map((version) =>
      goToolPath({ ...tool, variables: { "test/program.version": version } }),
    );
    expect(new Set([path(), ...paths]).size).toBe(3);
  });

  it.each([
    ["its source", "program/main.go"],
    ["its module", "program/go.sum"],
    ["the source of a module beside it", "beside/beside.go"],
    ["the pins of a module beside it", "beside/go.sum"],
  ])("changes with %s", (_, file) => {
    const before = path();
    write(file, "// changed\n");
    expect(path()).not.toBe(before);
  });
});
