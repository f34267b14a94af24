import { describe, expect, it } from "@jest/globals";
import type { LookupFunction } from "node:net";
import { boundedLookup } from "../../../src/adapters/oidc/bounded-lookup.ts";

/** What a lookup calls back with, each time it does. */
function answersOf(lookup: LookupFunction): { answers: unknown[][]; first: Promise<void> } {
  const answers: unknown[][] = [];
  const first = Promise.withResolvers<undefined>();
  lookup("issuer.example", { all: true }, (...answer) => {
    answers.push(answer);
    first.resolve(undefined);
  });
  return { answers, first: first.promise };
}

describe("a bounded lookup", () => {
  it("hands on what the name servers say", async () => {
    const found = [{ address: "192.0.2.1", family: 4 }];
    const asked: unknown[] = [];
    const { answers, first } = answersOf(
      boundedLookup((hostname, options, callback) => {
        asked.push(hostname, options);
        callback(null, found);
      }, 1_000),
    );
    await first;
    expect(answers).toEqual([[null, found]]);
    expect(asked).toEqual(["issuer.example", { all: true }]);
  });

  it("fails when they take too long, and drops what they say then", async () => {
    let late: (() => void) | undefined;
    const { answers, first } = answersOf(
      boundedLookup((_hostname, _options, callback) => {
        late = () => {
          callback(null, "192.0.2.1", 4);
        };
      }, 1),
    );
    await first;
    late?.();
    expect(answers).toHaveLength(1);
    expect(answers[0]?.[0]).toMatchObject({ message: "the name could not be resolved within 1 ms" });
  });
});
