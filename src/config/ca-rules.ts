import type { AuthorityConfig } from "./ca-schema.ts";
import type { ConfigProblem, Rule } from "./rule.ts";

const problemAt = (one: AuthorityConfig, name: string, message: string): ConfigProblem => ({
  path: [...one.place, name],
  message,
});

const oneActiveAuthority: Rule = ({ ca: { authorities } }) => {
  const [first, ...more] = authorities.filter(({ state }) => state === "active");
  if (first === undefined) return [{ path: ["ca", "authorities"], message: "one issuing CA must be active" }];
  return more.map((one) => problemAt(one, "state", `${first.name} is active already; only one issuing CA can be`));
};

const distinctNames: Rule = ({ ca: { authorities } }) =>
  authorities.flatMap((one, at) =>
    authorities.slice(0, at).some(({ name }) => name === one.name)
      ? [problemAt(one, "name", "another issuing CA has the same")]
      : [],
  );

const orderedWindows: Rule = ({ ca: { authorities } }) =>
  authorities.flatMap((one) => {
    const { startMs, endMs } = one.window;
    if (startMs === undefined || endMs === undefined || startMs < endMs) return [];
    return [problemAt(one, "window", "ends before it begins")];
  });

/** A key that is forgotten at exit has a chain that is forgotten too. */
const chainOfKey: Rule = ({ ca: { authorities } }) =>
  authorities.flatMap((one) => {
    if (one.signer?.kind === "memory") {
      return one.chain === undefined ? [] : [problemAt(one, "chain", "a memory signer makes its own chain")];
    }
    return one.chain === undefined ? [problemAt(one, "chain", "required: the certificate chain of the key")] : [];
  });

const backdating: Rule = ({ ca }) =>
  ca.backdateSeconds < ca.lifetimeSeconds
    ? []
    : [{ path: ["ca", "backdateSeconds"], message: "must be less than ca.lifetimeSeconds" }];

/** What the settings of the CA must be to each other. */
export const CA_RULES: readonly Rule[] = [oneActiveAuthority, distinctNames, orderedWindows, chainOfKey, backdating];
