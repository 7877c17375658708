import type { Peers } from "../config/config.ts";
import { failureIn } from "../http/fetch_error.ts";
import { monotonicMs } from "../util/clock.ts";
import { pause } from "../util/interval.ts";
import { jittered } from "../util/jitter.ts";
import { INSTANCE_HEADER, LINKED_HEADER, PEERS_PATH } from "./status.ts";

/** A connection to a peer that is opened again when it ends: what the router tells that peer. */
export interface Link {
  /** The origin of its admin address. */
  readonly router: string;
  /** The peer's current start, if it takes what is told. */
  readonly instance: string | undefined;
  /** Its address is this router's own, or leads to a peer that has another link. */
  readonly isSpare: boolean;
  /** Why it doesn't take what is told. */
  readonly problem: string | undefined;
  /** Sends lines. If they don't fit into the queue, they and all others until it is empty are lost. */
  send(lines: string): void;
  /** Closes a connection on which the peer shows no sign of life. */
  check(): void;
  close(): Promise<void>;
}

/** What links have in common. */
export interface LinkOptions {
  readonly key: Peers["key"];
  /** The first line. */
  readonly hello: string;
  /** Returns a hello and all requests in flight: told once the peer listens, and after a loss. */
  readonly state: () => string;
  /** Returns the starts of peers that have a link. */
  readonly linked: () => readonly string[];
  readonly client: Deno.HttpClient;
  /** Called when it begins to take what is told, or no longer does so, or for another reason. */
  readonly onChange: (link: Link) => void;
}

/** Bytes that wait for the connection. */
const MOST_QUEUED = 1 << 20;
/** A peer that is there acknowledges each heartbeat. */
const MOST_QUIET_MS = 3_000;
const FIRST_PAUSE_MS = 100;
const LONGEST_PAUSE_MS = 2_000;
/** After a connection that lasted this long, pauses begin anew. */
const STEADY_MS = 10_000;

const REFUSALS: Readonly<Record<number, string>> = {
  401: "it refuses the key",
  403: "it takes no peers without a key from another machine",
  404: "it has no [peers] in its configuration",
  426: "it speaks another version",
  503: "it has too many peers",
};
const SPARE = 409;

/** Says why a peer that gives this status takes nothing. */
export function whyRefused(status: number): string {
  return REFUSALS[status] ?? `it answered ${status}`;
}

/** Opens a link to a peer. */
export function openLink(router: string, options: LinkOptions): Link {
  const { key, hello, state, linked, client, onChange } = options;
  const closing = new AbortController();
  const encoder = new TextEncoder();
  let instance: string | undefined;
  let isSpare = false;
  let problem: string | undefined;
  let queue: ReadableStreamDefaultController<Uint8Array> | undefined;
  let connection = new AbortController();
  let aliveAt = 0;
  let isBehind = false;

  const link: Link = {
    router,
    get instance() {
      return instance;
    },
    get isSpare() {
      return isSpare;
    },
    get problem() {
      return problem;
    },
    send(lines) {
      if (!queue) return;
      isBehind ||= queue.desiredSize! <= 0;
      if (!isBehind) return queue.enqueue(encoder.encode(lines));
      if (queue.desiredSize! < MOST_QUEUED) return;
      isBehind = false;
      queue.enqueue(encoder.encode(state()));
    },
    check() {
      if (!queue || monotonicMs() - aliveAt <= MOST_QUIET_MS) return;
      connection.abort(new Error("it doesn't answer"));
    },
    async close() {
      closing.abort();
      connection.abort();
      await running;
    },
  };

  function change(to: string | undefined, named?: string): void {
    const isNew = problem !== to || instance !== named;
    problem = to;
    instance = named;
    if (isNew) onChange(link);
  }

  /** Takes one connection to its end. Returns why the peer takes nothing. */
  async function converse(): Promise<string> {
    connection = new AbortController();
    aliveAt = monotonicMs();
    isBehind = false;
    const body = new ReadableStream<Uint8Array<ArrayBuffer>>({
      start(controller) {
        controller.enqueue(encoder.encode(hello));
        queue = controller;
      },
    }, new ByteLengthQueuingStrategy({ highWaterMark: MOST_QUEUED }));
    const response = await fetch(router + PEERS_PATH, {
      method: "POST",
      headers: {
        "content-type": "application/jsonl",
        [LINKED_HEADER]: linked().join(),
        ...(key && { authorization: `Bearer ${key}` }),
      },
      body,
      client,
      redirect: "manual",
      signal: connection.signal,
    });
    isSpare = response.status === SPARE;
    if (response.status !== 200 || !response.body) {
      await response.body?.cancel();
      return whyRefused(response.status);
    }
    // The queue takes nothing if the connection has ended already. If it is full, the state follows.
    isBehind ||= queue!.desiredSize! <= 0;
    if (!isBehind) queue!.enqueue(encoder.encode(state()));
    change(undefined, response.headers.get(INSTANCE_HEADER) ?? undefined);
    try {
      for await (const _ of response.body) aliveAt = monotonicMs();
    } catch {
      connection.signal.throwIfAborted();
      return "the connection broke";
    }
    return "it closed the connection";
  }

  function hangUp(): void {
    try {
      queue?.close();
    } catch {
      // An aborted request has closed it.
    }
    queue = undefined;
    connection.abort();
  }

  async function run(): Promise<void> {
    let pauseMs = FIRST_PAUSE_MS;
    while (!closing.signal.aborted) {
      const at = monotonicMs();
      const failure = await converse().catch((error) => {
        isSpare = false;
        return failureIn(error);
      });
      hangUp();
      if (closing.signal.aborted) return;
      if (monotonicMs() - at > STEADY_MS) pauseMs = FIRST_PAUSE_MS;
      change(failure);
      await pause(jittered(pauseMs, 0.5, Math.random), closing.signal);
      pauseMs = Math.min(LONGEST_PAUSE_MS, 2 * pauseMs);
    }
  }

  const running = run();
  return link;
}
