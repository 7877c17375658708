import { areCertificates } from "../../config/route.ts";
import { fetchBy } from "../../http/fetch.ts";
import { failureIn } from "../../http/fetch_error.ts";
import { withoutProxies } from "../../http/proxy_environment.ts";
import { type Access, type AccessOptions, readAccess, type Surroundings } from "./access.ts";
import { readStatus } from "./objects.ts";
import { textOf } from "./lines.ts";

/** Why a request or a watch ended without what was asked for. */
export interface Failure {
  /** For the user. */
  readonly reason: string;
  /** Events may have been missed: list again before the next watch. */
  readonly listAgain?: boolean;
  /** It happens in any cluster: a version is no longer kept, or an API server is restarted. */
  readonly isUsual?: boolean;
  /** How long the API server asks to wait, at most {@linkcode MAX_RETRY_AFTER_MS}. */
  readonly retryAfterMs?: number;
}

/** One kind of objects in a namespace. */
export interface Kind {
  /** Such as `endpointslices`. */
  readonly plural: string;
  /** Such as `/apis/discovery.k8s.io/v1`. */
  readonly group: string;
  readonly labelSelector?: string;
  /** Media types, the best first. */
  readonly accept: string;
}

/** Requests to the API server. */
export interface Api {
  /** Sends a request, and resolves with the head of its answer if that is 200. */
  get(
    kind: Kind,
    query: Readonly<Record<string, string>>,
    signal: AbortSignal,
  ): Promise<Response | Failure>;
  /** Closes its connections. */
  close(): void;
}

/** The status for a version that the API server no longer keeps. */
export const GONE = 410;
/** The status for a version that it hasn't reached yet, as after a restore of its data. */
const TOO_LARGE = 504;
/** Waits that are longer are not believed. */
const MAX_RETRY_AFTER_MS = 60_000;
const MAX_ERROR_BYTES = 64 * 1024;
const SHOWN_MESSAGE = 200;

/** Whether it is the head of an answer, and no failure. */
export function isResponse(answer: Response | Failure): answer is Response {
  return answer instanceof Response;
}

/** Creates requests to an API server that reads token and certificates each time. */
export function createApi(options: AccessOptions, outside: Surroundings): Api {
  let connections:
    | { readonly ca: string | undefined; readonly client: Deno.HttpClient }
    | undefined;

  /** A changed authority gets new connections. */
  function clientFor(ca: string | undefined): Deno.HttpClient {
    if (connections && connections.ca === ca) return connections.client;
    if (ca && !areCertificates(ca)) throw new Error("ca_file: expected certificates in PEM");
    // HTTP/2 would send later requests over the connection that has just fallen silent.
    const settings = { http2: false, poolMaxIdlePerHost: 0, ...(ca && { caCerts: [ca] }) };
    const client = withoutProxies(() => Deno.createHttpClient(settings));
    connections?.client.close();
    connections = { ca, client };
    return client;
  }

  return {
    async get(kind, query, signal) {
      let access: Access;
      let client: Deno.HttpClient;
      try {
        access = await readAccess(options, outside);
        client = clientFor(access.ca);
      } catch (error) {
        return { reason: (error as Error).message };
      }
      const { url, namespace, token } = access;
      const selector = kind.labelSelector && { labelSelector: kind.labelSelector };
      const path = `${kind.group}/namespaces/${namespace}/${kind.plural}`;
      // Compressed, a few kilobytes could unpack to gigabytes.
      const headers: [string, string][] = [
        ["accept", kind.accept],
        ["accept-encoding", "identity"],
      ];
      if (token) headers.push(["authorization", `Bearer ${token}`]);
      let response: Response;
      try {
        const asked = new URLSearchParams({ ...selector, ...query });
        response = await fetchBy(client)(`${url}${path}?${asked}`, { headers, signal });
      } catch (error) {
        const reason = signal.aborted ? "no answer in time" : failureIn(error);
        return { reason: `the API server at ${url}: ${reason}` };
      }
      if (response.status === 200) return response;
      return await failureOf(response, kind, access, options, signal);
    },
    close: () => connections?.client.close(),
  };
}

/** Describes an answer that isn't 200. */
async function failureOf(
  response: Response,
  { plural }: Kind,
  { namespace, url, token }: Access,
  options: AccessOptions,
  signal: AbortSignal,
): Promise<Failure> {
  const { status } = response;
  const reasons: Readonly<Record<number, string>> = {
    401: token
      ? `the API server does not accept the token in ${options.tokenFile ?? "the pod's token file"}`
      : "the API server wants a token: set token_file",
    403: `the service account may not list and watch ${plural} in namespace ${namespace}: ` +
      "apply deploy/kubernetes/rbac.yaml",
    404: `${url} has no ${plural}: expected the address of a Kubernetes API server`,
  };
  const message = await messageOf(response, signal);
  const seconds = Number(response.headers.get("retry-after") ?? NaN);
  return {
    reason: `${status}: ${reasons[status] ?? (message || "no reason given")}`,
    ...(status === GONE && { listAgain: true, isUsual: true }),
    ...(status === TOO_LARGE && { listAgain: true }),
    ...(seconds >= 0 && { retryAfterMs: Math.min(seconds * 1000, MAX_RETRY_AFTER_MS) }),
  };
}

/** The API server's own words, in one line. Never rejects. */
async function messageOf(response: Response, signal: AbortSignal): Promise<string> {
  try {
    const text = await textOf(response, MAX_ERROR_BYTES, signal);
    return shownMessage(readStatus(JSON.parse(text)).message);
  } catch {
    // No JSON, too long, or cut off: the status says enough.
    return "";
  }
}

/** Shortens a message from outside and makes it one line. */
export function shownMessage(message = ""): string {
  return message.replaceAll(/\p{Cc}+/gu, " ").slice(0, SHOWN_MESSAGE);
}
