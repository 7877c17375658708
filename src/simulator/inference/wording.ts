import type { AnswerPlan } from "./answer.ts";
import { errorDocument, type RequestError } from "../api/errors.ts";
import type { HttpRequest } from "../http/http_request.ts";
import type { FinishReason } from "../engine/sequence.ts";
import type { ServerState } from "../server_state.ts";
import type { StoredResponse } from "../stored_response.ts";

/** One sequence of a request and its progress. */
export interface Choice {
  readonly index: number;
  readonly prompt: Uint32Array;
  /** Tokens generated so far, the text that each let out, and all of that text. */
  readonly tokens: number[];
  readonly texts: string[];
  text: string;
  cachedTokens: number;
  /** Set with the last token. */
  finishReason: FinishReason | null;
  /** The stop string or token that ended it. */
  stopReason: string | number | null;
  /** True when it was still waiting for the engine as the server was told to stop. */
  forgotten: boolean;
}

/**
 * Returns the events that end a stream with an error once its head is sent, or undefined to close
 * the connection without an event.
 */
export type StreamFailure = (error: RequestError) => string | undefined;

/** Error ending of most endpoints, in OpenAI's format. */
export const openAiFailure: StreamFailure = ({ status, type, message, param }) => {
  const document = errorDocument("", status, type, message, param);
  return `data: ${JSON.stringify(document)}\n\ndata: [DONE]\n\n`;
};

/** How an endpoint formats its answer. `send` takes one whole server-sent event. */
export interface Wording {
  /** Called before the engine has the request. */
  accept?(send: (event: string) => void): void;
  /** Called before the first token of the first choice. */
  start?(send: (event: string) => void, choices: readonly Choice[]): void;
  token?(send: (event: string) => void, choice: Choice, text: string): void;
  /** Called after the last token, or when the choice is aborted. */
  finish?(send: (event: string) => void, choice: Choice): void;
  /** Called after the last choice has finished. */
  end?(send: (event: string) => void, choices: readonly Choice[]): void;
  /** @default openAiFailure */
  failure?: StreamFailure;
  /** Builds the answer to a request without streaming. */
  document(choices: readonly Choice[]): unknown;
}

/** An interpreted inference request. */
export interface Inference {
  readonly stream: boolean;
  readonly plans: readonly AnswerPlan[];
  readonly wording: Wording;
  /** Takes the answer, of which the client gets only what it reads there. */
  readonly background?: StoredResponse;
}

/** @throws {RequestError} when the request is refused */
export type InferenceEndpoint = (request: HttpRequest, server: ServerState) => Inference;
