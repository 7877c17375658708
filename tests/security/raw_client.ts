/** Converts text to bytes, one byte per character: `\xff` is the byte 255. */
export function bytesOf(text: string): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(text, (character) => character.charCodeAt(0));
}

/** A response as received. Header names are in lower case. */
export interface RawAnswer {
  readonly status: number;
  readonly headers: readonly (readonly [string, string])[];
  readonly body: string;
}

/** A connection that sends exactly the given bytes, and keeps exactly those it receives. */
export interface RawConnection extends AsyncDisposable {
  send(text: string): Promise<void>;
  /** Closes the sending side. */
  end(): Promise<void>;
  /** The next complete response, including interim ones; `undefined` if the connection ends first. */
  answer(toMethod?: string): Promise<RawAnswer | undefined>;
  /** Resolves when the router closes the connection, with any bytes left besides the responses. */
  closed(): Promise<string>;
  /** Resolves when any bytes arrive. */
  anything(): Promise<string>;
}

const LONGEST_WAIT_MS = 30_000;

export async function connectRaw(port: number): Promise<RawConnection> {
  const connection = await Deno.connect({ hostname: "127.0.0.1", port });
  const chunk = new Uint8Array(64 * 1024);
  let received = "";
  let open = true;

  async function more(): Promise<boolean> {
    if (!open) return false;
    let late: ReturnType<typeof setTimeout> | undefined;
    const timeout = new Promise<never>((_, reject) => {
      late = setTimeout(() => {
        reject(new Error(`Neither a byte nor an end; before: ${JSON.stringify(received)}`));
      }, LONGEST_WAIT_MS);
    });
    try {
      const length = await Promise.race([connection.read(chunk), timeout]);
      if (length === null) return open = false;
      for (const byte of chunk.subarray(0, length)) received += String.fromCharCode(byte);
      return true;
    } catch (error) {
      // A reset counts as an end: the router needn't read what it has rejected.
      if (error instanceof Deno.errors.ConnectionReset) return open = false;
      throw error;
    } finally {
      clearTimeout(late);
    }
  }

  return {
    async send(text) {
      const bytes = bytesOf(text);
      try {
        for (let sent = 0; sent < bytes.length;) {
          sent += await connection.write(bytes.subarray(sent));
        }
      } catch (error) {
        const ended = error instanceof Deno.errors.BrokenPipe ||
          error instanceof Deno.errors.ConnectionReset;
        if (!ended) throw error;
      }
    },
    end: () => connection.closeWrite().catch(() => {}),
    async answer(toMethod = "POST") {
      while (true) {
        const parsed = parseAnswer(received, toMethod);
        if (parsed) {
          received = received.slice(parsed.length);
          return parsed.answer;
        }
        if (!await more()) return undefined;
      }
    },
    async closed() {
      while (await more());
      return received;
    },
    async anything() {
      while (received === "" && await more());
      return received;
    },
    [Symbol.asyncDispose]() {
      connection.close();
      return Promise.resolve();
    },
  };
}

/** Parses the response at the start of `text`, once complete. Throws if it is malformed. */
function parseAnswer(
  text: string,
  toMethod: string,
): { answer: RawAnswer; length: number } | undefined {
  const headEnd = text.indexOf("\r\n\r\n");
  if (headEnd === -1) return undefined;
  const [statusLine, ...lines] = text.slice(0, headEnd).split("\r\n");
  const status = Number(/^HTTP\/1\.[01] (\d{3}) /.exec(statusLine!)?.[1]);
  if (!status) throw new Error(`No status line: ${JSON.stringify(statusLine)}`);
  const headers = lines.map((line) => {
    const match = /^([!#$%&'*+.^_`|~\w-]+): ?([\t -~\x80-\xff]*)$/.exec(line);
    if (!match) throw new Error(`No header: ${JSON.stringify(line)}`);
    return [match[1]!.toLowerCase(), match[2]!] as const;
  });
  const values = (wanted: string) =>
    headers.filter(([name]) => name === wanted).map(([, value]) => value);
  const start = headEnd + 4;
  const answer = (body: string, length: number) => ({
    answer: { status, headers, body },
    length,
  });
  if (status < 200 || status === 204 || status === 304 || toMethod === "HEAD") {
    return answer("", start);
  }
  if (values("transfer-encoding").length > 0) return parseChunked(text, start, answer);
  const lengths = values("content-length");
  if (lengths.length !== 1) throw new Error(`Content-Length: ${JSON.stringify(lengths)}`);
  const end = start + Number(lengths[0]);
  return text.length < end ? undefined : answer(text.slice(start, end), end);
}

function parseChunked<T>(
  text: string,
  start: number,
  answer: (body: string, length: number) => T,
): T | undefined {
  let body = "";
  for (let at = start;;) {
    const lineEnd = text.indexOf("\r\n", at);
    if (lineEnd === -1) return undefined;
    const line = text.slice(at, lineEnd);
    if (!/^[0-9a-fA-F]+$/.test(line)) throw new Error(`No chunk size: ${JSON.stringify(line)}`);
    const from = lineEnd + 2;
    const to = from + parseInt(line, 16);
    if (text.length < to + 2) return undefined;
    if (text.slice(to, to + 2) !== "\r\n") throw new Error("A chunk is longer than it said");
    body += text.slice(from, to);
    at = to + 2;
    if (to === from) return answer(body, at);
  }
}
