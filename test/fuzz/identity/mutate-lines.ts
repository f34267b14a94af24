import fc from "fast-check";
import { mutationsOf } from "../mutate.ts";

/** What people, templates and merges put where a value, a name or a line was meant. */
const VALUES = [
  "",
  "~",
  "null",
  "true",
  "yes",
  "No",
  "1",
  "0x1F",
  "1e3",
  ".inf",
  "[]",
  "[a, b]",
  "{}",
  "{ a: b }",
  '"',
  "'",
  '"\\u0000"',
  "|",
  ">-",
  "*nobody",
  "&again x",
  "!!binary AAAA",
  "!tag x",
  "2026-11-23",
  "https://*",
  "https://a.example.com/*",
  "http://a.example.com",
  "{{ .x }}",
  "{{",
  "<<",
  "__proto__",
  "constructor",
  "email",
  "uri",
  "ci-provider",
  "👩‍💻",
  "a".repeat(3000),
];
const LINES = [
  "",
  "#",
  "---",
  "...",
  "- a",
  "<<: *nobody",
  "<<: [*a, *a]",
  "  x: y",
  "x: y",
  "? a",
  ": b",
  "\tx: y",
  "%YAML 1.1",
  "oidc-issuers:",
  "issuers:",
  "__proto__: {}",
  "&a : *a",
  "a: &a [*a]",
  "{",
  "}",
];

type Change =
  | { readonly kind: "delete" | "repeat" | "indent" | "outdent"; readonly at: number }
  | { readonly kind: "insert"; readonly at: number; readonly line: string }
  | { readonly kind: "value" | "name"; readonly at: number; readonly text: string }
  | { readonly kind: "move"; readonly at: number; readonly to: number };

function apply(lines: readonly string[], change: Change): readonly string[] {
  if (lines.length === 0) return lines;
  const at = change.at % lines.length;
  const line = lines[at] ?? "";
  switch (change.kind) {
    case "delete":
      return lines.toSpliced(at, 1);
    case "repeat":
      return lines.toSpliced(at, 0, line);
    case "indent":
      return lines.with(at, `  ${line}`);
    case "outdent":
      return lines.with(at, line.replace(/^ {1,2}/u, ""));
    case "insert":
      return lines.toSpliced(at, 0, change.line);
    case "value":
      return lines.with(at, line.replace(/: .*$|:$/u, `: ${change.text}`));
    case "name":
      return lines.with(at, line.replace(/[^\s:-][^:]*(?=:)/u, change.text));
    case "move":
      return lines.toSpliced(at, 1).toSpliced(change.to % lines.length, 0, line);
  }
}

/** Files some changes away from those given, of lines or of octets; short ones come first. */
export function mutatedFiles(files: readonly string[]): fc.Arbitrary<string> {
  const at = fc.nat(100_000);
  const text = fc.constantFrom(...VALUES);
  const change: fc.Arbitrary<Change> = fc.oneof(
    {
      weight: 2,
      arbitrary: fc.record({ kind: fc.constantFrom("delete", "delete", "repeat", "indent", "outdent"), at }),
    },
    fc.record({ kind: fc.constant("insert"), at, line: fc.constantFrom(...LINES) }),
    { weight: 3, arbitrary: fc.record({ kind: fc.constantFrom("value", "value", "name"), at, text }) },
    fc.record({ kind: fc.constant("move"), at, to: at }),
  );
  const changed = fc
    .tuple(fc.constantFrom(...files), fc.array(change, { maxLength: 3 }))
    .map(([file, changes]) => changes.reduce(apply, file.split("\n")).join("\n"));
  const octets = mutationsOf(files.map((file) => Uint8Array.from(Buffer.from(file)))).map((bytes) =>
    new TextDecoder().decode(bytes),
  );
  return fc.oneof({ weight: 3, arbitrary: changed }, octets);
}
