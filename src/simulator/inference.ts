import { RequestError } from "./errors.ts";
import { Exchange } from "./exchange.ts";
import { DEFAULT_AFTER_TOKENS, DEFAULT_SLOW_FACTOR, type RequestFault } from "./fault.ts";
import type { HttpRequest } from "./http_request.ts";
import type { HttpResponse } from "./http_response.ts";
import type { ServerState } from "./server_state.ts";
import { tokenText } from "./tokenizer.ts";
import type { Choice, Inference, InferenceEndpoint } from "./wording.ts";

/** More than any stream has. */
const WRONG_LENGTH = 1e9;

/** Serves one inference request through the engine, in good order or struck by a fault. */
export function serveInference(
  server: ServerState,
  endpoint: InferenceEndpoint,
  request: HttpRequest,
  response: HttpResponse,
): void {
  const exchange = new Exchange(server, request, response);
  if (server.faults.current?.kind === "sleeping") {
    return exchange.fail(500, "The engine is sleeping.");
  }
  const fault = server.faults.strike(request.reused);
  if (fault?.kind === "reset_before_head" || fault?.kind === "idle_reset") return exchange.drop();
  if (fault?.kind === "garbled") return exchange.garble();
  if (fault?.kind === "status") {
    const { status, retryAfterSeconds } = fault;
    return exchange.fail(status, `Simulated status ${status}.`, retryAfterSeconds);
  }
  let inference: Inference;
  try {
    inference = endpoint(request, server);
    if (server.engine.waiting >= server.maxQueued) {
      throw new RequestError(503, "ServiceUnavailableError", "The request queue is full.");
    }
  } catch (error) {
    return exchange.refuse(error);
  }
  const { stream } = inference;
  if (fault?.kind === "error_event" && !stream) {
    return exchange.fail(fault.status ?? 500, "Simulated error.");
  }
  if (stream && fault?.kind !== "hang_before_head") {
    const length = fault?.kind === "wrong_length" ? WRONG_LENGTH : undefined;
    response.startStream("text/event-stream; charset=utf-8", length);
    inference.wording.accept?.((event) => response.chunk(event));
  }
  if (stream && fault?.kind === "truncated") return exchange.drop();
  if (fault?.kind === "error_event") return exchange.failStream(fault.status ?? 500);
  answer(server, exchange, response, inference, fault);
}

/** Puts the request's sequences into the engine and words what comes out of it. */
function answer(
  { engine }: ServerState,
  exchange: Exchange,
  response: HttpResponse,
  inference: Inference,
  fault: RequestFault | null,
): void {
  const { sequences } = exchange;
  const { stream, plans, wording } = inference;
  const hangAfterTokens = tokensBeforeHang(fault);
  const dropAfterTokens = tokensBeforeDrop(fault, stream);
  // A fault that slows all requests slows the engine, and not each of them once more.
  const slowdown = fault?.kind === "slow" && engine.slowdown === 1
    ? fault.factor ?? DEFAULT_SLOW_FACTOR
    : undefined;
  const choices = plans.map(({ prompt }, index): Choice => {
    return { index, prompt, tokens: [], text: "", cachedTokens: 0, finishReason: null };
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
    if (fault?.kind === "truncated" || fault?.kind === "wrong_length") {
      exchange.settle("failed");
      const share = fault.kind === "truncated" ? 0.5 : 1;
      return response.sendLess(JSON.stringify(wording.document(choices)), share);
    }
    exchange.settle("finished");
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
        if (sentTokens === dropAfterTokens) return exchange.drop();
        start();
        sentTokens++;
        const text = tokenText(token);
        choice.tokens.push(token);
        choice.text += text;
        if (stream) wording.token?.(send, choice, text);
      },
      onFinish(reason) {
        if (exchange.settled) return;
        if (dropAfterTokens < Infinity) return exchange.drop();
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

/** After how many tokens the connection is dropped; Infinity when it is not. */
function tokensBeforeDrop(fault: RequestFault | null, stream: boolean): number {
  const drops = fault?.kind === "reset_mid_stream" || fault?.kind === "wrong_length" && stream;
  return drops ? fault.afterTokens ?? DEFAULT_AFTER_TOKENS : Infinity;
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
