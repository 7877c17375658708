import type { Fields, HeadText } from "./fields.ts";
import { type Framing, type FramingFault, keepsAlive, responseFraming } from "./framing.ts";
import type { HeadFault } from "./head_scan.ts";

/** The head of a server's answer. */
export interface ParsedResponseHead {
  readonly status: number;
  readonly fields: Fields;
  readonly framing: Framing;
  /** The server keeps the connection open after the answer. */
  readonly keepsAlive: boolean;
}

/** An answer that is no HTTP/1.1, or exceeds a limit. */
export class BadResponse extends Error {
  override name = "BadResponse";
}

const STATUS_LINE = /^HTTP\/1\.([01]) ([1-9]\d\d)(?: .*)?$/;

/** Reads the head of an answer by RFC 9112. Throws a {@linkcode BadResponse}. */
export function readResponseHead({ startLine, fields }: HeadText): ParsedResponseHead {
  const line = STATUS_LINE.exec(startLine);
  if (!line) throw new BadResponse("the answer does not begin with an HTTP/1.1 status line");
  const minor = line[1] === "1" ? 1 : 0;
  const status = Number(line[2]);
  const framing = responseFraming(fields, minor, status);
  if (framing === "bad_length" || framing === "bad_coding" || framing === "two_framings") {
    throw new BadResponse(FRAMING_FAULTS[framing]);
  }
  if (status < 200 && framing !== 0) throw new BadResponse("an interim answer declares a body");
  return {
    status,
    fields,
    framing,
    keepsAlive: framing !== "until_close" && keepsAlive(fields, minor),
  };
}

const FRAMING_FAULTS: Record<FramingFault, string> = {
  bad_length: "the answer's content-length is not one number",
  bad_coding: "the answer has a transfer coding besides chunked",
  two_framings: "the answer has both a content-length and a transfer-encoding",
};

/** What the log says of an answer's head that breaks the grammar or a limit. */
export const RESPONSE_FAULTS: Record<HeadFault, string> = {
  too_long: "the head of the answer is too long",
  too_many_fields: "the answer has too many header fields",
  bad_start_line: "the status line has a control character",
  bad_line_end: "a line of the answer's head does not end with CR LF",
  folded_line: "a line of the answer's head begins with a space",
  bad_field_name: "the name of a header field has an invalid character",
  bad_field_value: "the value of a header field has a control character",
};
