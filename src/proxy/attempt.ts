import { concat } from "./bytes.ts";
import { isFailure, type Outcome } from "../fleet/outcome.ts";
import { outcomeOfStatus } from "./retry.ts";
import { openUpstream, type Upstream, type UpstreamRequest } from "./upstream.ts";

/** A server's answer, as far as it was held back. */
export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  /** The whole body, or its beginning where `rest` has more. */
  readonly body: Uint8Array<ArrayBuffer>;
  readonly rest: Upstream | undefined;
}

/** How an attempt went: an answer, a failure, or a failure that came as an answer. */
export interface Attempted {
  readonly outcome: Outcome;
  readonly answer: Answer | undefined;
}

/** An answer that isn't a stream is held up to this size, so that another server can replace it. */
const HELD_BYTES = 1024 * 1024;

/**
 * Asks one server and waits until its answer is worth passing on: a stream's first bytes, or the
 * whole of any other answer up to {@linkcode HELD_BYTES}. Never throws.
 */
export async function attempt(request: UpstreamRequest): Promise<Attempted> {
  const upstream = openUpstream(request);
  let outcome: Outcome = "ok";
  try {
    const { status, headers } = await upstream.head();
    if (status < 200 || status > 599) throw new Error(`${status} is no status of an answer`);
    outcome = outcomeOfStatus(status);
    const failed = isFailure(outcome);
    const { body, rest } = await hold(upstream, isEventStream(headers) && !failed);
    // The rest of a failure this long isn't worth a connection: passed on, it will break off.
    if (failed) rest?.close();
    return { outcome, answer: { status, headers, body, rest } };
  } catch (error) {
    upstream.close();
    const broken = upstream.outcomeOf(error);
    const told = isFailure(outcome) && isFailure(broken);
    return { outcome: told ? outcome : broken, answer: undefined };
  }
}

export function isEventStream(headers: Headers): boolean {
  return headers.get("content-type")?.toLowerCase().startsWith("text/event-stream") ?? false;
}

async function hold(
  upstream: Upstream,
  firstOnly: boolean,
): Promise<Pick<Answer, "body" | "rest">> {
  const chunks: Uint8Array<ArrayBuffer>[] = [];
  let size = 0;
  while (size < (firstOnly ? 1 : HELD_BYTES)) {
    const chunk = await upstream.read();
    if (!chunk) return { body: concat(chunks), rest: undefined };
    chunks.push(chunk);
    size += chunk.length;
  }
  return { body: concat(chunks), rest: upstream };
}
