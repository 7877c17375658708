import type { EndDetails } from "../../fleet/lease.ts";
import type { Outcome } from "../../fleet/outcome.ts";
import { BadMessage, type Close } from "../../http/ws/web_socket.ts";

/** Why the router ends a session. */
export type Interruption =
  /** A stopping router no longer waits for it. */
  | "cut_off"
  /** It took longer than `total_timeout`. */
  | "overdue"
  /** Neither side sent an event for `request_timeout`. */
  | "idle"
  /** The client gives no sign of life, or takes nothing, for `client_timeout`. */
  | "client_silent"
  /** The same of the server, for `chunk_timeout`. */
  | "server_silent";

/** What ended a session: a close of one side, its breaking off, or the router. */
export type SessionEnd =
  | { readonly by: "client" | "server"; readonly close: Close }
  | { readonly by: "client" | "server"; readonly error: unknown }
  | { readonly by: "router"; readonly why: Interruption };

/** What follows from the end of a session. */
export interface Farewell {
  /** Sent to the client first, unless a message is half sent. */
  readonly event?: { readonly message: string; readonly code: string };
  /** `undefined` if the client can't be told. */
  readonly toClient: Close | undefined;
  /** `undefined` if the server can't be told. */
  readonly toServer: Close | undefined;
  readonly outcome: Outcome;
  readonly details?: EndDetails;
  /** The router has cut it off: the request counts as rejected. */
  readonly isCutOff?: true;
}

const LEAVING: Close = { code: 1001, reason: "The client has left." };
const SERVER_FAILED: Close = { code: 1011, reason: "The server failed." };

/** Decides how a session ends for both sides. */
export function farewell(end: SessionEnd): Farewell {
  if (end.by === "router") return INTERRUPTED[end.why];
  if ("close" in end) {
    const outcome = end.by === "client" ? "ok" : outcomeOfClose(end.close.code);
    return { toClient: end.close, toServer: end.close, outcome };
  }
  const { error } = end;
  const refusal = error instanceof BadMessage
    ? { code: error.code, reason: error.message }
    : undefined;
  if (end.by === "client") {
    const outcome = refusal ? "client_error" : "client_closed";
    return { toClient: refusal, toServer: LEAVING, outcome };
  }
  return {
    event: { message: "The server broke off in the middle of the session.", code: "server_error" },
    toClient: SERVER_FAILED,
    toServer: refusal,
    outcome: "truncated",
    details: { what: "it broke off a realtime session" },
  };
}

/** What a server's close says of it. Codes that blame the client are the client's error. */
function outcomeOfClose(code: number | undefined): Outcome {
  switch (code) {
    case 1001:
    case 1012:
      return "draining";
    case 1011:
      return "bad_status";
    case 1013:
      return "backpressure";
    case undefined:
    case 1000:
      return "ok";
    default:
      return "client_error";
  }
}

const INTERRUPTED: Record<Interruption, Farewell> = {
  cut_off: {
    event: { message: "The router is shutting down.", code: "service_unavailable" },
    toClient: { code: 1012, reason: "The router is shutting down." },
    toServer: { code: 1001, reason: "The router is shutting down." },
    outcome: "timeout",
    details: { blameless: true },
    isCutOff: true,
  },
  overdue: {
    event: { message: "The session took longer than total_timeout.", code: "timeout" },
    toClient: { code: 1008, reason: "The session took too long." },
    toServer: { code: 1001, reason: "The session took too long." },
    outcome: "timeout",
    details: { blameless: true },
  },
  idle: {
    event: { message: "Neither side sent an event for request_timeout.", code: "timeout" },
    toClient: { code: 1008, reason: "The session was idle." },
    toServer: { code: 1001, reason: "The session was idle." },
    outcome: "ok",
  },
  client_silent: { toClient: undefined, toServer: LEAVING, outcome: "client_closed" },
  server_silent: {
    event: { message: "The server fell silent.", code: "timeout" },
    toClient: SERVER_FAILED,
    toServer: undefined,
    outcome: "timeout",
    details: { what: "it fell silent in a realtime session" },
  },
};
