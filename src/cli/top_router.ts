import type { History } from "../monitor/history.ts";
import type { ServerDetail } from "../monitor/server_detail.ts";
import type { Detail } from "../monitor/terminal/detail.ts";
import { span } from "../monitor/terminal/format.ts";
import { harmless } from "../monitor/terminal/text.ts";
import type { View } from "../monitor/view.ts";
import { VERSION } from "../version.ts";
import { get } from "./get.ts";

/** A router and the credentials to query it. */
export interface Target {
  readonly url: string;
  readonly apiKey?: string | undefined;
  /** PEM certificates to trust instead of the default ones. */
  readonly ca?: string | undefined;
}

/** A response of the router; `body` is its JSON if the status is 200. */
interface Answer {
  readonly status: number;
  readonly body?: unknown;
}

/** A router that takes longer to respond counts as unreachable. */
const PATIENCE_MS = 3_000;

/** Reads the file of `--ca`. Throws an error that explains itself in one line. */
export async function readCa(file: string): Promise<string> {
  const text = await Deno.readTextFile(file).catch((error) => {
    throw new Error(`--ca: ${file} can't be read: ${error.message}`);
  });
  if (/^-----BEGIN CERTIFICATE-----$/m.test(text)) return text;
  throw new Error(`--ca: ${file}: expected a certificate in PEM format, found none`);
}

/**
 * Fetches the router's view of its fleet and labels it with the requested address. Throws an error
 * that explains itself in one line.
 */
export async function fetchView(target: Target): Promise<View> {
  const { url, apiKey, ca } = target;
  const { status, body } = await ask(target, "/dashboard/view").catch((error) => {
    throw new Error(`no router answers at ${url}: ${reasonOf(error)}${trustHint(error, ca)}`);
  });
  if (status !== 200) throw new Error(refusal(url, status, apiKey));
  const view = body as Partial<View> | null;
  if (!Array.isArray(view?.servers) || !view.totals) {
    throw new Error(`no router answers at ${url}: unexpected response; this is not a vllm-router`);
  }
  const missing = missingIn(view as View);
  if (missing === undefined) return { ...view, address: url } as View;
  throw new Error(
    `the router at ${url} is of another version: its view has no ${missing} ` +
      `(router ${shortened(view.version)}, this top ${VERSION}); use the top of its version`,
  );
}

const shortened = (text: unknown) => harmless(String(text)).slice(0, 40);

/** Returns the first part of a view that a router of an older version doesn't have. */
function missingIn({ totals, servers, ...view }: View): string | undefined {
  const parts = {
    events: view.events,
    keys: view.keys,
    models: view.models,
    failures: view.failures,
    sources: view.sources,
    peers: view.peers,
    "totals.waiting": totals.waiting,
    "totals.noneHealthySince": totals.noneHealthySince,
    "totals.failedShare": totals.failedShare,
    "totals.answersPerSecond": totals.answersPerSecond,
    "totals.firstToken": totals.firstToken,
    "servers.since": servers.length === 0 ? 0 : servers[0]!.since,
    "servers.firstToken": servers.length === 0 ? 0 : servers[0]!.firstToken,
  };
  return Object.entries(parts).find(([, part]) => part === undefined)?.[0];
}

/** Fetches the time before the first view; `undefined` if that fails. */
export async function fetchHistory(target: Target): Promise<History | undefined> {
  const { status, body } = await ask(target, "/dashboard/history").catch(() => NO_ANSWER);
  return status === 200 && isHistory(body) ? body : undefined;
}

function isHistory(body: unknown): body is History {
  const { times, requestsPerSecond, failedPerSecond, tokensPerSecond, firstTokenP95, servers } =
    (body ?? {}) as Partial<History>;
  const rows = [times, requestsPerSecond, failedPerSecond, tokensPerSecond, firstTokenP95];
  return rows.every(Array.isArray) && Array.isArray(servers) &&
    servers.every((server) => Array.isArray(server?.waiting));
}

const NO_ANSWER: Answer = { status: 0 };

/** Keeps what the router tells of the server whose page is open. */
export interface DetailFollower {
  /** Returns what was told last; the first call for a server asks. */
  read(url: string): Detail;
  /** Asks again, if a page has been shown since the last call. */
  refresh(): Promise<void>;
}

/** @param onTold called when the first call for a server has an answer */
export function followDetail(target: Target, onTold: () => void): DetailFollower {
  let open: string | undefined;
  let isShown = false;
  let told: Detail;

  async function fetchDetail(url: string): Promise<void> {
    const path = `/dashboard/server?url=${encodeURIComponent(url)}`;
    const { status, body } = await ask(target, path).catch(() => NO_ANSWER);
    if (url !== open) return;
    if (status === 200) told = isDetail(body) ? body : null;
    else if (status === 404) told = null;
  }
  return {
    read(url) {
      isShown = true;
      if (url !== open) {
        open = url;
        told = undefined;
        void fetchDetail(url).then(onTold);
      }
      return told;
    },
    async refresh() {
      if (isShown && open !== undefined) await fetchDetail(open);
      isShown = false;
    },
  };
}

function isDetail(body: unknown): body is ServerDetail {
  const { attempts, checks, pace, prefixCache } = (body ?? {}) as Partial<ServerDetail>;
  return Boolean(attempts && checks && pace && prefixCache);
}

async function ask({ url, apiKey, ca }: Target, path: string): Promise<Answer> {
  const headers: Record<string, string> = apiKey === undefined
    ? {}
    : { authorization: `Bearer ${apiKey}` };
  if (ca !== undefined) {
    const options = { headers, timeoutMs: PATIENCE_MS, trust: { ca } };
    const { status, body } = await get(url + path, options);
    return status === 200 ? { status, body: JSON.parse(body) } : { status };
  }
  const response = await fetch(url + path, { signal: AbortSignal.timeout(PATIENCE_MS), headers });
  const { status } = response;
  if (status === 200) return { status, body: await response.json() };
  await response.body?.cancel();
  return { status };
}

/** Explains a response other than 200 in one line. */
function refusal(url: string, status: number, apiKey: string | undefined): string {
  if (status === 401) {
    return apiKey
      ? `the router at ${url} rejected the API key; expected one of its api_keys`
      : `the router at ${url} requires an API key; pass one with --api-key`;
  }
  const hint = status === 404
    ? "if this is a vllm-router, use the [admin] address in its configuration"
    : "this is not a vllm-router";
  return `no router answers at ${url}: unexpected status ${status}; ${hint}`;
}

/** Says what to do about a certificate whose issuer isn't trusted. */
function trustHint(error: unknown, ca: string | undefined): string {
  if (!/UnknownIssuer|self-signed certificate|unable to (?:get|verify)/.test(reasonOf(error))) {
    return "";
  }
  return ca === undefined
    ? "; pass the CA of its certificate with --ca"
    : "; no certificate in --ca has signed its certificate";
}

/** Explains a failed request in one line. */
function reasonOf(error: unknown): string {
  const { name, message, cause } = error as Error;
  if (name === "TimeoutError") return `no response within ${span(PATIENCE_MS)}`;
  const why = cause instanceof Error ? cause.message : message;
  return why.split("\n")[0]!;
}
