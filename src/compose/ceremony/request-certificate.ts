import { join } from "node:path";
import type { Ceremony } from "../../config/ceremony.ts";
import { ConfigError } from "../../config/load-config.ts";
import { encodeCaRequest, encodeCaRequestInfo, readCaRequest } from "../../core/certificate/ca-request.ts";
import { encodePem } from "../../core/encoding/pem.ts";
import { MayflyError } from "../../core/errors.ts";
import { openCeremonyKeys } from "./ceremony-keys.ts";
import type { KeyedAuthority } from "./ceremony-keys.ts";
import { makeFolder } from "./init-ca.ts";
import type { CeremonyContext } from "./ceremony-context.ts";
import { keepFile, readKept } from "./keep-file.ts";
import type { Kept } from "./keep-file.ts";

/** The file that is carried to where the root is. */
export const REQUEST_FILE = "issuing.csr";

/** A certification request that is in its file. */
export interface KeptRequest {
  readonly file: string;
  readonly kept: Kept;
  readonly organization: string;
  readonly commonName: string;
  /** Hex SHA-256 of the key: to be told to whoever signs, by another way than the file goes. */
  readonly keySha256: string;
}

/**
 * Makes the certification request (PKCS #10) of an issuing CA whose root is elsewhere. One that is there for the same key and
 * name is left alone.
 *
 * @throws ConfigError for another layout than `issuing-only`
 * @throws MayflyError CEREMONY_CONFLICT when the file holds another request; what opening the key and signing throw
 */
export async function requestCertificate(ceremony: Ceremony, context: CeremonyContext): Promise<KeptRequest> {
  if (ceremony.layout !== "issuing-only") {
    throw new ConfigError(`layout: a request is for the layout issuing-only; ${ceremony.layout} has its root here`);
  }
  // The log's keys have nothing to do with it.
  const keys = await openCeremonyKeys({ ...ceremony, log: undefined }, context.env);
  try {
    const [issuing] = keys.authorities;
    if (issuing === undefined) throw new TypeError("a layout without an issuing CA");
    makeFolder(ceremony.folder);
    const file = join(ceremony.folder, REQUEST_FILE);
    const { organization } = ceremony;
    const { commonName, keySha256 } = issuing;
    return { ...{ file, organization, commonName, keySha256 }, kept: await keepRequest(file, ceremony, issuing) };
  } finally {
    await keys.close();
  }
}

async function keepRequest(file: string, { organization }: Ceremony, issuing: KeyedAuthority): Promise<Kept> {
  const { commonName, key } = issuing;
  const info = encodeCaRequestInfo({ name: { organization, commonName }, subjectPublicKeyInfo: key.publicKey });
  const there = readKept(file);
  if (there !== undefined) {
    const { name, subjectPublicKeyInfo } = readCaRequest(there);
    const same = encodeCaRequestInfo({ name, subjectPublicKeyInfo });
    if (Buffer.compare(same, info) === 0) return "there";
    throw new MayflyError("CEREMONY_CONFLICT", `${file} is the request of another key or name; it was not touched`);
  }
  const pem = encodePem("CERTIFICATE REQUEST", encodeCaRequest(info, key.algorithm, await key.sign(info)));
  // What the other side would refuse shall not leave this one.
  readCaRequest(Buffer.from(pem));
  return keepFile(file, Buffer.from(`${pem}\n`));
}
