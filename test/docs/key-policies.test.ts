import { describe, expect, it } from "@jest/globals";
import { readFileSync } from "node:fs";
import { KEY_POLICIES, POLICY_BACKENDS } from "../../src/cli/key-policies.ts";
import { runCli } from "../support/run-cli.ts";

const PAGE = readFileSync("docs/keys.md", "utf8");
const blocks = [...PAGE.matchAll(/^```(?:hcl|json|sh|text)\n(?<text>[\s\S]*?\n)```$/gmu)].map(
  ({ groups }) => groups?.["text"],
);

/** What must not be in a policy: rights to make, change, delete or move keys, or to see them. */
const MORE_THAN_SIGNING =
  /create|delete|destroy|update-?key|import|export|encrypt(?!ion)|rotate|\*"|kms:\*|purge|wrap\/|backup/iu;

describe.each(POLICY_BACKENDS)("key policy %s", (backend) => {
  it("prints the policy alone on standard output", async () => {
    const { code, stdout, stderr } = await runCli(["key", "policy", backend]);
    const { about, policy, commands } = KEY_POLICIES[backend];
    expect({ code, stderr }).toEqual({ code: 0, stderr: `${about}\n` });
    expect(stdout).toBe(commands === undefined ? policy : `${policy}\n${commands}`);
  });

  it("is the same as in the page about keys", () => {
    const { policy, commands } = KEY_POLICIES[backend];
    if (backend === "google-kms") for (const name of policy.trim().split("\n")) expect(PAGE).toContain(`\`${name}\``);
    else expect(blocks).toContain(policy);
    if (commands !== undefined) expect(blocks).toContain(commands);
  });

  it("allows to sign and to read a public key, and nothing else", () => {
    const { policy } = KEY_POLICIES[backend];
    expect(policy).toMatch(/sign/iu);
    if (backend !== "pkcs11") expect(policy.replace("mayfly-ca/*", "mayfly-ca/VERSION")).not.toMatch(MORE_THAN_SIGNING);
    if (policy.startsWith("{")) expect(() => JSON.parse(policy) as unknown).not.toThrow();
  });
});

describe("key policy", () => {
  it.each([
    ["no service", []],
    ["a kind that nobody has to be asked for", ["file"]],
    ["a service that is none", ["ibm-kms"]],
  ])("takes %s as wrong usage", async (_, args) => {
    const { code, stdout } = await runCli(["key", "policy", ...args]);
    expect({ code, stdout }).toEqual({ code: 2, stdout: "" });
  });

  it("is there as `keys policy` too", async () => {
    expect(await runCli(["keys", "policy", "vault"])).toEqual(await runCli(["key", "policy", "vault"]));
  });
});
