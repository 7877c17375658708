/** The options of a request. */
export interface FetchInit {
  /** In upper case. @default "GET" */
  readonly method?: string;
  /** In order; a name may repeat. */
  readonly headers: [string, string][];
  /** Sent unchanged. @default none */
  readonly body?: Uint8Array<ArrayBuffer>;
  /** Aborts the request at any stage. */
  readonly signal?: AbortSignal;
}

/**
 * The subset of `fetch` used to query servers. Doesn't follow redirects. `isConnectError` classifies
 * its errors, `failureIn` describes them.
 */
export type Fetch = (url: string, init: FetchInit) => Promise<Response>;

/** Fetches that share TLS and proxy settings. */
export interface Fetches {
  /** Reuses connections. */
  readonly fetch: Fetch;
  /** Opens a new connection for each request. */
  readonly fetchFresh: Fetch;
  /** Refuses new requests. Requests in flight run to completion. */
  close(): void;
}

/** Returns the runtime's `fetch` over the connections of `client`. */
export function fetchBy(client: Deno.HttpClient): Fetch {
  return (url, init) => fetch(url, { ...init, client, redirect: "manual" });
}
