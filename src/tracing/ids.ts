/** Random bytes are drawn for many ids at once: a call costs more than the bytes. */
const pool = new Uint8Array(4_096);
let used = pool.length;

/** Returns a random id for a trace: 32 hexadecimal digits, not all 0. */
export function newTraceId(): string {
  return randomHex(16);
}

/** Returns a random id for a span: 16 hexadecimal digits, not all 0. */
export function newSpanId(): string {
  return randomHex(8);
}

const DIGITS = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, "0"));

function randomHex(bytes: number): string {
  if (used + bytes > pool.length) {
    crypto.getRandomValues(pool);
    used = 0;
  }
  let hex = "";
  for (const end = used + bytes; used < end; used++) hex += DIGITS[pool[used]!];
  return /^0+$/.test(hex) ? randomHex(bytes) : hex;
}
