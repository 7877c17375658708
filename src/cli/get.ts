import { get as getPlain } from "node:http";
import { get as getByTls, type RequestOptions } from "node:https";

export interface GetOptions {
  readonly headers?: Readonly<Record<string, string>>;
  readonly timeoutMs: number;
  /** Certificates in PEM, one of which has to have signed the server's, or be it; or any will do. */
  readonly trust: { readonly ca: string } | "any";
}

/** An answer, its body as text. */
export interface Got {
  readonly status: number;
  readonly body: string;
}

/** Longer answers are none of a router's. */
const MOST_BYTES = 64 * 1024 * 1024;

/**
 * Asks for a page, over a connection of its own and past any proxy. By way of `node:https`: `fetch`
 * can neither trust a certificate that signed itself nor take any. Rejects with an `Error` that says
 * why there was no answer.
 */
export function get(
  url: string,
  { headers = {}, timeoutMs, trust }: GetOptions,
): Promise<Got> {
  const { promise, resolve, reject } = Promise.withResolvers<Got>();
  const options: RequestOptions = {
    headers,
    agent: false,
    // With no list at all the runtime would ask for leave to read the system's.
    ...(trust === "any" ? { ca: [], rejectUnauthorized: false } : trust),
  };
  const request = (url.startsWith("https:") ? getByTls : getPlain)(url, options, (response) => {
    const chunks: Uint8Array[] = [];
    let bytes = 0;
    response.on("data", (chunk: Uint8Array) => {
      chunks.push(chunk);
      bytes += chunk.length;
      if (bytes > MOST_BYTES) request.destroy(new Error("its answer is too long"));
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
    request.destroy(new Error(`no answer within ${timeoutMs / 1000} s`));
  }, timeoutMs);
  request.on("error", reject);
  return promise.finally(() => clearTimeout(timer));
}
