import { STATUS_CODES } from "node:http";
import type { Head } from "../exchange.ts";

/** What may not occur in a value: a line end would begin another field. */
const NOT_IN_VALUE = /[^\t\x20-\x7e\x80-\xff]/;
const NOT_IN_NAME = /[^!#$%&'*+\-.^_`|~0-9a-z]/;

/** The lines of a head's fields. Throws on a field that could be read as something else. */
export function fieldLines(head: Head): string {
  let text = "";
  for (const [name, value] of head) {
    if (NOT_IN_NAME.test(name) || NOT_IN_VALUE.test(value)) {
      throw new TypeError(`The header field ${JSON.stringify(name)} can't be sent`);
    }
    text += `${name}: ${value}\r\n`;
  }
  return text;
}

let dateAt = 0;
let date = "";

/** The value of `date` (RFC 9110, section 6.6.1), made anew each second. */
function dateNow(): string {
  const now = Math.floor(Date.now() / 1000);
  if (now !== dateAt) {
    dateAt = now;
    date = new Date(1000 * now).toUTCString();
  }
  return date;
}

/**
 * The head of an answer, up to its blank line.
 *
 * @param framing the field that says where the body ends, with its line end; empty if none does
 */
export function responseText(
  status: number,
  head: Head,
  framing: string,
  closes: boolean,
  minor: 0 | 1,
): string {
  const hasDate = head.some(([name]) => name === "date");
  const isNamed = head.some(([name]) => name === "connection");
  const connection = closes
    ? "connection: close\r\n"
    : minor === 0
    ? "connection: keep-alive\r\n"
    : "";
  return `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? "Unknown"}\r\n${fieldLines(head)}${
    hasDate ? "" : `date: ${dateNow()}\r\n`
  }${isNamed ? "" : connection}${framing}\r\n`;
}
