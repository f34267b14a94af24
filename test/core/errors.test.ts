import { describe, expect, it } from "@jest/globals";
import { describeCauses, isOurFault, MayflyError, REASONS } from "../../src/core/errors.ts";
import type { ErrorCode, Reason } from "../../src/core/errors.ts";

describe("the table of reasons", () => {
  const rows = Object.entries(REASONS).flatMap(([code, reasons]) =>
    reasons.map((reason): [Reason, string] => [reason, code]),
  );

  it.each(rows)("%s belongs to %s alone", (reason, code) => {
    expect(rows.filter(([name]) => name === reason)).toHaveLength(1);
    expect(new MayflyError(reason, "detail").code).toBe(code);
  });

  it("is in alphabetical order within each code, so that a reason is found", () => {
    for (const reasons of Object.values(REASONS)) expect([...reasons]).toEqual([...reasons].sort());
  });

  it("refuses a reason that is not in it", () => {
    expect(() => new MayflyError("NO_SUCH_REASON" as Reason, "detail")).toThrow("no code for reason NO_SUCH_REASON");
  });

  it("tells the caller's faults from ours", () => {
    const callers = (Object.keys(REASONS) as ErrorCode[]).filter((code) => !isOurFault(code));
    expect(callers).toEqual([
      ...["malformed_request", "invalid_public_key", "invalid_csr", "insecure_key", "invalid_proof"],
      ...["algorithm_not_permitted", "invalid_token", "untrusted_issuer", "policy_denied"],
      ...["not_found", "method_not_allowed", "too_large", "rate_limited", "canceled"],
    ]);
  });
});

describe("an error described with its causes", () => {
  const failure = (message: string, cause?: unknown): Error => new Error(message, { cause });

  it("is one text, outermost first", () => {
    const root = failure("ENOENT");
    const error = new MayflyError("SIGNER_KEY_UNREADABLE", "log.signer", { cause: failure("cannot be read", root) });
    expect(describeCauses(error)).toBe("log.signer: cannot be read: ENOENT");
  });

  it("does not repeat a cause that the message quotes", () => {
    expect(describeCauses(failure("http.listen: in use", failure("in use")))).toBe("http.listen: in use");
  });

  it.each([
    ["a thrown text", "text", "text"],
    ["a cause that is no error", failure("outer", 42), "outer: 42"],
    ["null", null, "null"],
    ["nothing", undefined, ""],
  ])("takes %s", (_, error, text) => {
    expect(describeCauses(error)).toBe(text);
  });

  it("ends where causes go in a circle, and after 1,000 characters", () => {
    const error = failure("turns");
    error.cause = failure("round", error);
    expect(describeCauses(error)).toBe("turns: round: turns: round: turns");
    const itself = failure("alone");
    itself.cause = itself;
    expect(describeCauses(itself)).toBe("alone");
    expect(describeCauses(failure("x".repeat(2_000)))).toHaveLength(1_000);
  });
});
