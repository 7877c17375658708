/** A request as the server received it, byte for byte. */
export interface RecordedRequest {
  readonly method: string;
  readonly target: string;
  /** Unchanged, in order. */
  readonly headers: readonly (readonly [string, string])[];
  readonly body: string;
}

/** A server that records all requests, and reports everything that isn't strictly well-formed. */
export interface StrictServer extends AsyncDisposable {
  readonly url: string;
  /** Requests other than the router's own polls of health, models and metrics. */
  readonly requests: RecordedRequest[];
  /** Every deviation in any request, including those polls. */
  readonly problems: readonly string[];
  /** Number of the router's polls. */
  looks(): number;
}

const TOKEN = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/;
/** No control characters except tab; non-ASCII bytes are opaque (RFC 9110, section 5.5). */
const VALUE = /^$|^[!-~\x80-\xff](?:[\t -~\x80-\xff]*[!-~\x80-\xff])?$/;
/** Origin form only, in visible ASCII, without a fragment. */
const TARGET = /^\/[!"$-~]*$/;
const HOST = /^(?:[\w.-]+|\[[0-9a-fA-F:]+\])(?::\d+)?$/;
/** Headers that a proxy must not forward. */
const NOT_FORWARDED = [
  "connection",
  "endpoint-load-metrics-format",
  "expect",
  "forwarded",
  "keep-alive",
  "proxy-authenticate",
  "proxy-authorization",
  "proxy-connection",
  "te",
  "trailer",
  "transfer-encoding",
  "upgrade",
  "x-data-parallel-rank",
  "x-forwarded-for",
  "x-real-ip",
];
const ONCE = ["authorization", "content-length", "content-type", "host", "x-request-id"];

export function startStrictServer(): StrictServer {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const connections = new Set<Deno.Conn>();
  const requests: RecordedRequest[] = [];
  const problems: string[] = [];
  let looks = 0;

  async function serve(connection: Deno.Conn): Promise<void> {
    connections.add(connection);
    try {
      let rest = "";
      const chunk = new Uint8Array(64 * 1024);
      for (let length; (length = await connection.read(chunk)) !== null;) {
        for (const byte of chunk.subarray(0, length)) rest += String.fromCharCode(byte);
        for (let parsed; (parsed = parseRequest(rest)); rest = parsed.rest) {
          const { request } = parsed;
          const line = `${request.method} ${request.target}`;
          problems.push(...parsed.problems.map((problem) => `${line}: ${problem}`));
          const page = request.method === "GET" ? PAGES[request.target] : undefined;
          if (page === undefined) requests.push(request);
          else looks++;
          await write(connection, page ?? answerTo(request));
        }
      }
      if (rest !== "") problems.push(`a connection ended in ${JSON.stringify(rest.slice(0, 100))}`);
    } catch (error) {
      // The router may close a connection at any time, even during a response.
      const gone = [Deno.errors.ConnectionReset, Deno.errors.BrokenPipe, Deno.errors.BadResource]
        .some((gone) => error instanceof gone);
      if (!gone) problems.push(String(error));
    } finally {
      if (connections.delete(connection)) connection.close();
    }
  }

  const served: Promise<void>[] = [];
  const accepting = (async () => {
    for await (const connection of listener) served.push(serve(connection));
  })();
  return {
    url: `http://127.0.0.1:${listener.addr.port}`,
    requests,
    problems,
    looks: () => looks,
    async [Symbol.asyncDispose]() {
      listener.close();
      await accepting;
      for (const connection of connections) connection.close();
      connections.clear();
      await Promise.all(served);
    },
  };
}

/**
 * Parses the request at the start of `text`, once its end is known. If the end can't be determined,
 * that is a problem, and all of `text` counts as the request.
 */
export function parseRequest(
  text: string,
): { request: RecordedRequest; problems: string[]; rest: string } | undefined {
  if (text === "") return undefined;
  const headEnd = text.indexOf("\r\n\r\n");
  if (headEnd === -1) {
    // An incomplete head may still be completed, unless it ends in bare line feeds.
    if (!/\n\r?\n/.test(text)) return undefined;
    const request = { method: "", target: "", headers: [], body: text };
    return { request, problems: ["a head that ends in bare LF"], rest: "" };
  }
  const problems: string[] = [];
  const check = (holds: boolean, problem: string) => void (holds || problems.push(problem));
  const [requestLine, ...lines] = text.slice(0, headEnd).split("\r\n");
  const [method = "", target = "", version = "", ...more] = requestLine!.split(" ");
  check(TOKEN.test(method), `method ${JSON.stringify(method)}`);
  check(TARGET.test(target), `target ${JSON.stringify(target)}`);
  check(version === "HTTP/1.1" && more.length === 0, `line ${JSON.stringify(requestLine)}`);

  const headers = lines.map((line) => {
    const colon = line.indexOf(":");
    const name = line.slice(0, Math.max(0, colon));
    const value = line.slice(colon + 1).replace(/^ | $/g, "");
    check(TOKEN.test(name) && VALUE.test(value), `header ${JSON.stringify(line)}`);
    return [name, value] as const;
  });
  const values = (wanted: string) =>
    headers.filter(([name]) => name.toLowerCase() === wanted).map(([, value]) => value);
  for (const name of NOT_FORWARDED) check(values(name).length === 0, `${name} was passed on`);
  for (const name of ONCE) check(values(name).length <= 1, `${name} more than once`);
  check(values("host").length === 1 && HOST.test(values("host")[0]!), `Host ${values("host")}`);

  const [length] = values("content-length");
  check(length !== undefined || method === "GET", "no Content-Length");
  check(length === undefined || /^(?:0|[1-9]\d{0,8})$/.test(length), `Content-Length ${length}`);
  const start = headEnd + 4;
  const end = problems.length > 0 ? text.length : start + Number(length ?? 0);
  if (text.length < end) return undefined;
  const request = { method, target, headers, body: text.slice(start, end) };
  return { request, problems, rest: text.slice(end) };
}

const MODELS = JSON.stringify({
  object: "list",
  data: [{ id: "m", object: "model", max_model_len: 4_096 }],
});
const METRICS = `vllm:num_requests_running{engine="0",model_name="m"} 0.0
vllm:num_requests_waiting{engine="0",model_name="m"} 0.0
`;
const PAGES: Record<string, string> = {
  "/": plain("", "text/plain"),
  "/health": plain("", "text/plain"),
  "/v1/models": plain(MODELS, "application/json"),
  "/metrics": plain(METRICS, "text/plain"),
};

/** Answers everything with 200, so that the client notices a request that shouldn't have arrived. */
function answerTo({ target, body }: RecordedRequest): string {
  if (/"stream": ?true/.test(body)) {
    const events = ["data: {}\n\n", "data: [DONE]\n\n"];
    const chunks = [...events, ""].map((text) => `${text.length.toString(16)}\r\n${text}\r\n`);
    return "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n" +
      `transfer-encoding: chunked\r\n\r\n${chunks.join("")}`;
  }
  return plain(JSON.stringify({ reached: target }), "application/json");
}

function plain(body: string, type: string): string {
  return `HTTP/1.1 200 OK\r\ncontent-type: ${type}\r\ncontent-length: ${body.length}\r\n\r\n${body}`;
}

async function write(connection: Deno.Conn, text: string): Promise<void> {
  const bytes = new TextEncoder().encode(text);
  for (let written = 0; written < bytes.length;) {
    written += await connection.write(bytes.subarray(written));
  }
}
