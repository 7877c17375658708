import { errorDocument, errorType, RequestError } from "./errors.ts";
import { DEFAULT_AFTER_TOKENS, DEFAULT_SLOW_FACTOR, type RequestFault } from "./fault.ts";
import type { HttpRequest } from "./http_request.ts";
import type { HttpResponse } from "./http_response.ts";
import type { Sequence } from "./sequence.ts";
import type { ServerState } from "./server_state.ts";
import { tokenText } from "./tokenizer.ts";
import type { Choice, Inference, InferenceEndpoint } from "./wording.ts";

/** One inference request under way. */
interface Exchange {
  readonly server: ServerState;
  readonly request: HttpRequest;
  readonly response: HttpResponse;
  /** What the request holds in the engine. */
  readonly sequences: Sequence[];
  settled: boolean;
}

/** Serves one inference request through the engine, in good order or struck by a fault. */
export function serveInference(
  server: ServerState,
  endpoint: InferenceEndpoint,
  request: HttpRequest,
  response: HttpResponse,
): void {
  const exchange: Exchange = {
    server,
    request,
    response,
    sequences: [],
    settled: false,
  };
  server.counts.received++;
  server.counts.open++;
  response.onClientLeft = () => settle(exchange, "aborted");

  if (server.faults.current?.kind === "sleeping") {
    return fail(exchange, 500, "The engine is sleeping.");
  }
  const fault = server.faults.strike();
  if (fault?.kind === "reset_before_head") return drop(exchange);
  if (fault?.kind === "status") {
    return fail(
      exchange,
      fault.status,
      `Simulated status ${fault.status}.`,
      fault.retryAfterSeconds,
    );
  }
  let inference: Inference;
  try {
    inference = endpoint(request, server);
    if (server.engine.waiting >= server.maxQueued) {
      throw new RequestError(
        503,
        "ServiceUnavailableError",
        "The request queue is full.",
      );
    }
  } catch (error) {
    return refuse(exchange, error);
  }
  const { stream } = inference;
  if (fault?.kind === "error_event" && !stream) {
    return fail(exchange, 500, "Simulated error.");
  }
  if (stream && fault?.kind !== "hang_before_head") {
    response.startStream("text/event-stream; charset=utf-8");
  }
  if (stream && fault?.kind === "truncated") return drop(exchange);
  if (fault?.kind === "error_event") return failStream(exchange);
  answer(exchange, inference, fault);
}

/** Puts the request's sequences into the engine and words what comes out of it. */
function answer(
  exchange: Exchange,
  inference: Inference,
  fault: RequestFault | null,
): void {
  const { server: { engine }, response, sequences } = exchange;
  const { stream, plans, wording } = inference;
  const hangAfterTokens = tokensBeforeHang(fault);
  const dropAfterTokens = fault?.kind === "reset_mid_stream"
    ? fault.afterTokens ?? DEFAULT_AFTER_TOKENS
    : Infinity;
  // A fault that slows all requests slows the engine, and not each of them once more.
  const slowdown = fault?.kind === "slow" && engine.slowdown === 1
    ? fault.factor ?? DEFAULT_SLOW_FACTOR
    : undefined;
  const choices = plans.map(({ prompt }, index): Choice => {
    return {
      index,
      prompt,
      tokens: [],
      text: "",
      cachedTokens: 0,
      finishReason: null,
    };
  });
  const send = (event: string) => response.chunk(event);
  let started = false;
  let sentTokens = 0;
  let unfinished = plans.length;

  function start(): void {
    if (started) return;
    started = true;
    sequences.forEach(({ cachedTokens }, index) =>
      choices[index]!.cachedTokens = cachedTokens ?? 0
    );
    if (stream) wording.start?.(send, choices);
  }

  function finish(): void {
    if (fault?.kind === "truncated") {
      settle(exchange, "failed");
      const text = JSON.stringify(wording.document(choices));
      return response.sendHalf(200, text, {
        "content-type": "application/json",
      });
    }
    settle(exchange, "finished");
    if (!stream) return response.json(200, wording.document(choices));
    wording.end?.(send, choices);
    response.endStream();
  }

  plans.forEach((plan, index) => {
    const choice = choices[index]!;
    sequences.push(engine.add({
      ...plan,
      hangAfterTokens,
      slowdown,
      onToken(token) {
        if (exchange.settled) return;
        if (sentTokens === dropAfterTokens) return drop(exchange);
        start();
        sentTokens++;
        const text = tokenText(token);
        choice.tokens.push(token);
        choice.text += text;
        if (stream) wording.token?.(send, choice, text);
      },
      onFinish(reason) {
        if (exchange.settled) return;
        if (dropAfterTokens < Infinity) return drop(exchange);
        start();
        choice.finishReason = reason;
        choice.cachedTokens = sequences[index]!.cachedTokens ?? 0;
        if (stream) wording.finish?.(send, choice);
        if (--unfinished === 0) finish();
      },
    }));
  });
  if (plans.length === 0 && hangAfterTokens === undefined) finish();
}

/** After how many tokens the request hangs; undefined when it does not. */
function tokensBeforeHang(fault: RequestFault | null): number | undefined {
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

/** Counts the request once, and frees what it holds in the engine. */
function settle(
  exchange: Exchange,
  as: "finished" | "aborted" | "failed" | "refused",
): void {
  if (exchange.settled) return;
  exchange.settled = true;
  const { engine, counts } = exchange.server;
  counts.open--;
  if (as !== "refused") counts[as]++;
  for (const sequence of exchange.sequences) engine.abort(sequence);
}

/** Answers a request that is not to be served, or that the simulator can't make out. */
function refuse(exchange: Exchange, error: unknown): void {
  if (!(error instanceof RequestError)) {
    return fail(exchange, 500, String(error));
  }
  settle(exchange, "refused");
  const { status, type, message, param } = error;
  const document = errorDocument(
    exchange.request.path,
    status,
    type,
    message,
    param,
  );
  exchange.response.json(status, document);
}

function fail(
  exchange: Exchange,
  status: number,
  message: string,
  retryAfterSeconds?: number,
): void {
  settle(exchange, "failed");
  const document = errorDocument(
    exchange.request.path,
    status,
    errorType(status),
    message,
  );
  const headers = { "retry-after": String(retryAfterSeconds) };
  exchange.response.json(
    status,
    document,
    retryAfterSeconds === undefined ? {} : headers,
  );
}

/** Ends a stream as vLLM does when its engine fails: the status has gone out already. */
function failStream(exchange: Exchange): void {
  settle(exchange, "failed");
  const document = errorDocument("", 500, errorType(500), "Simulated error.");
  exchange.response.chunk(`data: ${JSON.stringify(document)}\n\n`);
  exchange.response.chunk("data: [DONE]\n\n");
  exchange.response.endStream();
}

function drop(exchange: Exchange): void {
  settle(exchange, "failed");
  exchange.response.drop();
}
