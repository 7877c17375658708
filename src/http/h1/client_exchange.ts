import { startTimer, stopTimer } from "../../util/timers.ts";
import type { Exchange, Head } from "../exchange.ts";
import { createDeparture } from "../departure.ts";
import type { Input } from "./input.ts";
import { frameOf, type Output, wholeFrame } from "./output.ts";
import { bodyOver, type ConnectionBody } from "./request_body.ts";
import type { RequestHead } from "./request_head.ts";
import { responseText } from "./response_text.ts";

/** What an exchange needs of its connection. */
export interface ExchangeOptions {
  readonly head: RequestHead;
  readonly input: Input;
  readonly output: Output;
  /** Whether this answer must be the connection's last. */
  readonly isClosing: () => boolean;
  /** Called when the request's body is over, if it has one. */
  readonly onBodyOver: () => void;
  /** Closes the connection at once. */
  readonly close: () => void;
}

/** An exchange over a connection of our own. */
export interface ClientExchange extends Exchange {
  readonly body: ConnectionBody;
  /** The connection has ended: nothing can be sent any more. */
  leave(): void;
  /**
   * Sends a byte or two ahead of what follows, where that changes nothing for the client. The
   * connection of a client that has gone breaks of it.
   */
  probe(): void;
  /** Whether the client may send another request, once the answer has been sent. */
  readonly keepsAlive: boolean;
}

/** Every answer begins with these. */
const STATUS_LINE_START = "HTTP/1.1 ";
/** Leading zeros of a chunk's size: some clients read no more than 20 digits. */
const MOST_ZEROS = 8;
/** A whole answer up to this size is sent with its head in one write. */
const ONE_WRITE = 16 * 1024;
/** For a client to take what is left of an answer that has ended. */
const TAKE_MS = 60_000;

/** @returns an exchange whose answer is written as HTTP/1.1 (RFC 9112) */
export function openExchange(options: ExchangeOptions): ClientExchange {
  const { head: request, input, output } = options;
  const { departure, leave: depart } = createDeparture();
  const { promise: sent, resolve: settle } = Promise.withResolvers<void>();
  const isHead = request.method === "HEAD";
  const body = bodyOver(input, request, {
    onWaiting: () => void output.write(frameOf("HTTP/1.1 100 Continue\r\n\r\n", undefined)),
    onOver: options.onBodyOver,
    onBroken: leave,
  });
  let state: "fresh" | "begun" | "over" = "fresh";
  let keepsAlive = false;
  /** The head of an answer that has begun, until it is sent. */
  let unsentHead = "";
  /** Bytes of the head, or zeros of a chunk's size, that were sent ahead. */
  let ahead = 0;

  function headOf(status: number, head: Head, framing: string, ends: boolean): string {
    keepsAlive = ends && request.keepsAlive && body.isNearlyOver && !options.isClosing();
    const text = responseText(status, head, framing, !keepsAlive, request.minor);
    keepsAlive &&= !head.some(([name, value]) => name === "connection" && value === "close");
    const rest = text.slice(ahead);
    ahead = 0;
    return rest;
  }
  function leave(): void {
    keepsAlive = false;
    if (state !== "over") {
      state = "over";
      depart();
    }
    settle();
  }
  function finish(): void {
    state = "over";
    const timer = startTimer(options.close, TAKE_MS);
    void output.ready().then(() => {
      stopTimer(timer);
      settle();
    });
  }
  function takeHead(): string {
    const text = unsentHead;
    unsentHead = "";
    return text;
  }

  const exchange: ClientExchange = {
    method: request.method,
    target: request.target,
    headers: request.fields,
    body,
    departure,
    sent,
    get unsent() {
      return output.unsent;
    },
    get keepsAlive() {
      return keepsAlive;
    },
    respond(status, head, bytes) {
      if (state !== "fresh") return;
      const hasNoBody = status === 204 || status === 304;
      const length = hasNoBody || isHead ? "" : `content-length: ${bytes?.length ?? 0}\r\n`;
      const text = headOf(status, head, length, true);
      const sentBody = hasNoBody || isHead ? undefined : bytes;
      if (sentBody && sentBody.length > ONE_WRITE) {
        void output.write(frameOf(text, undefined));
        void output.write(wholeFrame(sentBody));
      } else void output.write(frameOf(text, sentBody));
      finish();
    },
    begin(status, head) {
      if (state !== "fresh") return Promise.resolve();
      const framing = request.minor === 1 ? "transfer-encoding: chunked\r\n" : "";
      unsentHead = headOf(status, head, framing, framing !== "");
      state = "begun";
      return Promise.resolve();
    },
    flush() {
      if (unsentHead !== "") void output.write(frameOf(takeHead(), undefined));
    },
    write(bytes) {
      if (state !== "begun" || bytes.length === 0 || isHead) return Promise.resolve();
      ahead = 0;
      return request.minor === 1
        ? output.write(frameOf(`${takeHead()}${bytes.length.toString(16)}\r\n`, bytes, "\r\n"))
        : output.write(frameOf(takeHead(), bytes));
    },
    end() {
      if (state !== "begun") return;
      const last = request.minor === 1 && !isHead ? "0\r\n\r\n" : "";
      void output.write(frameOf(takeHead() + last, undefined));
      finish();
    },
    abort() {
      if (state === "over") return;
      keepsAlive = false;
      state = "over";
      // What it has not taken yet, a client that stopped reading never takes.
      options.close();
      settle();
    },
    leave,
    probe() {
      if (output.unsent > 0 || state === "over" || unsentHead !== "") return;
      if (state === "fresh" && ahead < STATUS_LINE_START.length) {
        void output.write(frameOf(STATUS_LINE_START[ahead++]!, undefined));
      } else if (state === "begun" && request.minor === 1 && ahead < MOST_ZEROS) {
        ahead++;
        void output.write(frameOf("0", undefined));
      }
    },
  };
  return exchange;
}
