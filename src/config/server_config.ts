import type { EngineName } from "./engine_name.ts";

/** The configuration of one server. */
export interface ServerConfig {
  /** Base address without a trailing `/` or `/v1`; identifies the server across reloads. */
  readonly url: string;
  /** Display name. @default the address without its scheme */
  readonly name: string;
  /** Concurrent requests at which it counts as full. @default 3 */
  readonly capacity: number;
  /** Sent as `Authorization: Bearer …`, replacing the client's header. */
  readonly apiKey?: string;
  /** PEM of the CA that signed its certificate, trusted in addition to the built-in CAs. */
  readonly ca?: string;
  /** `ca` contains the server's own certificate, a CA certificate, which `fetch` always rejects. */
  readonly isSelfSigned?: boolean;
  /**
   * Name that its certificate must be for, and that is asked for. Has no effect through a proxy.
   * @default the host of `url`
   */
  readonly tlsServerName?: string;
  /** Whether to skip certificate verification. @default false */
  readonly tlsSkipVerify?: boolean;
  /** The inference engine it runs. @default recognised by what the server answers */
  readonly engine?: EngineName;
  /** Health check path. @default the engine's, or `/v1/models` if that is inconclusive */
  readonly healthPath?: string;
  /** Client certificate chain and private key presented to the server, in PEM. */
  readonly clientCertificate?: { readonly cert: string; readonly key: string };
  /** URL of the proxy to connect through, including any credentials. @default no proxy */
  readonly proxy?: string;
  /** Fixed list of model names; disables model discovery for this server. */
  readonly models?: readonly string[];
  /** It schedules by `priority`, as vLLM does with `--scheduling-policy priority`. @default false */
  readonly schedulesByPriority?: boolean;
  /** Name of the source that reported it. @default none, the file lists it */
  readonly source?: string;
  /** Its source wants it drained: it finishes its requests and gets no new ones. @default false */
  readonly draining?: boolean;
  /**
   * It is draining because it will stop soon, but still serves: it gets requests that no other
   * server can take. @default false
   */
  readonly terminating?: boolean;
}
