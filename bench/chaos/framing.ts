/** The head of an answer. */
export interface Head {
  readonly status: number;
  /** By lower-case name. */
  readonly headers: ReadonlyMap<string, string>;
  /** The number of characters before the body. */
  readonly length: number;
}

/** Parses the head at the start of a text; undefined if it is incomplete. */
export function headOf(text: string): Head | undefined {
  const end = text.indexOf("\r\n\r\n");
  if (end < 0) return undefined;
  const [first, ...lines] = text.slice(0, end).split("\r\n");
  const headers = new Map(lines.map((line): [string, string] => {
    const colon = line.indexOf(":");
    return [line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim()];
  }));
  return { status: Number(first!.split(" ")[1]), headers, length: end + 4 };
}

/** Removes the framing from a body, piece by piece. */
export interface BodyReader {
  take(text: string): void;
  /** Returns the body received so far. */
  body(): string;
  /** Whether the end that the framing declares has been reached. */
  isWhole(): boolean;
}

/** Creates a reader for the framing in the headers: a length, chunks, or the connection's end. */
export function bodyReader(headers: ReadonlyMap<string, string>): BodyReader {
  const length = headers.get("content-length");
  if (headers.get("transfer-encoding") === "chunked") return chunkReader();
  let body = "";
  return {
    take: (text) => void (body += text),
    body: () => body,
    isWhole: () => length !== undefined && body.length >= Number(length),
  };
}

function chunkReader(): BodyReader {
  let waiting = "";
  let body = "";
  let whole = false;
  return {
    take(text) {
      waiting += text;
      while (!whole) {
        const end = waiting.indexOf("\r\n");
        if (end < 0) return;
        const size = parseInt(waiting.slice(0, end), 16);
        if (waiting.length < end + 2 + size + 2) return;
        body += waiting.slice(end + 2, end + 2 + size);
        waiting = waiting.slice(end + 2 + size + 2);
        whole = size === 0;
      }
    },
    body: () => body,
    isWhole: () => whole,
  };
}
