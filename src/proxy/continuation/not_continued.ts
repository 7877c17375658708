/** Why a request's stream can't be continued. `docs/reliability.md` has the table. */
export type Refused =
  /** The settings don't allow it. */
  | "off"
  | "endpoint"
  | "not_streamed"
  | "too_long"
  | "several_answers"
  | "seed"
  | "penalties"
  | "stop_strings"
  | "structured_output"
  | "tool_choice"
  | "prompt_logprobs"
  | "echo"
  | "special_input";

/** Why a stream that broke off isn't continued. */
export type NotContinued =
  | Refused
  /** The server told no token ids, or there was no memory to keep them. */
  | "no_ids"
  | "tool_call"
  | "harmony"
  | "media"
  /** The answer's text doesn't tell its tokens for certain. */
  | "inexact"
  /** A server's parser holds back a part of a token. */
  | "held_text"
  /** The servers began their answer anew, and can't be told by text what was sent. */
  | "began_anew"
  | "too_many"
  | "breaks_servers"
  | "retry_budget"
  | "no_server"
  | "servers_failed"
  | "router_stops"
  | "client_left";
