import { describe, expect, it } from "@jest/globals";
import { parseFulcioArguments, splitArgumentLines } from "../../src/config/fulcio-flags.ts";
import { FulcioInputError } from "../../src/config/fulcio-input-error.ts";

const parse = (...args: readonly string[]): Record<string, string> => Object.fromEntries(parseFulcioArguments(args));

describe("flags of fulcio serve", () => {
  const TAKEN: readonly [name: string, args: readonly string[], flags: Record<string, string>][] = [
    ["after a blank", ["--port", "5555"], { port: "5555" }],
    ["after an equals sign", ["--port=5555"], { port: "5555" }],
    ["that look like flags", ["--fileca-key-passwd", "--port"], { "fileca-key-passwd": "--port" }],
    ["with equals signs in them", ["--kms-resource=gcpkms://a=b"], { "kms-resource": "gcpkms://a=b" }],
    ["that are empty", ["--ct-log-url="], { "ct-log-url": "" }],
    ["of a name with a dot", ["--ct-log.tls-ca-cert=ca.pem"], { "ct-log.tls-ca-cert": "ca.pem" }],
    ["under an alias", ["--http-host=::1", "--http-port", "80"], { host: "::1", port: "80" }],
    ["of a switch that has none", ["--fileca-watch", "--port=1"], { "fileca-watch": "true", port: "1" }],
    ["of a switch", ["--fileca-watch=false"], { "fileca-watch": "false" }],
    ["of the short flag", ["-c", "server.yaml"], { config: "server.yaml" }],
    ["joined to the short flag", ["-cserver.yaml"], { config: "server.yaml" }],
    [
      "of a list given twice: all",
      ["--client-signing-algorithms=ed25519", "--client-signing-algorithms", "a,b"],
      { "client-signing-algorithms": "ed25519,a,b" },
    ],
    ["given twice: the last", ["--port=1", "--port=2"], { port: "2" }],
    ["behind the program and its command", ["/usr/bin/fulcio", "serve", "--port=1"], { port: "1" }],
  ];
  it.each(TAKEN)("have values %s", (_, args, flags) => {
    expect(parse(...args)).toEqual(flags);
  });

  const REFUSED: readonly [name: string, args: readonly string[], says: string][] = [
    ["an unknown flag, and names the nearest", ["--prot=5555"], "fulcio serve has no flag --prot; did you mean port?"],
    ["an unknown flag that is like none", ["--zzzzzzzzzz=1"], "fulcio serve has no flag --zzzzzzzzzz"],
    [
      "a mistyped password flag, without its value",
      ["--fileca-key-pass=hunter2"],
      "no flag --fileca-key-pass; did you mean fileca-key-passwd?",
    ],
    ["a mistyped alias, and names the flag", ["--http-prt=1"], "did you mean port?"],
    ["a flag without its value", ["--ca"], "the flag --ca of fulcio serve lacks its value"],
    ["the short flag without its value", ["-c"], "the flag --config of fulcio serve lacks its value"],
    [
      "a word that is no flag, without repeating it",
      ["--ca", "fileca", "hunter2"],
      "argument 3 of fulcio serve is neither",
    ],
    ["a flag with one dash", ["-port=1"], "argument 1 of fulcio serve is neither"],
    ["no name", ["--=1"], "argument 1 of fulcio serve is neither"],
    ["another command", ["--port=1", "serve"], "argument 2 of fulcio serve is neither"],
    ["names of an object's own members", ["--constructor=1"], "fulcio serve has no flag --constructor"],
  ];
  it.each(REFUSED)("refuse %s", (_, args, says) => {
    expect(() => parse(...args)).toThrow(FulcioInputError);
    expect(() => parse(...args)).toThrow(says);
    expect(() => parse(...args)).not.toThrow("hunter2");
  });
});

describe("a file of flags", () => {
  it("has one on each line, with its value there or on the next, and comments", () => {
    const text =
      "# of the deployment\r\nserve\r\n\r\n  --port=5555\n--ca fileca\n--host\n::1\n--fileca-key-passwd a b\n-c x.yaml";
    expect(parse(...splitArgumentLines(text))).toEqual({
      port: "5555",
      ca: "fileca",
      host: "::1",
      "fileca-key-passwd": "a b",
      config: "x.yaml",
    });
  });

  it("keeps blanks behind an equals sign", () => {
    expect(splitArgumentLines("--fileca-key-passwd=a b")).toEqual(["--fileca-key-passwd=a b"]);
  });
});
