import type { Handle, PKCS11, Template } from "pkcs11js";
import { CKA, CKF, CKO, CKS, CKU_USER } from "./cryptoki.ts";
import type { KeyChoice, PublicAttributes, TokenCall, TokenChoice, TokenFault } from "./token-calls.ts";

/** A session that is logged in, and the private key as it sees it. */
interface KeySession {
  readonly session: Handle;
  readonly key: Handle;
}

/** More than any signature: RSA of 8,192 bits. */
const MAX_SIGNATURE_BYTES = 1_024;

/** A wrong PIN was given since the last login; the next wrong one locks the token; it is locked (CKF_USER_PIN_…). */
const PIN_AT_RISK = CKF.USER_PIN_COUNT_LOW | CKF.USER_PIN_FINAL_TRY | CKF.USER_PIN_LOCKED;

const USER_STATES: readonly number[] = [CKS.RO_USER_FUNCTIONS, CKS.RW_USER_FUNCTIONS];

type TokenInfo = ReturnType<PKCS11["C_GetTokenInfo"]>;

/** A PKCS#11 module (OASIS PKCS #11 v2.40), and sessions for keys in its tokens; one operation at a time in each session. */
export class TokenModule {
  readonly #module: PKCS11;
  readonly #path: string;
  #isReady = false;
  /** Keeps a login, which ends with the last session. */
  readonly #logins = new Map<string, Handle>();
  #underWay = 0;
  readonly #idle = new Map<string, KeySession[]>();

  constructor(module: PKCS11, path: string) {
    this.#module = module;
    this.#path = path;
  }

  /** @throws Error whose message is CKR_… or a {@link TokenFault} */
  async call(call: TokenCall): Promise<Uint8Array | PublicAttributes | undefined> {
    this.#initialize();
    switch (call.kind) {
      case "log-in":
        this.#logIn(call.token, call.pin);
        return undefined;
      case "public-key":
        return this.#inSession(call, ({ session, key }) => Promise.resolve(this.#attributesOf(session, key)));
      case "sign":
        return this.#inSession(call, ({ session, key }) => {
          this.#module.C_SignInit(session, { mechanism: call.mechanism }, key);
          return this.#module.C_SignAsync(session, Buffer.from(call.data), Buffer.alloc(MAX_SIGNATURE_BYTES));
        });
    }
  }

  /** Logs out and gives the module back, unless a thread is in it, which no module need bear. */
  finish(): void {
    if (!this.#isReady || this.#underWay > 0) return;
    quietly(() => {
      this.#module.C_Finalize();
    });
  }

  #initialize(): void {
    if (this.#isReady) return;
    try {
      this.#module.load(this.#path);
    } catch {
      throw fault("MODULE_NOT_LOADED");
    }
    this.#module.C_Initialize({ flags: CKF.OS_LOCKING_OK });
    this.#isReady = true;
  }

  #logIn(token: TokenChoice, pin: string): void {
    const { slot, info } = this.#find(token);
    // Tokens lock themselves after a few wrong PINs, and a service that is started again and again would try each time.
    if ((info.flags & PIN_AT_RISK) !== 0) throw fault("PIN_AT_RISK");
    const session = this.#module.C_OpenSession(slot, CKF.SERIAL_SESSION);
    try {
      if (!this.#isLoggedIn(session)) this.#module.C_Login(session, CKU_USER, pin);
    } catch (error) {
      quietly(() => {
        this.#module.C_CloseSession(session);
      });
      throw error;
    }
    const name = JSON.stringify(token);
    const before = this.#logins.get(name);
    this.#logins.set(name, session);
    if (before !== undefined) {
      quietly(() => {
        this.#module.C_CloseSession(before);
      });
    }
  }

  /** A session in which anything went wrong is closed: nobody knows what it is in the middle of. */
  async #inSession<T>(
    { token, key }: { readonly token: TokenChoice; readonly key: KeyChoice },
    work: (on: KeySession) => Promise<T>,
  ): Promise<T> {
    const name = JSON.stringify([token, key]);
    const idle = this.#idle.get(name) ?? [];
    this.#idle.set(name, idle);
    const on = idle.pop() ?? this.#openSession(token, key);
    this.#underWay++;
    try {
      const result = await work(on);
      idle.push(on);
      return result;
    } catch (error) {
      quietly(() => {
        this.#module.C_CloseSession(on.session);
      });
      throw error;
    } finally {
      this.#underWay--;
    }
  }

  #openSession(token: TokenChoice, choice: KeyChoice): KeySession {
    const { slot, info } = this.#find(token);
    const session = this.#module.C_OpenSession(slot, CKF.SERIAL_SESSION);
    try {
      const needsLogin = (info.flags & CKF.LOGIN_REQUIRED) !== 0;
      if (needsLogin && !this.#isLoggedIn(session)) throw fault("LOGIN_NEEDED");
      const template = [{ type: CKA.CLASS, value: CKO.PRIVATE_KEY }, ...templateOf(choice)];
      return { session, key: only(this.#objects(session, template), "NO_KEY", "SEVERAL_KEYS") };
    } catch (error) {
      quietly(() => {
        this.#module.C_CloseSession(session);
      });
      throw error;
    }
  }

  #isLoggedIn(session: Handle): boolean {
    return USER_STATES.includes(this.#module.C_GetSessionInfo(session).state);
  }

  #find({ label, serial, slot: number }: TokenChoice): { readonly slot: Handle; readonly info: TokenInfo } {
    const found = this.#module
      .C_GetSlotList(true)
      .map((slot) => ({ slot, info: this.#module.C_GetTokenInfo(slot) }))
      .filter(({ slot, info }) => {
        const isNumber = number === undefined || slotNumber(slot) === number;
        const isLabel = label === undefined || unpadded(info.label) === label;
        return isNumber && isLabel && (serial === undefined || unpadded(info.serialNumber) === serial);
      });
    return only(found, "NO_TOKEN", "SEVERAL_TOKENS");
  }

  #objects(session: Handle, template: Template): readonly Handle[] {
    this.#module.C_FindObjectsInit(session, template);
    try {
      return this.#module.C_FindObjects(session, 2);
    } finally {
      this.#module.C_FindObjectsFinal(session);
    }
  }

  /** The public half: the object beside the private key with its CKA_ID, where it has one, and its kind. */
  #attributesOf(session: Handle, key: Handle): PublicAttributes {
    const read = (object: Handle, type: number): Buffer | undefined => this.#attribute(session, object, type);
    const type = read(key, CKA.KEY_TYPE);
    const id = read(key, CKA.ID);
    const label = read(key, CKA.LABEL);
    const name =
      id !== undefined && id.length > 0
        ? { type: CKA.ID, value: id }
        : { type: CKA.LABEL, value: label ?? Buffer.alloc(0) };
    const template: Template = [{ type: CKA.CLASS, value: CKO.PUBLIC_KEY }, name];
    if (type !== undefined) template.push({ type: CKA.KEY_TYPE, value: type });
    const half = only(this.#objects(session, template), "NO_PUBLIC_KEY", "SEVERAL_KEYS");
    return {
      keyType: type === undefined ? -1 : type.readUInt32LE(0),
      canSign: read(key, CKA.SIGN)?.[0] === 1,
      asksEachTime: read(key, CKA.ALWAYS_AUTHENTICATE)?.[0] === 1,
      modulus: read(half, CKA.MODULUS),
      publicExponent: read(half, CKA.PUBLIC_EXPONENT),
      ecParameters: read(half, CKA.EC_PARAMS),
      ecPoint: read(half, CKA.EC_POINT),
    };
  }

  /** Undefined for an attribute that the object does not have. */
  #attribute(session: Handle, object: Handle, type: number): Buffer | undefined {
    try {
      return this.#module.C_GetAttributeValue(session, object, [{ type }])[0]?.value;
    } catch (error) {
      if (error instanceof Error && error.message === "CKR_ATTRIBUTE_TYPE_INVALID") return undefined;
      throw error;
    }
  }
}

function templateOf({ label, id }: KeyChoice): Template {
  return [
    ...(label === undefined ? [] : [{ type: CKA.LABEL, value: label }]),
    ...(id === undefined ? [] : [{ type: CKA.ID, value: Buffer.from(id, "hex") }]),
  ];
}

function only<T>(found: readonly T[], none: TokenFault, several: TokenFault): T {
  const [one] = found;
  if (one === undefined) throw fault(none);
  if (found.length > 1) throw fault(several);
  return one;
}

const fault = (name: TokenFault): Error => new Error(name);

/** CK_SLOT_ID as the machine keeps it. */
const slotNumber = (slot: Handle): number => slot.readUInt32LE(0);

const unpadded = (text: string): string => text.replace(/[ \0]+$/u, "");

function quietly(work: () => void): void {
  try {
    work();
  } catch {
    // What is given up cannot be mended.
  }
}
