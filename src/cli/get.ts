import { request as requestPlain } from "node:http";
import { request as requestByTls, type RequestOptions } from "node:https";

export interface GetOptions {
  /** @default "GET" */
  readonly method?: "GET" | "POST" | "PATCH" | "DELETE";
  readonly headers?: Readonly<Record<string, string>>;
  /** Sent as JSON's media type. @default no body */
  readonly body?: string;
  readonly timeoutMs: number;
  /**
   * PEM certificates, one of which must be the server's own or have signed it; `"any"` accepts every
   * certificate.
   */
  readonly trust: { readonly ca: string } | "any";
}

/** A response with its body as text. */
export interface Got {
  readonly status: number;
  readonly body: string;
}

/** No router sends a longer response. */
const MOST_BYTES = 64 * 1024 * 1024;

/**
 * Sends a request over a new connection, without a proxy. Uses `node:https`, because
 * `fetch` can neither trust a self-signed certificate nor skip verification. Rejects with an `Error`
 * whose message says why there is no response.
 */
export function get(
  url: string,
  { method = "GET", headers = {}, body, timeoutMs, trust }: GetOptions,
): Promise<Got> {
  const { promise, resolve, reject } = Promise.withResolvers<Got>();
  const options: RequestOptions = {
    method,
    headers: body === undefined ? headers : { ...headers, "content-type": "application/json" },
    agent: false,
    // Without a list the runtime would need permission to read the system's certificates.
    ...(trust === "any" ? { ca: [], rejectUnauthorized: false } : trust),
  };
  const send = url.startsWith("https:") ? requestByTls : requestPlain;
  const request = send(url, options, (response) => {
    const chunks: Uint8Array[] = [];
    let bytes = 0;
    response.on("data", (chunk: Uint8Array) => {
      chunks.push(chunk);
      bytes += chunk.length;
      if (bytes > MOST_BYTES) request.destroy(new Error("the response is too long"));
    });
    response.on("error", reject);
    response.on("end", async () => {
      resolve({
        status: response.statusCode ?? 0,
        body: await new Blob(chunks as BlobPart[]).text(),
      });
    });
  });
  const timer = setTimeout(() => {
    request.destroy(new Error(`no response within ${timeoutMs / 1000} s`));
  }, timeoutMs);
  request.on("error", reject);
  request.end(body);
  return promise.finally(() => clearTimeout(timer));
}
