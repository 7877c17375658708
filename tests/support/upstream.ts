/** A real server on a free port of loopback that answers as the test says. */
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

/** Accepts connections and never says a word; the port is closed when it is disposed of. */
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

/** An address where nothing listens. */
export function deadUrl(): string {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = listener.addr;
  listener.close();
  return `http://127.0.0.1:${port}`;
}

/** What vLLM answers at `/v1/models`. */
export function modelsPage(...ids: string[]): Response {
  return Response.json({
    object: "list",
    data: ids.map((id) => ({ id, object: "model", max_model_len: 4_096 })),
  });
}

/** What of vLLM's `/metrics` tells the load. */
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
