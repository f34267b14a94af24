import type { KeyClientOptions } from "@azure/keyvault-keys";
import { KeyFailure } from "../remote/key-failure.ts";
import { refusedCall } from "./azure-failure.ts";

type Policy = NonNullable<KeyClientOptions["additionalPolicies"]>[number]["policy"];

/**
 * Lets only answers through that are about one key version: the library does not look at which key an answer says has
 * signed. Refusals are told by what the service says, whatever the library would make of them.
 *
 * @param id `https://VAULT/keys/KEY/VERSION`
 */
export function judgeAnswers(id: string): Policy {
  return {
    name: "mayfly-judge-answers",
    sendRequest: async (request, next) => {
      const response = await next(request);
      const { status, bodyAsText, headers } = response;
      const body = parse(bodyAsText ?? "");
      if (status !== 200) throw refusedCall({ status, body, header: (name) => headers.get(name) });
      if (body === undefined) throw new KeyFailure("wrong-answer", "an answer that is not JSON");
      const { kid, key } = membersOf(body);
      const told = kid ?? membersOf(key)["kid"];
      if (told === id) return response;
      throw new KeyFailure(
        "wrong-answer",
        `an answer about ${typeof told === "string" ? told : "no key"}, where ${id} was asked`,
      );
    },
  };
}

/** Undefined when it is no JSON, as an error page of something in between. */
function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

const membersOf = (value: unknown): Readonly<Record<string, unknown>> =>
  typeof value === "object" && value !== null ? (value as Readonly<Record<string, unknown>>) : {};
