/** What of a request concerns its connection. */
export interface FetchInit {
  /** In capital letters. @default "GET" */
  readonly method?: string;
  /** In order; a name may come twice. */
  readonly headers: [string, string][];
  /** Sent as it is. @default none */
  readonly body?: Uint8Array<ArrayBuffer>;
  /** Ends it at any stage. */
  readonly signal?: AbortSignal;
}

/**
 * `fetch` as far as servers are asked by it. Follows no redirect. What it throws is told apart by
 * `isConnectError` and put into words by `failureIn`.
 */
export type Fetch = (url: string, init: FetchInit) => Promise<Response>;

/** Connections of one kind. */
export interface Fetches {
  /** Uses connections again. */
  readonly fetch: Fetch;
  /** Makes a new one each time. */
  readonly fetchFresh: Fetch;
  /** Refuses new requests. Those in flight go on to their end. */
  close(): void;
}

/** The runtime's own, over connections of that client. */
export function fetchBy(client: Deno.HttpClient): Fetch {
  return (url, init) => fetch(url, { ...init, client, redirect: "manual" });
}
