import type { AnswerPlan } from "./answer.ts";
import { errorDocument, type RequestError } from "./errors.ts";
import type { HttpRequest } from "./http_request.ts";
import type { FinishReason } from "./sequence.ts";
import type { ServerState } from "./server_state.ts";

/** One sequence of a request, as far as it has come. */
export interface Choice {
  readonly index: number;
  readonly prompt: Uint32Array;
  /** Generated so far; `text` is the same in words. */
  readonly tokens: number[];
  text: string;
  cachedTokens: number;
  finishReason: FinishReason | null;
  /** It still waited for the engine when the server was told to stop. */
  forgotten: boolean;
}

/**
 * The events that end a stream whose head has gone out with an error; undefined where the
 * connection is cut without a word.
 */
export type StreamFailure = (error: RequestError) => string | undefined;

/** The failure of most endpoints, in the shape of OpenAI. */
export const openAiFailure: StreamFailure = ({ status, type, message, param }) => {
  const document = errorDocument("", status, type, message, param);
  return `data: ${JSON.stringify(document)}\n\ndata: [DONE]\n\n`;
};

/** How an endpoint words its answer. `send` takes one whole server-sent event. */
export interface Wording {
  /** Before the engine has the request. */
  accept?(send: (event: string) => void): void;
  /** Before the first token of the first choice. */
  start?(send: (event: string) => void, choices: readonly Choice[]): void;
  token?(send: (event: string) => void, choice: Choice, text: string): void;
  finish?(send: (event: string) => void, choice: Choice): void;
  /** After the last choice has finished. */
  end?(send: (event: string) => void, choices: readonly Choice[]): void;
  /** @default openAiFailure */
  failure?: StreamFailure;
  /** The answer to a request that asks for no stream. */
  document(choices: readonly Choice[]): unknown;
}

/** What an endpoint makes of a request. */
export interface Inference {
  readonly stream: boolean;
  readonly plans: readonly AnswerPlan[];
  readonly wording: Wording;
}

/** @throws {RequestError} when the request is not to be served */
export type InferenceEndpoint = (request: HttpRequest, server: ServerState) => Inference;
