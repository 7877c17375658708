import type { Peers } from "../config/config.ts";
import { isInstance } from "./words.ts";
import { failureIn } from "../http/fetch_error.ts";
import { monotonicMs } from "../util/clock.ts";
import { pause } from "../util/interval.ts";
import { jittered } from "../util/jitter.ts";
import { INSTANCE_HEADER, LINKED_HEADER, PEERS_PATH } from "./status.ts";

/** The connection over which the router tells a peer its events. It is opened again when it ends. */
export interface Link {
  /** The origin of its admin address. */
  readonly router: string;
  /** Identifies the peer's current start, if it accepts events. */
  readonly instance: string | undefined;
  /** Whether its address is this router's own, or leads to a peer that has another link. */
  readonly isSpare: boolean;
  /** Why the peer doesn't accept events. */
  readonly problem: string | undefined;
  /** Sends lines. If the queue is full, drops them and all that follow until it is empty. */
  send(lines: string): void;
  /** Closes the connection if the peer has been silent for too long. */
  check(): void;
  /** Ends what is told. Settles when the peer has read it, or soon. */
  close(): Promise<void>;
}

/** What links have in common. */
export interface LinkOptions {
  readonly key: Peers["key"];
  /** The first line. */
  readonly hello: string;
  /** Returns the full state, with a hello: sent when the peer accepts events, and after a loss. */
  readonly state: () => string;
  /** Returns the starts of peers that have a link. */
  readonly linked: () => readonly string[];
  readonly client: Deno.HttpClient;
  /** Called when the peer begins or stops to accept events, or the reason changes. */
  readonly onChange: (link: Link) => void;
}

/** Most bytes that wait for the connection. */
const MOST_QUEUED = 1 << 20;
/** A peer acknowledges each heartbeat; after this silence its connection is closed. */
const MOST_QUIET_MS = 3_000;
const FIRST_PAUSE_MS = 100;
const LONGEST_PAUSE_MS = 2_000;
/** After a connection that lasted this long, pauses begin anew. */
const STEADY_MS = 10_000;
/** How long a peer may take to read what it was told last. */
const LAST_WORDS_MS = 200;

const REFUSALS: Readonly<Record<number, string>> = {
  401: "it refuses the key",
  403: "it has no key, so it accepts only peers on its own machine",
  404: "it has no [peers] in its configuration",
  426: "it has another protocol version",
  503: "it has too many peers",
};
const SPARE = 409;

/** Returns why a peer that answers with this status doesn't accept events. */
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
      if (instance === undefined) connection.abort();
      // A peer that takes what is told ends the connection once it has read all.
      else endQueue();
      const late = setTimeout(() => connection.abort(), LAST_WORDS_MS);
      await running;
      clearTimeout(late);
    },
  };

  function change(to: string | undefined, named?: string): void {
    const isNew = problem !== to || instance !== named;
    problem = to;
    instance = named;
    if (isNew) onChange(link);
  }

  /** Opens one connection and waits for its end. Returns why it ended. */
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
    // The queue is closed if the connection has ended already. If it is full, the state follows later.
    isBehind ||= queue!.desiredSize! <= 0;
    if (!isBehind) queue!.enqueue(encoder.encode(state()));
    const named = response.headers.get(INSTANCE_HEADER) ?? "";
    change(undefined, isInstance(named) ? named : undefined);
    try {
      for await (const _ of response.body) aliveAt = monotonicMs();
    } catch {
      connection.signal.throwIfAborted();
      return "the connection broke";
    }
    return "it closed the connection";
  }

  function endQueue(): void {
    try {
      queue?.close();
    } catch {
      // The aborted request has closed it already.
    }
    queue = undefined;
  }

  function hangUp(): void {
    endQueue();
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
