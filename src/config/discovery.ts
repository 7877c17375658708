import type { ServerConfig } from "./server_config.ts";

/** A source of servers, as configured. Consists of plain data, so that two can be compared. */
export interface Discovery {
  /** Display name. @default the kind and what is read, such as `dns vllm.internal` */
  readonly name: string;
  /** What is read. */
  readonly from: DnsLookup | ServerFiles | KubernetesService;
  /** How its servers are reached where the source doesn't say. */
  readonly scheme: "http" | "https";
  /** What its servers have in common. */
  readonly defaults: ServerDefaults;
}

/** The configuration that all servers of a source have. */
export type ServerDefaults = Omit<
  ServerConfig,
  "url" | "name" | "isSelfSigned" | "source" | "draining" | "terminating"
>;

/** Servers by their name in DNS. */
export interface DnsLookup {
  /** Tells it from other sources. */
  readonly kind: "dns";
  /** The name that is looked up. */
  readonly name: string;
  /** The types of records that are asked for, each by itself. */
  readonly types: readonly ("A" | "AAAA" | "SRV")[];
  /** The servers' port. @default that of the SRV records */
  readonly port?: number;
  /** Interval between two lookups. */
  readonly everyMs: number;
  /** The name server. @default the system's */
  readonly resolver?: { readonly ipAddr: string; readonly port: number };
}

/** Servers in files of Prometheus' `file_sd`. */
export interface ServerFiles {
  /** Tells it from other sources. */
  readonly kind: "files";
  /** Absolute paths, which may contain `*` in their last part. */
  readonly patterns: readonly string[];
}

/** The pods of a Service in Kubernetes. */
export interface KubernetesService {
  /** Tells it from other sources. */
  readonly kind: "kubernetes";
  /** The Service's name. */
  readonly service: string;
  /** Its namespace. @default the router's own */
  readonly namespace?: string;
  /** Name or number of the pods' port. @default the only one, or else the one named `http` */
  readonly port?: string | number;
  /** Whether the pods' annotations are read too. */
  readonly annotations: boolean;
  /** Base URL of the API server. @default the cluster's, as pods are told it */
  readonly apiServer?: string;
  /** Absolute path of the file with the token. @default the pod's; none if `apiServer` is set */
  readonly tokenFile?: string;
  /** Absolute path of the file with CA certificates. @default the pod's; none if `apiServer` is set */
  readonly caFile?: string;
}
