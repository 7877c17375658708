/** Certificate chain and private key, in PEM. */
export interface TestCertificate {
  readonly cert: string;
  readonly key: string;
}

/** A CA that signs certificates for `localhost` and 127.0.0.1. */
export interface TestAuthority {
  /** The CA's certificate, in PEM. */
  readonly ca: string;
  issue(): Promise<TestCertificate>;
}

const CURVE = { name: "ECDSA", namedCurve: "P-256" };
const SIGNING = { name: "ECDSA", hash: "SHA-256" };
/** `SEQUENCE { ecdsa-with-SHA256 }` */
const SIGNED_HOW = Uint8Array.fromHex("300a06082a8648ce3d040302");

const UNIVERSAL = { boolean: 0x01, integer: 0x02, bits: 0x03, octets: 0x04 };
const TEXT = 0x0c;
const TIME = 0x18;
const SEQUENCE = 0x30;
const SET = 0x31;
const COMMON_NAME = Uint8Array.fromHex("0603550403");
const BASIC_CONSTRAINTS = Uint8Array.fromHex("0603551d13");
const ALTERNATIVE_NAMES = Uint8Array.fromHex("0603551d11");

let serial = 0;

/** Generates a CA, so that no private key is committed. */
export async function createAuthority(): Promise<TestAuthority> {
  const keys = await crypto.subtle.generateKey(CURVE, true, ["sign", "verify"]);
  const name = nameOf(`Test authority ${++serial}`);
  const isAuthority = der(SEQUENCE, der(UNIVERSAL.boolean, bytes(0xff)));
  const ca = await sign(name, keys, name, keys, extension(BASIC_CONSTRAINTS, isAuthority));
  return {
    ca,
    async issue() {
      const own = await crypto.subtle.generateKey(CURVE, true, ["sign", "verify"]);
      const localhost = der(0x82, new TextEncoder().encode("localhost"));
      const names = der(SEQUENCE, localhost, der(0x87, bytes(127, 0, 0, 1)));
      const extensions = extension(ALTERNATIVE_NAMES, names);
      const cert = await sign(nameOf(`Server ${++serial}`), own, name, keys, extensions);
      const key = new Uint8Array(await crypto.subtle.exportKey("pkcs8", own.privateKey));
      return { cert: cert + ca, key: pem("PRIVATE KEY", key) };
    },
  };
}

/** Generates a self-signed CA certificate for 127.0.0.1, as `openssl req -x509` does. */
export async function createSelfSigned(): Promise<TestCertificate> {
  const keys = await crypto.subtle.generateKey(CURVE, true, ["sign", "verify"]);
  const name = nameOf(`Self-signed ${++serial}`);
  const isAuthority = der(SEQUENCE, der(UNIVERSAL.boolean, bytes(0xff)));
  const names = der(SEQUENCE, der(0x87, bytes(127, 0, 0, 1)));
  const constraints = extension(BASIC_CONSTRAINTS, isAuthority);
  const extensions = Uint8Array.from([...constraints, ...extension(ALTERNATIVE_NAMES, names)]);
  const key = new Uint8Array(await crypto.subtle.exportKey("pkcs8", keys.privateKey));
  return { cert: await sign(name, keys, name, keys, extensions), key: pem("PRIVATE KEY", key) };
}

async function sign(
  subject: Uint8Array,
  { publicKey }: CryptoKeyPair,
  issuer: Uint8Array,
  { privateKey }: CryptoKeyPair,
  extensions: Uint8Array,
): Promise<string> {
  const year = new Date().getUTCFullYear();
  const time = (at: number) => der(TIME, new TextEncoder().encode(`${at}0101000000Z`));
  const toSign = der(
    SEQUENCE,
    der(0xa0, der(UNIVERSAL.integer, bytes(2))),
    der(UNIVERSAL.integer, bytes(++serial)),
    SIGNED_HOW,
    issuer,
    der(SEQUENCE, time(year - 1), time(year + 2)),
    subject,
    new Uint8Array(await crypto.subtle.exportKey("spki", publicKey)),
    der(0xa3, der(SEQUENCE, extensions)),
  );
  const both = new Uint8Array(await crypto.subtle.sign(SIGNING, privateKey, toSign));
  const signature = der(SEQUENCE, integer(both.subarray(0, 32)), integer(both.subarray(32)));
  const certificate = der(
    SEQUENCE,
    toSign,
    SIGNED_HOW,
    der(UNIVERSAL.bits, bytes(0), signature),
  );
  return pem("CERTIFICATE", certificate);
}

function nameOf(text: string): Uint8Array<ArrayBuffer> {
  return der(
    SEQUENCE,
    der(SET, der(SEQUENCE, COMMON_NAME, der(TEXT, new TextEncoder().encode(text)))),
  );
}

function extension(id: Uint8Array, value: Uint8Array): Uint8Array<ArrayBuffer> {
  return der(SEQUENCE, id, der(UNIVERSAL.octets, value));
}

/** A positive integer: leading zeros are stripped, except one if the first bit would be the sign. */
function integer(number: Uint8Array): Uint8Array<ArrayBuffer> {
  const start = number.findIndex((byte) => byte !== 0);
  const rest = number.subarray(start);
  return der(UNIVERSAL.integer, ...(rest[0]! > 0x7f ? [bytes(0)] : []), rest);
}

function der(tag: number, ...parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const length = parts.reduce((sum, part) => sum + part.length, 0);
  const long = length > 0xff ? [0x82, length >> 8, length & 0xff] : [0x81, length];
  const head = [tag, ...(length > 0x7f ? long : [length])];
  const whole = new Uint8Array(head.length + length);
  whole.set(head);
  let at = head.length;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

function bytes(...values: number[]): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(values);
}

function pem(what: string, bytes: Uint8Array): string {
  const lines = bytes.toBase64().replaceAll(/.{64}(?!$)/g, "$&\n");
  return `-----BEGIN ${what}-----\n${lines}\n-----END ${what}-----\n`;
}
