import { describe, expect, it } from "@jest/globals";
import { setTimeout as pause } from "node:timers/promises";
import { lookupInTurn } from "../../../src/adapters/oidc/lookup-in-turn.ts";
import type { LookupAll } from "../../../src/adapters/oidc/public-address.ts";

const ADDRESSES = [{ address: "198.51.100.7", family: 4 }];

/** Name servers that answer when a test has them do so, and who asks them in turn. */
function open(waitMs = 60_000) {
  const asked: string[] = [];
  const answers: (() => void)[] = [];
  const names: LookupAll = (hostname, _options, callback) => {
    asked.push(hostname);
    answers.push(() => {
      callback(null, ADDRESSES);
    });
  };
  const lookup = lookupInTurn(names, waitMs);
  const resolve = (hostname: string): Promise<unknown> =>
    new Promise((settle) => {
      lookup(hostname, { all: true }, (error, addresses) => {
        settle(error?.message ?? addresses);
      });
    });
  return { asked, answers, resolve };
}

describe("names that are resolved in turn", () => {
  it("are asked for one at a time, in order", async () => {
    const { asked, answers, resolve } = open();
    const all = ["a", "b", "c"].map((name) => resolve(name));
    for (const expected of [["a"], ["a", "b"], ["a", "b", "c"]]) {
      expect(asked).toEqual(expected);
      answers.at(-1)?.();
    }
    expect(await Promise.all(all)).toEqual([ADDRESSES, ADDRESSES, ADDRESSES]);
    void resolve("d");
    expect(asked).toHaveLength(4);
  });

  it("are given up while another one takes too long, and not asked for afterwards", async () => {
    const { asked, answers, resolve } = open(5);
    const slow = resolve("slow");
    expect(await Promise.all(["b", "c"].map((name) => resolve(name)))).toEqual([
      "other names took longer than 5 ms",
      "other names took longer than 5 ms",
    ]);
    await pause(10);
    answers[0]?.();
    expect(await slow).toEqual(ADDRESSES);
    void resolve("d");
    expect(asked).toEqual(["slow", "d"]);
  });
});
