/** An HTTP/1.1 request. Header names are in lower case. */
export interface HttpRequest {
  readonly method: string;
  /** Without the query. */
  readonly path: string;
  /** Without its question mark. */
  readonly query: string;
  readonly headers: ReadonlyMap<string, string>;
  readonly body: Uint8Array;
  /** True when the connection has carried another request before. */
  readonly reused: boolean;
}

/** The head of a request, and how its body is framed. */
export interface RequestHead extends Omit<HttpRequest, "body" | "reused"> {
  readonly keepAlive: boolean;
  readonly expectsContinue: boolean;
  /** Length in bytes, or "chunked". */
  readonly bodyLength: number | "chunked";
}

/** A request that cannot be parsed. The connection ends with status 400 or 431. */
export class MalformedRequest extends Error {
  constructor(message: string, readonly status: 400 | 431 = 400) {
    super(message);
  }
}

/** Parses a head, passed without the empty line that ends it. */
export function parseHead(text: string): RequestHead {
  const lines = text.split("\r\n");
  const [method, target, protocol, ...rest] = lines[0]!.split(" ");
  if (!method || !target || rest.length > 0 || !protocol?.startsWith("HTTP/1.")) {
    throw new MalformedRequest("Invalid request line");
  }
  const headers = new Map<string, string>();
  for (let index = 1; index < lines.length; index++) {
    const line = lines[index]!;
    const colon = line.indexOf(":");
    if (colon <= 0) throw new MalformedRequest("Invalid header line");
    const name = line.slice(0, colon).toLowerCase();
    const value = line.slice(colon + 1).trim();
    const earlier = headers.get(name);
    headers.set(name, earlier === undefined ? value : `${earlier}, ${value}`);
  }
  const connection = headers.get("connection")?.toLowerCase();
  const question = target.indexOf("?");
  return {
    method,
    path: question < 0 ? target : target.slice(0, question),
    query: question < 0 ? "" : target.slice(question + 1),
    headers,
    keepAlive: protocol === "HTTP/1.1" ? connection !== "close" : connection === "keep-alive",
    expectsContinue: headers.get("expect")?.toLowerCase() === "100-continue",
    bodyLength: parseBodyLength(headers),
  };
}

function parseBodyLength(headers: ReadonlyMap<string, string>): number | "chunked" {
  const transferEncoding = headers.get("transfer-encoding");
  const contentLength = headers.get("content-length");
  if (transferEncoding !== undefined) {
    if (transferEncoding.toLowerCase() !== "chunked" || contentLength !== undefined) {
      throw new MalformedRequest("Invalid body length");
    }
    return "chunked";
  }
  if (contentLength === undefined) return 0;
  if (!/^\d{1,15}$/.test(contentLength)) {
    throw new MalformedRequest("Invalid content-length");
  }
  return Number(contentLength);
}
