import type { KubernetesService } from "../../config/discovery.ts";
import { hostAndPort } from "../../config/access_schema.ts";

/** Where the API server is and how it is authenticated; by default as pods are given it. */
export type AccessOptions = Pick<
  KubernetesService,
  "apiServer" | "tokenFile" | "caFile" | "namespace"
>;

/** What one request to the API server needs. */
export interface Access {
  /** Without a slash at its end. */
  readonly url: string;
  readonly namespace: string;
  readonly token?: string;
  /** In PEM. */
  readonly ca?: string;
}

/** The part of the runtime that access depends on. */
export interface Surroundings {
  readonly env: (name: string) => string | undefined;
  /** Rejects if the file can't be read. */
  readonly file: (path: string) => Promise<string>;
}

/** Where a pod finds its service account. */
const ACCOUNT = "/var/run/secrets/kubernetes.io/serviceaccount";

/**
 * Finds the API server and reads the files. They are read for each request, since the kubelet
 * renews the token, and an administrator the certificates.
 *
 * @throws {Error} that states what is missing
 */
export async function readAccess(options: AccessOptions, outside: Surroundings): Promise<Access> {
  const url = options.apiServer?.replace(/\/+$/, "") ?? ownApiServer(outside.env);
  const isOwn = options.apiServer === undefined;
  const read = async (key: string, path: string | undefined) => {
    if (path === undefined) return undefined;
    try {
      return (await outside.file(path)).trim();
    } catch (error) {
      const why = error instanceof Deno.errors.NotFound ? "no such file" : (error as Error).message;
      const hint = isOwn ? "; does the pod have automountServiceAccountToken: true?" : "";
      throw new Error(`${key} ${path}: ${why}${hint}`);
    }
  };
  const own = (name: string) => isOwn ? `${ACCOUNT}/${name}` : undefined;
  const token = await read("token_file", options.tokenFile ?? own("token"));
  const ca = await read("ca_file", options.caFile ?? own("ca.crt"));
  const namespace = options.namespace ?? await read("namespace", own("namespace"));
  if (!namespace) throw new Error("expected a namespace: set namespace");
  return { url, namespace, ...(token && { token }), ...(ca && { ca }) };
}

function ownApiServer(env: Surroundings["env"]): string {
  const host = env("KUBERNETES_SERVICE_HOST");
  const port = Number(env("KUBERNETES_SERVICE_PORT") ?? 443);
  if (!host) {
    throw new Error("KUBERNETES_SERVICE_HOST is not set: outside of a cluster, set api_server");
  }
  return `https://${hostAndPort(host, port)}`;
}
