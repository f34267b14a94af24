/** Numbers of OASIS PKCS #11 v2.40 (pkcs11t.h) and v3.0, by what they are of: CKF_ flags, CKA_ attributes and so on. */
export const CKF = {
  OS_LOCKING_OK: 0x0000_0002,
  SERIAL_SESSION: 0x0000_0004,
  LOGIN_REQUIRED: 0x0000_0004,
  USER_PIN_COUNT_LOW: 0x0001_0000,
  USER_PIN_FINAL_TRY: 0x0002_0000,
  USER_PIN_LOCKED: 0x0004_0000,
} as const;

export const CKS = { RO_USER_FUNCTIONS: 1, RW_USER_FUNCTIONS: 3 } as const;

export const CKU_USER = 1;

export const CKO = { PUBLIC_KEY: 2, PRIVATE_KEY: 3 } as const;

export const CKK = { RSA: 0x00, EC: 0x03, EC_EDWARDS: 0x40 } as const;

export const CKA = {
  CLASS: 0x000,
  LABEL: 0x003,
  KEY_TYPE: 0x100,
  ID: 0x102,
  SIGN: 0x108,
  MODULUS: 0x120,
  PUBLIC_EXPONENT: 0x122,
  EC_PARAMS: 0x180,
  EC_POINT: 0x181,
  ALWAYS_AUTHENTICATE: 0x202,
} as const;

export const CKM = { RSA_PKCS: 0x0001, ECDSA: 0x1041, EDDSA: 0x1057 } as const;
