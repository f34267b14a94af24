import { describe, expect, it } from "@jest/globals";
import type { PKCS11 } from "pkcs11js";
import { CKA, CKF } from "../../../../src/adapters/signers/pkcs11/cryptoki.ts";
import type { TokenChoice } from "../../../../src/adapters/signers/pkcs11/token-calls.ts";
import { TokenModule } from "../../../../src/adapters/signers/pkcs11/token-module.ts";
import { fakePair, FakePkcs11, PIN } from "../../../fakes/fake-pkcs11.ts";

const TOKEN = { label: "mayfly" };
const KEY = { label: "ca" };

function begin(): { fake: FakePkcs11; module: TokenModule } {
  const fake = new FakePkcs11();
  fake.tokens.push(
    { label: "other", serial: "00", flags: CKF.LOGIN_REQUIRED, objects: [...fakePair()] },
    { label: "mayfly", serial: "01", flags: CKF.LOGIN_REQUIRED, objects: [...fakePair()] },
  );
  // Of the many methods of the package's class, the fake has those that a TokenModule calls.
  return { fake, module: new TokenModule(fake as unknown as PKCS11, "/module.so") };
}

const sign = (module: TokenModule, change: { token?: TokenChoice; key?: object } = {}): Promise<unknown> =>
  module.call({ kind: "sign", token: TOKEN, key: KEY, mechanism: 0x1041, data: Buffer.from("abc"), ...change });
const logIn = (module: TokenModule, pin = PIN): Promise<unknown> => module.call({ kind: "log-in", token: TOKEN, pin });
const count = ({ calls }: FakePkcs11, call: string): number => calls.filter((one) => one === call).length;

describe("a PKCS#11 module", () => {
  it("is loaded by the first call, once", async () => {
    const { fake, module } = begin();
    expect(fake.calls).toEqual([]);
    await logIn(module);
    await sign(module);
    expect(fake.calls.slice(0, 2)).toEqual(["load /module.so", "C_Initialize"]);
    expect(count(fake, "C_Initialize")).toBe(1);
  });

  it("says that somebody must log in, and signs after that", async () => {
    const { fake, module } = begin();
    await expect(sign(module)).rejects.toThrow("LOGIN_NEEDED");
    expect(fake.open.size).toBe(0);
    await logIn(module);
    expect(await sign(module)).toEqual(Buffer.from("cba"));
  });

  it("signs at once in sessions of their own, and keeps them", async () => {
    const { fake, module } = begin();
    await logIn(module);
    await Promise.all([sign(module), sign(module), sign(module)]);
    await Promise.all([sign(module), sign(module), sign(module)]);
    expect(fake.open.size).toBe(4);
    expect(count(fake, "C_SignAsync")).toBe(6);
  });

  it.each(["C_SignInit", "C_SignAsync"])("closes a session in which %s failed, and stays logged in", async (call) => {
    const { fake, module } = begin();
    await logIn(module);
    await sign(module);
    fake.failing = { [call]: "CKR_DEVICE_MEMORY" };
    await expect(sign(module)).rejects.toThrow("CKR_DEVICE_MEMORY");
    expect(fake.open.size).toBe(1);
    fake.failing = {};
    expect(await sign(module)).toEqual(Buffer.from("cba"));
  });

  it("does not log in twice", async () => {
    const { fake, module } = begin();
    await logIn(module);
    await logIn(module, "wrong");
    expect(count(fake, "C_Login")).toBe(1);
    expect(fake.open.size).toBe(1);
  });

  it("leaves nothing open when a PIN is refused", async () => {
    const { fake, module } = begin();
    await expect(logIn(module, "wrong")).rejects.toThrow("CKR_PIN_INCORRECT");
    expect(fake.open.size).toBe(0);
  });

  it.each(["USER_PIN_COUNT_LOW", "USER_PIN_FINAL_TRY", "USER_PIN_LOCKED"] as const)(
    "tries no PIN, not even the right one, under %s",
    async (flag) => {
      const { fake, module } = begin();
      fake.tokens[1]!.flags |= CKF[flag];
      await expect(logIn(module)).rejects.toThrow("PIN_AT_RISK");
      expect(count(fake, "C_Login")).toBe(0);
    },
  );

  it.each<[string, TokenChoice, string]>([
    ["no label", { label: "may" }, "NO_TOKEN"],
    ["no serial number", { label: "mayfly", serial: "00" }, "NO_TOKEN"],
    ["no slot", { slot: 9 }, "NO_TOKEN"],
    ["several tokens", {}, "SEVERAL_TOKENS"],
  ])("refuses a choice that fits %s", async (_, token, fault) => {
    await expect(sign(begin().module, { token })).rejects.toThrow(fault);
  });

  it.each<TokenChoice>([{ serial: "01" }, { slot: 11 }, { label: "mayfly", serial: "01", slot: 11 }])(
    "finds a token by %j",
    async (token) => {
      const { module } = begin();
      await module.call({ kind: "log-in", token, pin: PIN });
      expect(await sign(module, { token })).toEqual(Buffer.from("cba"));
    },
  );

  it.each<[string, object, string]>([
    ["none by label", { label: "log" }, "NO_KEY"],
    ["none by id", { label: "ca", id: "02" }, "NO_KEY"],
  ])("refuses keys: %s", async (_, key, fault) => {
    const { fake, module } = begin();
    await logIn(module);
    await expect(sign(module, { key })).rejects.toThrow(fault);
    expect(fake.open.size).toBe(1);
  });

  it("refuses to choose between two keys, private or public", async () => {
    const { fake, module } = begin();
    await logIn(module);
    const ask = (): Promise<unknown> => module.call({ kind: "public-key", token: TOKEN, key: { label: "ca" } });
    const [priv, half] = fakePair();
    fake.tokens[1]!.objects.push(half);
    await expect(ask()).rejects.toThrow("SEVERAL_KEYS");
    fake.tokens[1]!.objects.pop();
    fake.tokens[1]!.objects.push(priv);
    await expect(ask()).rejects.toThrow("SEVERAL_KEYS");
    fake.tokens[1]!.objects.splice(1);
    await expect(ask()).rejects.toThrow("NO_PUBLIC_KEY");
  });

  it("tells what the key may and what it is, with what is not there left out", async () => {
    const { fake, module } = begin();
    await logIn(module);
    const ask = (): Promise<unknown> => module.call({ kind: "public-key", token: TOKEN, key: KEY });
    expect(await ask()).toEqual({
      keyType: 3,
      canSign: true,
      asksEachTime: false,
      ecParameters: Buffer.from("06082a8648ce3d030107", "hex"),
      ecPoint: Buffer.alloc(65, 4),
    });
    fake.tokens[1]!.objects.splice(
      0,
      2,
      ...fakePair({ [CKA.SIGN]: Buffer.from([0]), [CKA.ALWAYS_AUTHENTICATE]: Buffer.from([1]) }),
    );
    expect(await ask()).toMatchObject({ canSign: false, asksEachTime: true });
  });

  it("that cannot be loaded is told so, and asked again the next time", async () => {
    const { fake, module } = begin();
    fake.failing = { "load /module.so": "cannot open shared object file" };
    await expect(logIn(module)).rejects.toThrow("MODULE_NOT_LOADED");
    fake.failing = {};
    await logIn(module);
  });

  it("is given back when nothing is under way, and not from under a thread", async () => {
    const { fake, module } = begin();
    module.finish();
    expect(count(fake, "C_Finalize")).toBe(0);
    await logIn(module);
    const signing = sign(module);
    module.finish();
    expect(count(fake, "C_Finalize")).toBe(0);
    await signing;
    module.finish();
    expect(count(fake, "C_Finalize")).toBe(1);
  });
});
