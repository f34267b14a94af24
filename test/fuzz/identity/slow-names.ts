const LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
const DIGITS = "0123456789";
const ATOM = `${LETTERS}${DIGITS}!#$%&'*+/=?^_\`{|}~-`;

const consistsOf = (text: string, alphabet: string): boolean => Array.from(text).every((one) => alphabet.includes(one));

const isLabel = (label: string): boolean =>
  label.length >= 1 &&
  label.length <= 63 &&
  consistsOf(label, `${LETTERS}${DIGITS}-`) &&
  !label.startsWith("-") &&
  !label.endsWith("-");

/** Whether a text is an address that a certificate may hold (docs/certificate-profile.md), part by part. */
export function slowlyIsMailbox(text: string): boolean {
  const [local = "", domain = "", ...more] = text.split("@");
  const labels = domain.split(".");
  const top = labels.at(-1) ?? "";
  return (
    more.length === 0 &&
    text.length <= 254 &&
    local.length <= 64 &&
    local.split(".").every((atom) => atom !== "" && consistsOf(atom, ATOM)) &&
    domain.length <= 253 &&
    labels.length >= 2 &&
    labels.every(isLabel) &&
    LETTERS.includes(top[0] ?? "0") &&
    LETTERS.includes(top.at(-1) ?? "0")
  );
}

/** Default_Ignorable_Code_Point and the code points that are for nobody to see, by their numbers (Unicode 16). */
const UNSEEN = [
  [0x00, 0x1f],
  [0x7f, 0xa0],
  [0xad, 0xad],
  [0x34f, 0x34f],
  [0x61c, 0x61c],
  [0x115f, 0x1160],
  [0x1680, 0x1680],
  [0x17b4, 0x17b5],
  [0x180b, 0x180f],
  [0x2000, 0x200f],
  [0x2028, 0x202f],
  [0x205f, 0x206f],
  [0x3000, 0x3000],
  [0x3164, 0x3164],
  [0xd800, 0xf8ff],
  [0xfe00, 0xfe0f],
  [0xfeff, 0xfeff],
  [0xffa0, 0xffa0],
  [0xfff0, 0xfffb],
  [0x1bca0, 0x1bca3],
  [0x1d173, 0x1d17a],
  [0xe0000, 0x10ffff],
] as const;

/** What a user's name must at least be, without asking for anything that Unicode's tables would be needed for. */
export function slowlyMayBeUsername(text: string): boolean {
  return (
    text !== "" &&
    Array.from(text).every((one) => {
      const point = one.codePointAt(0) ?? 0;
      return one !== "!" && one !== "@" && !UNSEEN.some(([first, last]) => point >= first && point <= last);
    }) &&
    !text.startsWith(" ") &&
    !text.endsWith(" ")
  );
}

/** Whether a text is a SPIFFE ID of a trust domain (SPIFFE-ID §2). */
export function slowlyIsSpiffeId(text: string, trustDomain: string): boolean {
  const [scheme, empty, authority, ...segments] = text.split("/");
  return (
    scheme === "spiffe:" &&
    empty === "" &&
    authority === trustDomain &&
    segments.every(
      (segment) =>
        segment !== "" && segment !== "." && segment !== ".." && consistsOf(segment, `${LETTERS}${DIGITS}._-`),
    )
  );
}

/**
 * Whether the URL standard reads a URI of http or https as it is written: no other host, no user information, no segment
 * that it takes away, nothing that it escapes.
 */
export function slowlyIsStableUrl(text: string, origin: string): boolean {
  const url = URL.parse(text);
  if (url === null || !text.startsWith(origin)) return false;
  const rest = text.slice(origin.length);
  const [path = "", ...query] = rest.split("?");
  return (
    origin.replace(/:(?:443|80)$/u, "") === url.origin.replace(/:(?:443|80)$/u, "") &&
    url.pathname === (path === "" ? "/" : path) &&
    url.search.replaceAll("%27", "'") ===
      (query.join("?") === "" ? "" : `?${query.join("?")}`).replaceAll("%27", "'") &&
    `${url.username}${url.password}${url.hash}` === ""
  );
}
