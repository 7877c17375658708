import { startTimer, stopTimer } from "../../util/timers.ts";
import { errorBody, errorHead } from "../error_answer.ts";
import type { Handle } from "../exchange.ts";
import { BadChunk } from "./chunked.ts";
import { ClientExchange } from "./client_exchange.ts";
import type { HeadText } from "./fields.ts";
import { ConnectionLost, Input, type Socket } from "./input.ts";
import { type HeadTimes, nextHead } from "./next_head.ts";
import { frameOf, Output } from "./output.ts";
import { BrokenBody } from "./request_body.ts";
import { HEAD_FAULTS, readRequestHead, type Refusal, type RequestHead } from "./request_head.ts";
import { responseText } from "./response_text.ts";

/** What the connections of a listener share. */
export interface ConnectionOptions {
  /** Answers a request. Must respond or begin before it settles. */
  readonly handle: Handle;
  /** Whether each answer must be its connection's last. */
  readonly isClosing: () => boolean;
  /** Takes over a connection whose client speaks HTTP/2, with the bytes that were read of it. */
  readonly onHttp2: (socket: Socket, begun: Uint8Array<ArrayBuffer>) => Connection;
  /** Called for a request that is refused before it reaches `handle`. */
  readonly onRefused: (refusal: Refusal) => void;
  /** Called with a defect. */
  readonly onError: (error: unknown) => void;
  /** @default 10 s for a head, 75 s for an idle connection */
  readonly times?: HeadTimes;
}

/** A client's connection. */
export interface Connection {
  /** Since when it waits for a request, on the clock of `performance.now()`, if it does. */
  readonly idleSince: number | undefined;
  /** Closes it at once. */
  close(): void;
  /** Settles when it has ended. Never rejects. */
  readonly ended: Promise<void>;
}

/** How long a closed connection is still read, so that its last answer isn't lost to a reset. */
const LINGER_MS = 1_000;
/** For what is left of a short body that nobody wanted. */
const REST_MS = 10_000;
/** When a client that sends no more is probed, each time after the last. */
const PROBE_MS = [10, 15, 25, 50, 100, 200, 400, 800];
const PROBE_LATER_MS = 5_000;
/** The beginning of HTTP/2's preface reads like a request (RFC 9113, section 3.4). */
const HTTP2_LINE = "PRI * HTTP/2.0";

/** Serves the requests of one connection, one after the other, until it ends. */
export function serveConnection(socket: Socket, options: ConnectionOptions): Connection {
  const input = new Input(socket);
  let exchange: ClientExchange | undefined;
  let idleSince: number | undefined;
  let isOver = false;
  /** Has taken the connection over. */
  let successor: Connection | undefined;
  let probing: ReturnType<typeof setTimeout> | undefined;
  const output = new Output(socket, () => exchange?.leave());
  const headEvents = { onBegun: () => void (idleSince = undefined), onLate: close };

  function close(): void {
    successor?.close();
    if (isOver) return;
    isOver = true;
    socket.close();
    exchange?.leave();
  }

  async function run(): Promise<void> {
    let isFirst = true;
    for (;;) {
      input.shrink();
      idleSince = performance.now();
      const next = await nextHead(input, headEvents, options.times);
      if (!next || isOver) return;
      if (isFirst && isHttp2(next)) return await handOn();
      isFirst = false;
      const head = typeof next === "string" ? HEAD_FAULTS[next] : readRequestHead(next);
      if ("sentence" in head) return await refuse(head);
      if (!await answer(head) || isOver) return;
    }
  }

  /** @returns whether another request may follow */
  async function answer(head: RequestHead): Promise<boolean> {
    const current = exchange = new ClientExchange({
      head,
      input,
      output,
      isClosing: options.isClosing,
      onBodyOver: () => void watch(current),
      close,
    });
    if (current.body.isOver) void watch(current);
    try {
      await options.handle(current);
    } catch (error) {
      options.onError(error);
      // Whichever is still possible.
      current.respond(500, [], undefined);
      current.abort();
    }
    await current.sent;
    exchange = undefined;
    clearTimeout(probing);
    return current.keepsAlive && await readRest(current);
  }

  /** Notices at once when the client goes. What it sends meanwhile is kept for later. */
  async function watch(watched: ClientExchange): Promise<void> {
    try {
      while (!input.isFull) {
        const hasMore = await input.fill();
        if (exchange !== watched || watched.isUpgraded) return;
        if (!hasMore) return probe(watched);
      }
    } catch {
      if (exchange === watched) close();
    }
  }

  /**
   * A client that sends no more has gone, or waits for its answer with its half closed: only what
   * is sent to it can tell. The first byte makes the system of a client that has gone reset the
   * connection, the next one finds that.
   */
  function probe(watched: ClientExchange, count = 0): void {
    if (exchange !== watched) return;
    watched.probe();
    probing = setTimeout(() => probe(watched, count + 1), PROBE_MS[count] ?? PROBE_LATER_MS);
  }

  /** Reads what is left of a short body, to find the next request behind it. */
  async function readRest({ body }: ClientExchange): Promise<boolean> {
    if (body.isOver) return true;
    const timer = startTimer(close, REST_MS);
    try {
      while (await body.read());
      return body.isOver;
    } finally {
      stopTimer(timer);
    }
  }

  async function refuse(refusal: Refusal): Promise<void> {
    options.onRefused(refusal);
    const { status, sentence: message } = refusal;
    const error = { status, message, type: "invalid_request_error", code: "bad_request_head" };
    const body = new TextEncoder().encode(errorBody(error));
    const length = `content-length: ${body.length}\r\n`;
    await output.write(frameOf(responseText(status, errorHead(error), length, true, 1), body));
  }

  function handOn(): Promise<void> {
    isOver = true;
    const { bytes, length } = frameOf(`${HTTP2_LINE}\r\n\r\n`, input.take(input.length));
    successor = options.onHttp2(socket, bytes.slice(0, length));
    return successor.ended;
  }

  async function linger(): Promise<void> {
    if (isOver) return;
    const timer = startTimer(close, LINGER_MS);
    try {
      await socket.closeWrite().catch(() => {});
      do input.take(input.length); while (await input.fill());
    } finally {
      stopTimer(timer);
    }
  }

  const ended = run().then(linger).catch((error: unknown) => {
    const isClients = [ConnectionLost, BrokenBody, BadChunk].some((kind) => error instanceof kind);
    if (!isClients) options.onError(error);
  }).finally(close);

  return {
    get idleSince() {
      return idleSince;
    },
    close,
    ended,
  };
}

function isHttp2(head: HeadText | string): boolean {
  return typeof head !== "string" && head.startLine === HTTP2_LINE &&
    head.fields.count("host") === 0;
}
