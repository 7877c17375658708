import {
  endpointAt,
  type KubernetesApi,
  sliceOf,
  startKubernetesApi,
} from "../../../tests/support/kubernetes_api.ts";
import { createEndpoints, type Endpoint, type Endpoints } from "./endpoints.ts";

/** A source of servers whose endpoints the benchmark changes. */
export interface ChangingSource extends AsyncDisposable {
  /** Its entry of `discovery`, in TOML. */
  readonly entry: string;
  /** Replaces so many of the endpoints that serve by others. */
  replace(count: number): Promise<void>;
}

/** How many endpoints a source knows, and how many of them serve. */
export interface Population {
  readonly known: number;
  readonly serving: number;
}

/** Starts a source. */
export type StartChanging = (
  population: Population,
  /** Port at which endpoints serve; nothing listens at `deadPort`. */
  ports: { readonly port: number; readonly deadPort: number },
  folder: string,
) => Promise<ChangingSource>;

/** As many endpoints as the controller of EndpointSlices puts into one. */
const PER_SLICE = 100;

/** A Kubernetes API server. Endpoints that don't serve are not ready. */
export const startKubernetesSource: StartChanging = ({ known, serving }, { port }) => {
  const api = startKubernetesApi();
  const endpoints = createEndpoints(known, serving);
  for (let slice = 0; slice * PER_SLICE < known; slice++) putSlice(api, slice, endpoints, port);
  return Promise.resolve({
    entry: `kubernetes = { namespace = "llm", service = "vllm", api_server = "${api.url}" }`,
    replace(count) {
      const changed = Array.from({ length: count }, () => endpoints.replace()).flat();
      const slices = new Set(changed.map((slot) => Math.floor(slot / PER_SLICE)));
      for (const slice of slices) putSlice(api, slice, endpoints, port);
      api.compact();
      return Promise.resolve();
    },
    [Symbol.asyncDispose]: () => api[Symbol.asyncDispose](),
  });
};

function putSlice(api: KubernetesApi, slice: number, { slots }: Endpoints, port: number): void {
  const endpoints = slots.slice(slice * PER_SLICE, (slice + 1) * PER_SLICE)
    .map(({ address, isReady }) =>
      endpointAt(address, { ready: isReady, serving: isReady, terminating: false })
    );
  const ports = [{ name: "http", port, protocol: "TCP" }];
  api.put("endpointslices", sliceOf(`vllm-${slice}`, endpoints, { ports }));
}

/** A file of Prometheus' `file_sd`. Endpoints that don't serve refuse connections. */
export const startFileSource: StartChanging = async ({ known, serving }, ports, folder) => {
  const { port, deadPort } = ports;
  const endpoints = createEndpoints(known, serving);
  const target = ({ address, isReady }: Endpoint) => `${address}:${isReady ? port : deadPort}`;
  async function write(): Promise<void> {
    const text = JSON.stringify([{ targets: endpoints.slots.map(target) }]);
    await Deno.writeTextFile(`${folder}/targets.tmp`, text);
    await Deno.rename(`${folder}/targets.tmp`, `${folder}/targets.json`);
  }
  await write();
  return {
    entry: `files = ["${folder}/targets.json"]`,
    async replace(count) {
      for (let i = 0; i < count; i++) endpoints.replace();
      await write();
    },
    [Symbol.asyncDispose]: () => Deno.remove(`${folder}/targets.json`),
  };
};
