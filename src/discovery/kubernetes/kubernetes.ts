import { isDeepStrictEqual } from "node:util";
import type { ServerConfig } from "../../config/config.ts";
import type { Discovery, KubernetesService } from "../../config/discovery.ts";
import { discoveredServer } from "../server.ts";
import type { DiscoveredServer, Source, SourceListener, StartSource } from "../source.ts";
import { annotationsOf, PREFIX } from "./annotations.ts";
import { createApi, type Kind } from "./api.ts";
import { type Endpoint, readPod, readSlice } from "./objects.ts";
import { startReflector } from "./reflector.ts";
import { serversOf } from "./servers_of.ts";

/** What tests replace. */
export interface KubernetesOptions {
  /** Looks up an environment variable. @default the process's */
  readonly env?: (name: string) => string | undefined;
  /** Uniform in [0, 1). @default `Math.random` */
  readonly random?: () => number;
  /** How long a watch is kept open at least, in seconds. @default 60 */
  readonly watchSeconds?: number;
}

/** Changes that come within this time are reported together. */
const TOGETHER_MS = 50;
/** Warnings that are remembered, so that each is given once. */
const MAX_WARNINGS = 1_000;
/** Addresses whose configuration is remembered. */
const MAX_CONFIGS = 20_000;
const MAX_SLICES = 500;
const MAX_PODS = 20_000;

/** Only a pod's metadata, which is a tenth of it; API servers that can't do that send all. */
const METADATA = ["PartialObjectMetadataList", "PartialObjectMetadata"]
  .map((as) => `application/json;as=${as};g=meta.k8s.io;v=1`);

/**
 * Watches the pods of a Service by its EndpointSlices. Servers are reported once the slices have been
 * listed, and the pods if annotations are read.
 */
export function startKubernetes(
  from: KubernetesService,
  entry: Pick<Discovery, "scheme" | "defaults">,
  options: KubernetesOptions = {},
): StartSource {
  return (listener) => follow(from, entry, options, listener);
}

function follow(
  from: KubernetesService,
  entry: Pick<Discovery, "scheme" | "defaults">,
  options: KubernetesOptions,
  listener: SourceListener,
): Source {
  const { service, port, annotations } = from;
  const { env = (name: string) => Deno.env.get(name), random = Math.random } = options;
  const api = createApi(from, { env, file: (path) => Deno.readTextFile(path) });
  const warn = once((text) => listener.onWarning?.(text));
  /** Why each kind of objects can't be read; `undefined` once it was. */
  const failures = new Map<string, string | undefined>();
  let reported: readonly DiscoveredServer[] | undefined;
  let hasFailed = false;
  let timer: ReturnType<typeof setTimeout> | undefined;
  let hasStopped = false;

  function reflect<T>(
    kind: Kind,
    maxObjects: number,
    read: (object: unknown) => T | undefined,
  ) {
    return startReflector({
      ...{ api, kind, maxObjects, read, random, onWarning: warn },
      watchSeconds: options.watchSeconds ?? 60,
      onRead() {
        failures.set(kind.plural, undefined);
        soon();
      },
      onFailure(reason) {
        failures.set(kind.plural, reason);
        soon();
      },
    });
  }

  const slices = reflect(slicesOf(service), MAX_SLICES, readSlice);
  const pods = annotations
    ? reflect(PODS, MAX_PODS, (object) => {
      const pod = readPod(object, PREFIX);
      return pod && { uid: pod.uid, said: annotationsOf(pod, env, warn) };
    })
    : undefined;

  const said = ({ targetRef }: Endpoint) => {
    const pod = targetRef?.kind === "Pod" ? pods?.objects.get(targetRef.name ?? "") : undefined;
    const isSame = !targetRef?.uid || pod?.uid === targetRef.uid;
    return pod && isSame ? pod.said : {};
  };

  /** Kept, since an authority is costly to read. */
  const configs = new Map<string, ServerConfig | undefined>();
  const configAt = (address: string) => {
    if (configs.has(address)) return configs.get(address);
    if (configs.size >= MAX_CONFIGS) configs.clear();
    const config = discoveredServer(address, entry);
    configs.set(address, config);
    return config;
  };

  function soon(): void {
    if (!hasStopped) timer ??= setTimeout(report, TOGETHER_MS);
  }

  function report(): void {
    timer = undefined;
    const failure = [...failures.values()].find((reason) => reason !== undefined);
    const isListed = failures.has("endpointslices") && (failures.has("pods") || !pods);
    const before = new Set(reported?.map(({ config }) => config.url));
    const servers = serversOf(slices.objects.values(), before, {
      ...(port !== undefined && { port }),
      ...{ said, configAt, onWarning: warn },
    });
    const hasRecovered = hasFailed && failure === undefined;
    // Before the first list nothing is known, which is not the same as no servers.
    const isKnown = isListed && (reported !== undefined || !failures.get("endpointslices"));
    if (isKnown && (hasRecovered || !isDeepStrictEqual(servers, reported))) {
      reported = servers;
      listener.onServers(servers);
    }
    if (failure !== undefined) listener.onFailure(failure);
    hasFailed = failure !== undefined;
  }

  return {
    async stop() {
      hasStopped = true;
      clearTimeout(timer);
      await Promise.all([slices.stop(), pods?.stop()]);
      api.close();
    },
  };
}

const PODS: Kind = {
  plural: "pods",
  group: "/api/v1",
  accept: [...METADATA, "application/json"].join(", "),
};

function slicesOf(service: string): Kind {
  return {
    plural: "endpointslices",
    group: "/apis/discovery.k8s.io/v1",
    labelSelector: `kubernetes.io/service-name=${service}`,
    accept: "application/json",
  };
}

/** Passes each text on once, as far as they are remembered. */
function once(tell: (text: string) => void): (text: string) => void {
  const told = new Set<string>();
  return (text) => {
    if (told.has(text)) return;
    if (told.size >= MAX_WARNINGS) told.clear();
    told.add(text);
    tell(text);
  };
}
