import { describe, expect, it } from "@jest/globals";
import { readFileSync } from "node:fs";

const [firstLine = ""] = readFileSync("src/bin.ts", "utf8").split("\n");
const SETTINGS = firstLine.match(/--[a-z-]+(?:=\d+)?/gu) ?? [];
const ARENAS = /MALLOC_ARENA_MAX=\d+/u.exec(firstLine)?.[0] ?? "none";

describe("the settings that the program is started with", () => {
  it("are some of V8 and one of the C library", () => {
    expect(SETTINGS.length).toBeGreaterThan(0);
    expect(ARENAS).not.toBe("none");
  });

  it.each([
    ["npm start", "package.json", /"start": "(?<command>.*) src\/bin\.ts serve"/u],
    ["the container image", "Dockerfile", /(?<command>ENV MALLOC_ARENA_MAX[^]*\/app\/dist\/bin\.js)/u],
  ])("are the same in %s as in the program's first line", (_, file, place) => {
    const command = place.exec(readFileSync(file, "utf8"))?.groups?.["command"] ?? "";
    expect(command.match(/--[a-z-]+(?:=\d+)?/gu)).toEqual(SETTINGS);
    expect(command).toContain(ARENAS);
  });
});
