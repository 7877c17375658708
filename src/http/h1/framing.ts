import type { Fields } from "./fields.ts";

/** Where the body of a message ends: after a length, with its last chunk, or with the connection. */
export type Framing = number | "chunked" | "until_close";

/** 15 digits are an exact number. */
const LENGTH = /^\d{1,15}$/;

/** What a head says of its body; otherwise why that has no single meaning. */
type Declared = number | "chunked" | "none" | "bad_length" | "bad_coding" | "two_framings";

/**
 * Reads `content-length` and `transfer-encoding` by RFC 9112, section 6, more strictly: each may
 * occur once only, never both, and the only coding is `chunked`. What two readers could take
 * differently lets one smuggle a request past the other.
 */
function declaredIn(fields: Fields): Declared {
  let length: string | undefined;
  let coding: string | undefined;
  for (const [name, value] of fields) {
    if (name === "content-length") {
      if (length !== undefined || !LENGTH.test(value)) return "bad_length";
      length = value;
    } else if (name === "transfer-encoding") {
      if (coding !== undefined || value.toLowerCase() !== "chunked") return "bad_coding";
      coding = value;
    }
  }
  if (length !== undefined && coding !== undefined) return "two_framings";
  if (coding !== undefined) return "chunked";
  return length === undefined ? "none" : Number(length);
}

/** Why a message's body has no single meaning. */
export type FramingFault = "bad_length" | "bad_coding" | "two_framings";

/** Returns the framing of a request's body. */
export function requestFraming(fields: Fields, minor: 0 | 1): Framing | FramingFault {
  const declared = declaredIn(fields);
  if (declared === "none") return 0;
  // HTTP/1.0 has no chunks: an older proxy in front would not have seen this body's end.
  return declared === "chunked" && minor === 0 ? "bad_coding" : declared;
}

/** Returns the framing of the body of an answer to a GET or POST. Interim answers (1xx) have no body. */
export function responseFraming(
  fields: Fields,
  minor: 0 | 1,
  status: number,
): Framing | FramingFault {
  const declared = declaredIn(fields);
  if (typeof declared === "string" && declared !== "none" && declared !== "chunked") {
    return declared;
  }
  if (status === 204 || status === 304) return 0;
  if (declared === "none") return status < 200 ? 0 : "until_close";
  return declared === "chunked" && minor === 0 ? "bad_coding" : declared;
}

/** Whether the connection can be used after a message. */
export function keepsAlive(fields: Fields, minor: 0 | 1): boolean {
  const options = fields.get("connection")?.toLowerCase().split(/[ \t]*,[ \t]*/);
  if (options?.includes("close")) return false;
  return minor === 1 || (options?.includes("keep-alive") ?? false);
}
