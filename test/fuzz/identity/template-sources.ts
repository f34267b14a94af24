import fc from "fast-check";

/** Claims as tokens have them, of every kind that templates can use, and some that are none of theirs. */
export const CLAIMS = {
  url: "https://claimed.example",
  repository: "octo/repo",
  run_id: "42",
  number: 1753000000,
  fraction: 1.4,
  zero: 0,
  million: 1e6,
  yes: true,
  no: false,
  ref_type: "branch",
  tag_type: "tag",
  ref: "main",
  empty: "",
  html: `<b> & 'x' "y"`,
  template: "{{ .ref }}",
  "with.dot/slash-and space": "cat",
} as const;

/** Texts that are templates, or nearly so; the claims in them are of {@link CLAIMS}, or `nothing`. */
export function templateSources(): fc.Arbitrary<string> {
  const names = fc.constantFrom(...Object.keys(CLAIMS), "nothing").filter((name) => /^\w+$/u.test(name));
  const literal = fc.constantFrom('"main"', '"branch"', '"true"', '""', "`42`", '"a b"', '"}}"', "`{{`", '"\\"\\\\"');
  const operand = fc.oneof(
    names.map((name) => `.${name}`),
    names.map((name) => `(index . "${name}")`),
    literal,
  );
  const condition = fc.oneof(
    operand,
    fc
      .tuple(fc.constantFrom("eq", "eq", "ne"), fc.array(operand, { minLength: 2, maxLength: 4 }))
      .map(([word, operands]) => `${word} ${operands.join(" ")}`)
      .chain((one) => fc.constantFrom(one, one, `(${one})`)),
  );
  const open = fc.constantFrom("{{", "{{ ", "{{- ", "{{\n");
  const close = fc.constantFrom("}}", " }}", " -}}", "\n}}");
  const action = (inner: fc.Arbitrary<string>): fc.Arbitrary<string> =>
    fc.tuple(open, inner, close).map((parts) => parts.join(""));
  const text = fc.constantFrom("", " ", "a", "/", "refs/", "}}", "\n", " x ", "{", "<&>", "ü");
  const { template } = fc.letrec<{ template: string; part: string }>((tie) => ({
    part: fc.oneof(
      { depthSize: "small", maxDepth: 3 },
      text,
      action(operand),
      fc
        .tuple(action(condition.map((one) => `if ${one}`)), tie("template"), action(fc.constant("end")))
        .map((parts) => parts.join("")),
      fc
        .tuple(
          action(condition.map((one) => `if ${one}`)),
          ...[tie("template"), action(condition.map((one) => `else if ${one}`)), tie("template")],
          ...[action(fc.constant("else")), tie("template"), action(fc.constant("end"))],
        )
        .map((parts) => parts.join("")),
    ),
    template: fc.array(tie("part"), { maxLength: 4 }).map((parts) => parts.join("")),
  }));
  const damaged = fc
    .tuple(template, fc.nat(), fc.constantFrom("", " ", ".", '"', "(", "}", "|", "end", "$x", "/*", "-", "{{else}}"))
    .map(([source, at, what]) => {
      const place = source.length === 0 ? 0 : at % source.length;
      return source.slice(0, place) + what + source.slice(place + 1);
    });
  return fc.oneof({ weight: 3, arbitrary: template }, { weight: 1, arbitrary: damaged });
}
