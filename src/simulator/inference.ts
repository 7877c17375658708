import type { AnswerPlan } from "./answer.ts";
import type { Engine } from "./engine.ts";
import { errorDocument, errorType, RequestError } from "./errors.ts";
import {
  DEFAULT_AFTER_TOKENS,
  DEFAULT_SLOW_FACTOR,
  type RequestFault,
} from "./fault.ts";
import type { FaultSwitch } from "./fault_switch.ts";
import type { HttpRequest } from "./http_request.ts";
import type { HttpResponse } from "./http_response.ts";
import type { FinishReason, Sequence } from "./sequence.ts";
import { detokenize } from "./tokenizer.ts";

/** What the requests of a simulator share. */
export interface ServerState {
  readonly models: readonly string[];
  readonly maxModelLen: number;
  readonly maxQueued: number;
  readonly seed: number;
  readonly engine: Engine;
  readonly faults: FaultSwitch;
  readonly counts: {
    received: number;
    finished: number;
    aborted: number;
    failed: number;
    /** Inference requests not yet answered to their end. */
    open: number;
  };
  /** A fresh id of 32 hexadecimal digits. */
  createId(): string;
}

/** One sequence of a request, as far as it has come. */
export interface Choice {
  readonly index: number;
  readonly prompt: Uint32Array;
  readonly tokens: number[];
  text: string;
  cachedTokens: number;
  finishReason: FinishReason | null;
}

/** How an endpoint words its answer. `send` takes one whole server-sent event. */
export interface Wording {
  /** Before the first token of the first choice. */
  start?(send: (event: string) => void, choices: readonly Choice[]): void;
  token?(send: (event: string) => void, choice: Choice, text: string): void;
  finish?(send: (event: string) => void, choice: Choice): void;
  /** After the last choice has finished. */
  end?(send: (event: string) => void, choices: readonly Choice[]): void;
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
export type InferenceEndpoint = (
  request: HttpRequest,
  server: ServerState,
) => Inference;

/** Serves one inference request through the engine, in good order or struck by a fault. */
export function serveInference(
  server: ServerState,
  endpoint: InferenceEndpoint,
  request: HttpRequest,
  response: HttpResponse,
): void {
  const { counts, engine } = server;
  const { path } = request;
  counts.received++;
  counts.open++;

  const sequences: Sequence[] = [];
  let settled = false;
  /** Counts the request once, and frees what it holds in the engine. */
  function settle(as: "finished" | "aborted" | "failed" | "rejected"): void {
    if (settled) return;
    settled = true;
    counts.open--;
    if (as !== "rejected") counts[as]++;
    for (const sequence of sequences) engine.abort(sequence);
  }
  function fail(
    status: number,
    message: string,
    headers: Record<string, string> = {},
  ): void {
    settle("failed");
    response.json(
      status,
      errorDocument(path, status, errorType(status), message),
      headers,
    );
  }
  response.onClientLeft = () => settle("aborted");

  if (server.faults.current?.kind === "sleeping") {
    return fail(500, "EngineCore is sleeping.");
  }
  const fault = server.faults.strike();
  if (fault?.kind === "reset_before_head") {
    settle("failed");
    return response.drop();
  }
  if (fault?.kind === "status") {
    const { status, retryAfterSeconds } = fault;
    const headers: Record<string, string> = retryAfterSeconds === undefined
      ? {}
      : { "retry-after": String(retryAfterSeconds) };
    return fail(status, `Simulated status ${status}.`, headers);
  }

  let inference: Inference;
  try {
    inference = endpoint(request, server);
    if (engine.waiting >= server.maxQueued) {
      throw new RequestError(
        503,
        "ServiceUnavailableError",
        "The request queue is full.",
      );
    }
  } catch (error) {
    if (!(error instanceof RequestError)) throw error;
    settle("rejected");
    const { status, type, message, param } = error;
    return response.json(
      status,
      errorDocument(path, status, type, message, param),
    );
  }

  const { stream, plans, wording } = inference;
  const send = (event: string) => response.chunk(event);
  if (fault?.kind === "error_event" && !stream) {
    return fail(500, "Simulated engine error.");
  }
  if (stream && fault?.kind !== "hang_before_head") {
    response.startStream("text/event-stream; charset=utf-8");
  }
  if (fault?.kind === "error_event") {
    const document = errorDocument(
      "",
      500,
      errorType(500),
      "Simulated engine error.",
    );
    send(`data: ${JSON.stringify(document)}\n\n`);
    send("data: [DONE]\n\n");
    settle("failed");
    return response.endStream();
  }
  if (fault?.kind === "truncated" && stream) {
    settle("failed");
    return response.drop();
  }

  const dropAfter = fault?.kind === "reset_mid_stream"
    ? fault.afterTokens ?? DEFAULT_AFTER_TOKENS
    : Infinity;
  let started = false;
  let unfinished = plans.length;
  let tokens = 0;

  function finishAnswer(): void {
    if (fault?.kind === "truncated") {
      settle("failed");
      const text = JSON.stringify(wording.document(choices));
      return response.sendHalf(200, text, {
        "content-type": "application/json",
      });
    }
    settle("finished");
    if (!stream) return response.json(200, wording.document(choices));
    wording.end?.(send, choices);
    response.endStream();
  }

  const choices: Choice[] = plans.map(({ prompt }, index) => {
    return {
      index,
      prompt,
      tokens: [],
      text: "",
      cachedTokens: 0,
      finishReason: null,
    };
  });
  if (plans.length === 0 && !hangs(fault)) return finishAnswer();

  function start(): void {
    if (started || !stream) return;
    started = true;
    choices.forEach((choice) => {
      choice.cachedTokens = sequences[choice.index]?.cachedTokens ?? 0;
    });
    wording.start?.(send, choices);
  }

  plans.forEach((plan, index) => {
    const choice = choices[index]!;
    sequences.push(engine.add({
      ...plan,
      hangAfterTokens: hangs(fault),
      slowdown: fault?.kind === "slow" && engine.slowdown === 1
        ? fault.factor ?? DEFAULT_SLOW_FACTOR
        : undefined,
      onToken(token) {
        if (settled) return;
        if (tokens++ >= dropAfter) {
          settle("failed");
          return response.drop();
        }
        start();
        const text = detokenize([token]);
        choice.tokens.push(token);
        choice.text += text;
        if (stream) wording.token?.(send, choice, text);
      },
      onFinish(reason) {
        if (settled) return;
        start();
        choice.finishReason = reason;
        choice.cachedTokens = sequences[index]!.cachedTokens ?? 0;
        if (stream) wording.finish?.(send, choice);
        if (--unfinished === 0) finishAnswer();
      },
    }));
  });
}

/** After how many tokens the request hangs; undefined when it does not. */
function hangs(fault: RequestFault | null): number | undefined {
  switch (fault?.kind) {
    case "hang_before_head":
    case "hang_before_first_token":
      return 0;
    case "hang_mid_stream":
      return fault.afterTokens ?? DEFAULT_AFTER_TOKENS;
    default:
      return undefined;
  }
}
