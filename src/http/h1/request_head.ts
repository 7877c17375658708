import type { FieldMap } from "../field_map.ts";
import type { HeadText } from "./fields.ts";
import { type Framing, type FramingFault, keepsAlive, requestFraming } from "./framing.ts";
import type { HeadFault } from "./head_scan.ts";

/** The head of a request. */
export interface RequestHead {
  readonly method: string;
  /** Path and query, unchanged. */
  readonly target: string;
  /** Empty if the request named none. */
  readonly host: string;
  readonly minor: 0 | 1;
  readonly fields: FieldMap;
  readonly framing: Exclude<Framing, "until_close">;
  /** The client waits for `100 Continue` before it sends the body. */
  readonly expectsContinue: boolean;
  /** The client may send another request on this connection. */
  readonly keepsAlive: boolean;
}

/** Why a request is refused: what its client is told. */
export interface Refusal {
  readonly status: number;
  readonly sentence: string;
}

const refuse = (status: number, sentence: string): Refusal => ({ status, sentence });

const START_LINE = /^([!#$%&'*+\-.^_`|~0-9A-Za-z]+) ([!-~]+) HTTP\/(\d)\.(\d)$/;
/** Methods that the app knows, or refuses by name. `CONNECT` asks for a tunnel. */
const METHODS = new Set(["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]);
/**
 * A path and a query of the characters of RFC 3986, and of those that browsers send unencoded:
 * `[`, `]` and `|`; in a query also `{`, `}`, `^`, `\` and the backtick. No fragment.
 */
const ORIGIN_FORM = /^\/[\w\-.~!$&'()*+,;=:@/%[\]|]*(\?[\w\-.~!$&'()*+,;=:@/?%[\]|{}^\\`]*)?$/;
const ABSOLUTE_FORM = /^https?:\/\/([^/?#]+)([/?].*)?$/i;
/** A host and a port: no user, no path. */
const HOST = /^[\w.~!$&'()*+,;=%:[\]-]*$/;

/** Reads the head of a request by RFC 9112, or returns why it is refused. */
export function readRequestHead({ startLine, fields }: HeadText): RequestHead | Refusal {
  const line = START_LINE.exec(startLine);
  if (!line) return refuse(400, "The request line is not `METHOD target HTTP/1.1`.");
  const [, method = "", written = "", major, minorText] = line;
  if (major !== "1" || (minorText !== "0" && minorText !== "1")) {
    return refuse(505, "This endpoint speaks HTTP/1.0, HTTP/1.1 and HTTP/2.");
  }
  const minor = minorText === "1" ? 1 : 0;
  if (!METHODS.has(method)) return refuse(501, "This method is not supported.");

  const hosts = fields.count("host");
  if (hosts > 1) return refuse(400, "The request has more than one `Host`.");
  if (hosts === 0 && minor === 1) return refuse(400, "The request has no `Host`.");
  const named = fields.get("host") ?? "";
  const absolute = ABSOLUTE_FORM.exec(written);
  const [host, target] = absolute ? [absolute[1]!, pathOf(absolute[2] ?? "")] : [named, written];
  if (!HOST.test(named) || !HOST.test(host)) {
    return refuse(400, "The request's `Host` is not a host and a port.");
  }
  if (!ORIGIN_FORM.test(target) && !(target === "*" && method === "OPTIONS")) {
    return refuse(400, "The request's target is not a path.");
  }

  const framing = requestFraming(fields, minor);
  if (isFault(framing)) return FRAMING_FAULTS[framing];
  const expect = fields.get("expect")?.toLowerCase();
  if (expect !== undefined && expect !== "100-continue") {
    return refuse(417, "The only expectation that is supported is `100-continue`.");
  }
  return {
    method,
    target,
    host,
    minor,
    fields,
    framing,
    expectsContinue: expect !== undefined && minor === 1,
    keepsAlive: keepsAlive(fields, minor),
  };
}

/** @param rest what follows the authority of an absolute target */
function pathOf(rest: string): string {
  return rest.startsWith("/") ? rest : `/${rest}`;
}

function isFault(framing: Framing | FramingFault): framing is FramingFault | "until_close" {
  return typeof framing === "string" && framing !== "chunked";
}

const FRAMING_FAULTS: Record<FramingFault | "until_close", Refusal> = {
  bad_length: refuse(400, "`Content-Length` must be one number."),
  bad_coding: refuse(501, "The only transfer coding that is supported is `chunked`, once."),
  two_framings: refuse(400, "A request can't have both `Content-Length` and `Transfer-Encoding`."),
  until_close: refuse(400, "The request's body has no end."),
};

/** What a client is told of a head that breaks the grammar or a limit. */
export const HEAD_FAULTS: Record<HeadFault, Refusal> = {
  too_long: refuse(431, "The head of the request is too long."),
  too_many_fields: refuse(431, "The request has too many header fields."),
  bad_start_line: refuse(400, "The request line has a control character."),
  bad_line_end: refuse(400, "A line of the head does not end with CR LF."),
  folded_line: refuse(400, "A line of the head begins with a space."),
  bad_field_name: refuse(400, "The name of a header field has an invalid character."),
  bad_field_value: refuse(400, "The value of a header field has a control character."),
};
