import { startTimer, stopTimer, type Timer } from "../../util/timers.ts";
import { type HeadText, readHead } from "./fields.ts";
import { type HeadFault, type HeadScan, newHeadScan, scanHead } from "./head_scan.ts";
import type { Input } from "./input.ts";

const CR = 13;
const LF = 10;

const LIMITS = { maxBytes: 64 * 1024, maxFields: 200 };
/** How long a client may take. */
export interface HeadTimes {
  /** For the head of a request, from its first byte on. */
  readonly headMs: number;
  /** For the next request. */
  readonly idleMs: number;
}

/** Load balancers in front close their idle connections sooner. */
const TIMES: HeadTimes = { headMs: 10_000, idleMs: 75_000 };

/** What becomes of a connection while a head is awaited. */
export interface NextHeadEvents {
  /** Its first byte has arrived. */
  readonly onBegun: () => void;
  /** It took too long. */
  readonly onLate: () => void;
}

/** Reads the next head; `undefined` if the connection ends before it is whole. */
export async function nextHead(
  input: Input,
  { onBegun, onLate }: NextHeadEvents,
  { headMs, idleMs } = TIMES,
): Promise<HeadText | HeadFault | undefined> {
  const scan = newHeadScan();
  let timer: Timer | undefined;
  try {
    if (input.length === 0) {
      timer = startTimer(onLate, idleMs);
      if (!await input.fill()) return undefined;
      stopTimer(timer);
      timer = undefined;
    }
    onBegun();
    for (;;) {
      const whole = !startsWithEmptyLine(scan, input) &&
        scanHead(scan, input.bytes, input.from, input.to, LIMITS);
      if (typeof whole === "string") return whole;
      if (whole) break;
      timer ??= startTimer(onLate, headMs);
      if (!await input.fill()) return undefined;
    }
  } finally {
    stopTimer(timer);
  }
  const head = readHead(scan, input.bytes, input.from);
  input.take(scan.at);
  return head;
}

/** Skips empty lines before a request (RFC 9112, section 2.2); `true` if one may have begun. */
function startsWithEmptyLine({ at }: HeadScan, input: Input): boolean {
  while (at === 0 && input.length > 0 && input.bytes[input.from] === CR) {
    if (input.length === 1) return true;
    if (input.bytes[input.from + 1] !== LF) return false;
    input.take(2);
  }
  return input.length === 0;
}
