import { describe, expect, it } from "@jest/globals";
import { CredentialsRenewal } from "../../../../src/adapters/signers/remote/credentials-renewal.ts";
import { KeyFailure } from "../../../../src/adapters/signers/remote/key-failure.ts";

describe("the renewal of credentials", () => {
  it("that failed is not repeated for five seconds, and told as it failed", async () => {
    let nowMs = 0;
    let logins = 0;
    const renewal = new CredentialsRenewal(
      () => {
        logins++;
        return Promise.reject(new KeyFailure("denied", "wrong password"));
      },
      () => nowMs,
    );
    await expect(renewal.renew(0)).rejects.toMatchObject({ kind: "denied" });
    nowMs = 4_999;
    await expect(renewal.renew(4_000)).rejects.toMatchObject({ kind: "denied", message: "wrong password" });
    expect(logins).toBe(1);
    nowMs = 5_000;
    await expect(renewal.renew(5_000)).rejects.toMatchObject({ kind: "denied" });
    expect(logins).toBe(2);
  });

  it("is nothing to do for who began before it, and again for who began after", async () => {
    let nowMs = 10;
    let logins = 0;
    const renewal = new CredentialsRenewal(
      () => {
        logins++;
        return Promise.resolve();
      },
      () => nowMs,
    );
    await renewal.renew(5);
    await renewal.renew(9);
    expect(logins).toBe(1);
    nowMs = 20;
    await renewal.renew(11);
    expect(logins).toBe(2);
  });
});
