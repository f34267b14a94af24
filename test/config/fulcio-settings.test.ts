import { describe, expect, it } from "@jest/globals";
import { parseFulcioDocument } from "../../src/config/fulcio-document.ts";
import { FULCIO_FLAG_NAMES, parseFulcioArguments } from "../../src/config/fulcio-flags.ts";
import { FulcioInputError } from "../../src/config/fulcio-input-error.ts";
import { describeSetting, resolveFulcioSettings } from "../../src/config/fulcio-settings.ts";

interface Given {
  readonly args?: readonly string[];
  readonly env?: Record<string, string>;
  readonly yaml?: string;
}

function resolve({ args = [], env = {}, yaml = "" }: Given): ReturnType<typeof resolveFulcioSettings> {
  const { content } = parseFulcioDocument(yaml, "server.yaml");
  return resolveFulcioSettings({ flags: parseFulcioArguments(args), env, file: { name: "server.yaml", content } });
}

describe("the settings of a Fulcio", () => {
  const PRECEDENCE: readonly [name: string, given: Given, value: string, source: string][] = [
    ["the default", {}, "8080", "the default of --port"],
    ["the file", { yaml: "port: 1" }, "1", "server.yaml: port"],
    ["the environment before the file", { yaml: "port: 1", env: { FULCIO_SERVE_PORT: "2" } }, "2", "FULCIO_SERVE_PORT"],
    ["the flag before both", { yaml: "port: 1", env: { FULCIO_SERVE_PORT: "2" }, args: ["--port=3"] }, "3", "--port"],
    ["not an empty variable", { yaml: "port: 1", env: { FULCIO_SERVE_PORT: "" } }, "1", "server.yaml: port"],
    ["not null in the file", { yaml: "port:" }, "8080", "the default of --port"],
    ["an empty flag", { yaml: "port: 1", args: ["--port="] }, "", "--port"],
    ["names of the file in any case", { yaml: "PORT: 1" }, "1", "server.yaml: port"],
  ];
  it.each(PRECEDENCE)("come from %s", (_, given, value, source) => {
    const { settings, findings } = resolve(given);
    expect(settings.port).toEqual({ value, source, isSet: !source.startsWith("the default") });
    expect(findings).toEqual([]);
  });

  it("come from variables with dashes and dots, as Fulcio names them, and from nested keys", () => {
    const { settings } = resolve({
      env: { "FULCIO_SERVE_CT-LOG-URL": "http://log", FULCIO_SERVE_LOG_TYPE: "prod" },
      yaml: "ct-log:\n  tls-ca-cert: ca.pem\nclient-signing-algorithms: [ed25519, ecdsa-sha2-256-nistp256]",
    });
    expect(settings["ct-log-url"].value).toBe("http://log");
    expect(settings.log_type.value).toBe("prod");
    expect(settings["ct-log.tls-ca-cert"].value).toBe("ca.pem");
    expect(settings["client-signing-algorithms"].value).toBe("ed25519,ecdsa-sha2-256-nistp256");
  });

  const LIST = "client-signing-algorithms";
  const VARIABLE = "FULCIO_SERVE_CLIENT-SIGNING-ALGORITHMS";

  it.each<Given>([
    { args: [`--${LIST}=ed25519,b`] },
    { env: { [VARIABLE]: " ed25519  b" } },
    { yaml: `${LIST}: ed25519 b` },
    { yaml: `${LIST}: [ed25519, b]` },
  ])("separate the names of a list by commas in the flag and by blanks elsewhere: %j", (given) => {
    expect(resolve(given).settings[LIST].value).toBe("ed25519,b");
  });

  it.each<Given>([
    { env: { [VARIABLE]: "ed25519,b" } },
    { yaml: `${LIST}: ed25519,b` },
    { yaml: `${LIST}: ["ed25519,b"]` },
  ])("refuse commas elsewhere, with which Fulcio does not start: %j", (given) => {
    expect(() => resolve(given)).toThrow(FulcioInputError);
    expect(() => resolve(given)).toThrow("Fulcio separates names by blanks here");
  });

  it("are the text that was written", () => {
    const { settings } = resolve({ yaml: "fileca-key-passwd: 0123\nct-log-origin: 1e3\nfileca-watch: false" });
    expect(settings["fileca-key-passwd"].value).toBe("0123");
    expect(settings["ct-log-origin"].value).toBe("1e3");
    expect(settings["fileca-watch"].value).toBe("false");
  });

  it("are all there", () => {
    expect(Object.keys(resolve({}).settings).sort()).toEqual([...FULCIO_FLAG_NAMES].sort());
  });

  it.each([
    [
      "FULCIO_SERVE_CT_LOG_URL",
      "Fulcio does not read this variable; for --ct-log-url it reads FULCIO_SERVE_CT-LOG-URL",
    ],
    ["FULCIO_SERVE_CONFIG", "Fulcio does not read this variable; --config is looked for on the command line alone"],
    ["FULCIO_SERVE_port", "Fulcio does not read this variable"],
    ["FULCIO_SERVE_SPEED", "Fulcio does not read this variable"],
  ])("do not come from %s, and that is said", (variable, note) => {
    const { settings, findings } = resolve({ env: { [variable]: "1" } });
    expect(findings).toEqual([{ outcome: "no counterpart", subject: variable, note }]);
    expect(Object.values(settings).every(({ isSet }) => !isSet)).toBe(true);
  });

  it("do not come from variables of other programs", () => {
    expect(resolve({ env: { FULCIO_SERVER_PORT: "1", FULCIO_URL: "x", PORT: "1" } }).findings).toEqual([]);
  });

  it("do not come from unknown keys of the file, and that is said with the nearest", () => {
    expect(resolve({ yaml: "prot: 1\nhttp-port: 2" }).findings).toEqual([
      {
        outcome: "no counterpart",
        subject: "server.yaml: prot",
        note: "Fulcio has no such setting and passes over it; did you mean port?",
      },
      {
        outcome: "no counterpart",
        subject: "server.yaml: http-port",
        note: "Fulcio has no such setting and passes over it; did you mean port?",
      },
    ]);
  });

  it.each(["port: [1, 2]", "client-signing-algorithms: [[a]]", "ca: [fileca]"])("refuse the list %j", (yaml) => {
    expect(() => resolve({ yaml })).toThrow(FulcioInputError);
  });

  it("never show a password", () => {
    const { settings } = resolve({ args: ["--fileca-key-passwd=hunter2", "--fileca-key=k.pem"] });
    expect(describeSetting(settings, "fileca-key-passwd")).toBe("--fileca-key-passwd");
    expect(describeSetting(settings, "fileca-key")).toBe("--fileca-key=k.pem");
  });
});

describe("a file of Fulcio's", () => {
  const REFUSED: readonly [name: string, text: string, says: string][] = [
    ["YAML that is none", "a: 1\n b: hunter2\n", "f:1: not YAML (block as implicit key)"],
    ["an unclosed list", "a: [hunter2\n", "not YAML"],
    ["a key twice", "a: 1\na: hunter2\n", "f:2: not YAML (duplicate key)"],
    ["an alias of nothing", "a: 1\nb: *hunter2\n", "f:2: not YAML (an alias without its anchor before it"],
    ["bytes", "a: !!binary aHVudGVyMg==\n", "f:1: not YAML (tag resolve failed)"],
    ["a set", "a: 1\nb: !!set { hunter2 }\n", "f:2: not YAML (tag resolve failed)"],
    ["JSON that is none", '{\n "hunter2": 1,\n }', "f:3: starts like JSON and is not"],
    ["JSON that is nested too deeply to tell where it ends", "[".repeat(70), "f:1: starts like JSON and is not"],
    ["JSON with a key twice", '{ "a": 1, "a": "hunter2" }', "not JSON (duplicate key)"],
    ["a list", "- hunter2\n", "f:1: expected a mapping"],
    ["a text", "hunter2", "f:1: expected a mapping"],
    [
      "aliases that multiply",
      `a: &a [1]\n${"bcdefgh"
        .split("")
        .map((n, i) => `${n}: &${n} [${`*${"abcdefgh"[i] ?? ""},`.repeat(9)}]`)
        .join("\n")}`,
      "too many",
    ],
  ];
  it.each(REFUSED)("is refused when it is %s, and not quoted", (_, text, says) => {
    expect(() => parseFulcioDocument(text, "f")).toThrow(FulcioInputError);
    expect(() => parseFulcioDocument(text, "f")).toThrow(says);
    expect(() => parseFulcioDocument(text, "f")).not.toThrow("hunter2");
  });

  it.each(["", "# nothing\n", "null"])("may be empty: %j", (text) => {
    expect(parseFulcioDocument(text, "f").content).toEqual({});
  });

  it("may have aliases for keys, with the colon right behind them", () => {
    expect(parseFulcioDocument("define:\n  - &t one\nmap:\n  *t:\n    a: *t\n", "f").content).toEqual({
      define: ["one"],
      map: { one: { a: "one" } },
    });
  });
});
