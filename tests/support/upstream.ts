/** A real server on a free loopback port that answers as the test specifies. */
export interface TestUpstream extends AsyncDisposable {
  readonly url: string;
}

export function startUpstream(
  handler: (request: Request) => Response | Promise<Response>,
): TestUpstream {
  const server = Deno.serve(
    { hostname: "127.0.0.1", port: 0, onListen: () => {} },
    handler,
  );
  return {
    url: `http://127.0.0.1:${server.addr.port}`,
    [Symbol.asyncDispose]: () => server.shutdown(),
  };
}

/** Starts a server that accepts connections and never sends a byte. Disposing closes the port. */
export function startSilent(): TestUpstream {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const connections: Deno.Conn[] = [];
  const accepting = (async () => {
    for await (const connection of listener) connections.push(connection);
  })();
  return {
    url: `http://127.0.0.1:${listener.addr.port}`,
    async [Symbol.asyncDispose]() {
      listener.close();
      await accepting;
      for (const connection of connections) connection.close();
    },
  };
}

/** Returns a URL where nothing listens. */
export function deadUrl(): string {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = listener.addr;
  listener.close();
  return `http://127.0.0.1:${port}`;
}

/** Returns vLLM's answer at `/v1/models`. */
export function modelsPage(...ids: string[]): Response {
  return Response.json({
    object: "list",
    data: ids.map((id) => ({ id, object: "model", owned_by: "vllm", max_model_len: 4_096 })),
  });
}

/** Returns the part of vLLM's `/metrics` that reports the load. */
export function metricsPage(
  { running = 0, waiting = 0, awake = true } = {},
): Response {
  const labels = `engine="0",model_name="m"`;
  return new Response(`# TYPE vllm:num_requests_running gauge
vllm:num_requests_running{${labels}} ${running}.0
vllm:num_requests_waiting{${labels}} ${waiting}.0
vllm:engine_sleep_state{${labels},sleep_state="awake"} ${awake ? 1 : 0}.0
`);
}
