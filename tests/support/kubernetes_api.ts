import type { TestCertificate } from "../security/certificates.ts";

/** An object as the API server keeps it. */
export interface ApiObject {
  readonly metadata: { readonly name: string; readonly [key: string]: unknown };
  readonly [key: string]: unknown;
}

/** A request that the API server was sent. */
export interface ApiRequest {
  /** The last part of its path, such as `pods`. */
  readonly plural: string;
  readonly path: string;
  readonly query: URLSearchParams;
  readonly headers: Headers;
  readonly isWatch: boolean;
}

/** A mock of a Kubernetes API server, with its faults. */
export interface KubernetesApi extends AsyncDisposable {
  readonly url: string;
  /** All requests, in order. */
  readonly requests: ApiRequest[];
  /** Answers a request in place of the server, or lets it answer. */
  fault: ((request: ApiRequest) => Response | Promise<Response> | undefined) | undefined;
  /** Whether changes are told to watches. */
  isSilent: boolean;
  /** How a watch of a version that is no longer kept ends. */
  gone: "status" | "event";
  /** Adds or replaces an object, with the next version. Returns the event. */
  put(plural: string, object: ApiObject): string;
  /** Removes an object, with the next version. Returns the event. */
  remove(plural: string, name: string): string;
  /** Sends a bookmark with the current version to all watches. */
  bookmark(): void;
  /** Sends a line to the watches of a kind. */
  send(plural: string, line: string): void;
  /** Ends all watches, as after `timeoutSeconds`. */
  end(): void;
  /** Breaks the connections of all watches off. */
  cut(): void;
  /** Forgets the events so far. */
  compact(): void;
  /** Watches that are open. */
  watches(): number;
  /** Breaks all connections off, and refuses new ones. */
  stop(): Promise<void>;
  /** Listens again at the same port. */
  start(certificate?: TestCertificate): void;
}

interface Event {
  readonly version: number;
  readonly plural: string;
  readonly line: string;
}

interface Watch {
  readonly plural: string;
  readonly controller: ReadableStreamDefaultController<Uint8Array>;
}

/** Starts one, on a free port of 127.0.0.1. */
export function startKubernetesApi(certificate?: TestCertificate): KubernetesApi {
  const objects = new Map<string, Map<string, ApiObject>>();
  const watches = new Set<Watch>();
  let events: Event[] = [];
  let version = 100;
  let oldest = 0;
  let server: Deno.HttpServer<Deno.NetAddr> | undefined;
  let port = 0;

  const kept = (plural: string) => {
    if (!objects.has(plural)) objects.set(plural, new Map());
    return objects.get(plural)!;
  };
  const write = ({ controller }: Watch, line: string) =>
    controller.enqueue(new TextEncoder().encode(`${line}\n`));

  function tell(plural: string, type: string, object: ApiObject): string {
    const line = JSON.stringify({ type, object });
    events.push({ version, plural, line });
    if (!api.isSilent) api.send(plural, line);
    return line;
  }

  function list(plural: string, query: URLSearchParams): Response {
    const selector = query.get("labelSelector")?.split("=");
    const all = [...kept(plural).values()].filter(({ metadata }) =>
      !selector ||
      (metadata.labels as Record<string, string>)?.[selector[0]!] === selector[1]
    );
    const start = Number(query.get("continue") ?? 0);
    const end = Math.min(start + Number(query.get("limit") ?? all.length), all.length);
    return Response.json({
      kind: "List",
      metadata: {
        resourceVersion: String(version),
        ...(end < all.length && { continue: String(end) }),
      },
      items: all.slice(start, end),
    });
  }

  function watchFrom(plural: string, query: URLSearchParams): Response {
    const from = Number(query.get("resourceVersion"));
    if (from < oldest) {
      const status = { kind: "Status", code: 410, reason: "Expired", message: "too old" };
      return api.gone === "status"
        ? Response.json(status, { status: 410 })
        : new Response(JSON.stringify({ type: "ERROR", object: status }) + "\n");
    }
    let watch: Watch;
    return new Response(
      new ReadableStream({
        start(controller) {
          watch = { plural, controller };
          watches.add(watch);
          for (const event of events) {
            if (event.plural === plural && event.version > from) write(watch, event.line);
          }
        },
        cancel: () => void watches.delete(watch),
      }),
    );
  }

  async function answer(request: Request): Promise<Response> {
    const { pathname, searchParams: query } = new URL(request.url);
    const plural = pathname.split("/").at(-1)!;
    const isWatch = query.get("watch") === "true";
    const asked = { plural, path: pathname, query, headers: request.headers, isWatch };
    api.requests.push(asked);
    return await api.fault?.(asked) ?? (isWatch ? watchFrom(plural, query) : list(plural, query));
  }

  const closeAll = (close: (watch: Watch) => void) => {
    for (const watch of [...watches]) {
      watches.delete(watch);
      close(watch);
    }
  };

  const api: KubernetesApi = {
    get url() {
      return `${certificate ? "https" : "http"}://127.0.0.1:${port}`;
    },
    requests: [],
    fault: undefined,
    isSilent: false,
    gone: "status",
    put(plural, object) {
      const { name } = object.metadata;
      const type = kept(plural).has(name) ? "MODIFIED" : "ADDED";
      const metadata = { ...object.metadata, resourceVersion: String(++version) };
      kept(plural).set(name, { ...object, metadata });
      return tell(plural, type, kept(plural).get(name)!);
    },
    remove(plural, name) {
      const { metadata, ...object } = kept(plural).get(name)!;
      kept(plural).delete(name);
      const last = { ...metadata, resourceVersion: String(++version) };
      return tell(plural, "DELETED", { ...object, metadata: last });
    },
    bookmark() {
      const object = { metadata: { resourceVersion: String(version) } };
      for (const watch of watches) write(watch, JSON.stringify({ type: "BOOKMARK", object }));
    },
    send(plural, line) {
      for (const watch of watches) if (watch.plural === plural) write(watch, line);
    },
    end: () => closeAll(({ controller }) => controller.close()),
    cut: () => closeAll(({ controller }) => controller.error(new Error("cut"))),
    compact() {
      events = [];
      oldest = ++version;
    },
    watches: () => watches.size,
    async stop() {
      api.cut();
      await server?.shutdown();
      server = undefined;
    },
    start(renewed) {
      certificate = renewed ?? certificate;
      server = Deno.serve({
        ...{ hostname: "127.0.0.1", port, ...certificate },
        onListen: () => {},
        onError: () => new Response(null, { status: 500 }),
      }, answer);
      port = server.addr.port;
    },
    [Symbol.asyncDispose]: () => api.stop(),
  };
  api.start();
  return api;
}

/** An endpoint of a slice; its pod's name is made of the address. */
export function endpointAt(
  address: string,
  conditions: Record<string, boolean | null> = { ready: true, serving: true, terminating: false },
) {
  const name = `pod-${address.replaceAll(/[.:]/g, "-")}`;
  return {
    addresses: [address],
    conditions,
    targetRef: { kind: "Pod", namespace: "llm", name, uid: `uid-${name}` },
  };
}

/** A slice of the Service `vllm` with one port named `http`. */
export function sliceOf(
  name: string,
  endpoints: readonly unknown[],
  others: Readonly<Record<string, unknown>> = {},
): ApiObject {
  return {
    kind: "EndpointSlice",
    apiVersion: "discovery.k8s.io/v1",
    metadata: { name, labels: { "kubernetes.io/service-name": "vllm" } },
    addressType: "IPv4",
    endpoints,
    ports: [{ name: "http", port: 8000, protocol: "TCP" }],
    ...others,
  };
}
