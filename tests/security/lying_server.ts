/**
 * A process of servers that each misbehave in one way. Prints their addresses by the name of the
 * misbehaviour. A separate process, so that they share neither memory nor event loop with the test.
 */

const MODEL = "simulated-model";
const encoder = new TextEncoder();
const RUNNING = `vllm:num_requests_running{engine="0"}`;

type Page = () => Response | Promise<Response>;

/** Repeats the text for as long as the client reads. */
function endless(text: string): Page {
  const bytes = encoder.encode(text.repeat(Math.ceil(65_536 / text.length)));
  return () => new Response(new ReadableStream({ pull: (to) => to.enqueue(bytes) }));
}

/** Four gigabytes of zeros in four megabytes: 256 copies of the same small gzip file. */
async function bomb(): Promise<Page> {
  const zeros = new Blob([new Uint8Array(16 * 1024 * 1024)]);
  const packed = zeros.stream().pipeThrough(new CompressionStream("gzip"));
  const one = await new Response(packed).bytes();
  const all = new Blob(Array(256).fill(one));
  return () => new Response(all, { headers: { "content-encoding": "gzip" } });
}

const whole = (text: string): Page => () => new Response(text);

/** Each misbehaviour, with the path of its page and the page. */
const LIES: readonly (readonly [name: string, path: string, page: Page])[] = [
  ["metrics without end", "/metrics", endless(`${RUNNING} 3.0\n`)],
  ["metrics of four gigabytes in four megabytes", "/metrics", await bomb()],
  [
    "metrics with 60 KB in one label",
    "/metrics",
    whole(`vllm:num_requests_running{a="${'x\\"'.repeat(20_000)}${"y=".repeat(30_000)}\n`),
  ],
  ["metrics of a million series", "/metrics", whole(`${RUNNING} 3.0\n`.repeat(1e6))],
  [
    "metrics that add up to infinity",
    "/metrics",
    whole(`${RUNNING} 1e308\nvllm:num_requests_running{engine="1"} 1e308\n`),
  ],
  ["health without end", "/health", endless("fine\n")],
  ["models without end", "/v1/models", endless(`{"data":[`)],
  ["models of four gigabytes in four megabytes", "/v1/models", await bomb()],
  ["a million models", "/v1/models", whole(`{"data":[${"{},".repeat(1e6)}{}]}`)],
  [
    "a nest of models",
    "/v1/models",
    whole(`{"data":[{"id":"m","x":${"[".repeat(5e5)}${"]".repeat(5e5)}}]}`),
  ],
];

function answer(path: string): Response {
  if (path === "/health") return new Response();
  if (path === "/metrics") return new Response(`${RUNNING} 0.0\n`);
  if (path === "/v1/models") return Response.json({ data: [{ id: MODEL, object: "model" }] });
  // A response with false token counts.
  return Response.json({
    object: "chat.completion",
    choices: [{ message: { role: "assistant", content: "Hi" }, finish_reason: "stop" }],
    usage: { prompt_tokens: 1e15, completion_tokens: 1e15 },
  });
}

const urls = LIES.map(([name, path, page]) => {
  const { addr } = Deno.serve(
    { hostname: "127.0.0.1", port: 0, onListen: () => {}, onError: () => new Response() },
    (request) => {
      const { pathname } = new URL(request.url);
      return pathname === path ? page() : answer(pathname);
    },
  );
  return [name, `http://127.0.0.1:${addr.port}`];
});
console.log(JSON.stringify(Object.fromEntries(urls)));
