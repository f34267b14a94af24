import type { Handle, PKCS11, Template } from "pkcs11js";
import { CKA, CKF, CKO } from "../../src/adapters/signers/pkcs11/cryptoki.ts";
import { registerSecret } from "../support/keep-output.ts";

/** What opens the tokens of {@link FakePkcs11}. */
export const PIN = "1234-pin-of-a-test-token";
registerSecret(PIN);

/** An object in a token: attributes by their number. */
export type FakeObject = ReadonlyMap<number, Buffer>;

/** A token, and what it makes of a login. */
export interface FakeToken {
  readonly label: string;
  readonly serial: string;
  flags: number;
  readonly objects: FakeObject[];
}

/** Attributes of a private key and of the public one beside it. */
export function fakePair(change: Readonly<Record<number, Buffer>> = {}): readonly [FakeObject, FakeObject] {
  const both: [number, Buffer][] = [
    [CKA.LABEL, Buffer.from("ca")],
    [CKA.ID, Buffer.from([1])],
    [CKA.KEY_TYPE, number(3)],
  ];
  const changes = Object.entries(change).map(([type, value]): [number, Buffer] => [Number(type), value]);
  const priv = new Map<number, Buffer>([
    [CKA.CLASS, number(CKO.PRIVATE_KEY)],
    ...both,
    [CKA.SIGN, Buffer.from([1])],
    ...changes,
  ]);
  const half = new Map<number, Buffer>([
    [CKA.CLASS, number(CKO.PUBLIC_KEY)],
    ...both,
    [CKA.EC_PARAMS, Buffer.from("06082a8648ce3d030107", "hex")],
    [CKA.EC_POINT, Buffer.alloc(65, 4)],
  ]);
  return [priv, half];
}

/** The calls of a PKCS#11 module that Mayfly makes, over tokens in memory. A signature is the data, backwards. */
export class FakePkcs11 implements Partial<PKCS11> {
  readonly tokens: FakeToken[] = [];
  readonly calls: string[] = [];
  readonly open = new Map<number, FakeToken>();
  pin: string = PIN;
  /** Name of a call that fails, and how. */
  failing: Readonly<Record<string, string>> = {};
  readonly #loggedIn = new Set<FakeToken>();
  #found: FakeObject[] = [];
  #last = 0;
  readonly #signing = new Set<number>();

  #enter(call: string): void {
    this.calls.push(call);
    const failure = this.failing[call];
    if (failure !== undefined) throw new Error(failure);
  }

  load(path: string): void {
    this.#enter(`load ${path}`);
  }

  C_Initialize(): void {
    this.#enter("C_Initialize");
  }

  C_Finalize(): void {
    this.#enter("C_Finalize");
  }

  C_GetSlotList(): Handle[] {
    this.#enter("C_GetSlotList");
    return this.tokens.map((_, at) => number(at + 10));
  }

  C_GetTokenInfo(slot: Handle): ReturnType<PKCS11["C_GetTokenInfo"]> {
    const { label, serial, flags } = this.tokens[slot.readUInt32LE(0) - 10]!;
    return { label: label.padEnd(32), serialNumber: serial.padEnd(16), flags } as ReturnType<PKCS11["C_GetTokenInfo"]>;
  }

  C_OpenSession(slot: Handle, flags: number): Handle {
    this.#enter("C_OpenSession");
    if (flags !== CKF.SERIAL_SESSION) throw new Error("CKR_SESSION_PARALLEL_NOT_SUPPORTED");
    this.open.set(++this.#last, this.tokens[slot.readUInt32LE(0) - 10]!);
    return number(this.#last);
  }

  /** A login ends with the last session. */
  C_CloseSession(session: Handle): void {
    const token = this.#token(session);
    this.open.delete(session.readUInt32LE(0));
    if (![...this.open.values()].includes(token)) this.#loggedIn.delete(token);
  }

  C_GetSessionInfo(session: Handle): ReturnType<PKCS11["C_GetSessionInfo"]> {
    const state = this.#loggedIn.has(this.#token(session)) ? 1 : 0;
    return { state } as ReturnType<PKCS11["C_GetSessionInfo"]>;
  }

  C_Login(session: Handle, user: number, pin?: string): void {
    this.#enter("C_Login");
    if (user !== 1 || pin !== this.pin) throw new Error("CKR_PIN_INCORRECT");
    this.#loggedIn.add(this.#token(session));
  }

  C_FindObjectsInit(session: Handle, template: Template): void {
    this.#enter("C_FindObjectsInit");
    this.#found = this.#token(session).objects.filter((object) =>
      template.every(({ type, value }) => bytesOf(value).equals(object.get(type) ?? Buffer.from("none"))),
    );
  }

  C_FindObjects(session: Handle, most?: number): Handle[] & Handle {
    const { objects } = this.#token(session);
    return this.#found.slice(0, most).map((object) => number(objects.indexOf(object))) as Handle[] & Handle;
  }

  C_FindObjectsFinal(): void {
    this.#found = [];
  }

  C_GetAttributeValue(session: Handle, object: Handle, [attribute]: Template): { type: number; value: Buffer }[] {
    const value = this.#token(session).objects[object.readUInt32LE(0)]!.get(attribute!.type);
    if (value === undefined) throw new Error("CKR_ATTRIBUTE_TYPE_INVALID");
    return [{ type: attribute!.type, value }];
  }

  C_SignInit(session: Handle): void {
    this.#enter("C_SignInit");
    const id = session.readUInt32LE(0);
    if (this.#signing.has(id)) throw new Error("CKR_OPERATION_ACTIVE");
    this.#signing.add(id);
  }

  async C_SignAsync(session: Handle, data: Buffer): Promise<Buffer> {
    await new Promise((resolve) => setTimeout(resolve, 5));
    this.#signing.delete(session.readUInt32LE(0));
    this.#enter("C_SignAsync");
    return Buffer.from(data).reverse();
  }

  #token(session: Handle): FakeToken {
    const token = this.open.get(session.readUInt32LE(0));
    if (token === undefined) throw new Error("CKR_SESSION_HANDLE_INVALID");
    return token;
  }
}

/** CK_ULONG. */
function number(value: number): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeUInt32LE(value);
  return bytes;
}

const bytesOf = (value: unknown): Buffer =>
  typeof value === "number" ? number(value) : Buffer.from(value as Buffer | string);
