import { describe, expect, it } from "@jest/globals";
import { issuerAuthorities } from "../../../src/adapters/oidc/issuer-authorities.ts";
import { ANCHORS } from "../../support/service.ts";

describe("the authorities of issuers", () => {
  it("are the same thing for all issuers with the same ones, and for no others", () => {
    const first = issuerAuthorities(ANCHORS.chainPem);
    expect(issuerAuthorities(ANCHORS.chainPem)).toBe(first);
    expect(issuerAuthorities(`${ANCHORS.chainPem}\n`)).not.toBe(first);
  });
});
