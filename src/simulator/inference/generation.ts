import { errorType, RequestError } from "../api/errors.ts";
import type { Exchange } from "./exchange.ts";
import { DEFAULT_AFTER_TOKENS, DEFAULT_SLOW_FACTOR, type RequestFault } from "../faults/fault.ts";
import type { ServerState } from "../server_state.ts";
import { EVENT_STREAM } from "../faults/stream_manner.ts";
import { createDetokenizer } from "./detokenizer.ts";
import type { Choice, Inference } from "./wording.ts";

const DONE = "data: [DONE]\n\n";

/** Adds a request's sequences to the engine and writes what they generate as the answer. */
export function generate(
  { engine, faults }: ServerState,
  exchange: Exchange,
  inference: Inference,
  fault: RequestFault | null,
): void {
  const { sequences, response, stream } = exchange;
  const { plans, wording } = inference;
  const hangAfterTokens = tokensBeforeHang(fault);
  const breakAfterTokens = tokensBeforeBreak(fault, inference.stream);
  // A fault that hits all requests already slows the engine; do not slow each request again.
  const slowdown = fault?.kind === "slow" && engine.slowdown === 1
    ? fault.factor ?? DEFAULT_SLOW_FACTOR
    : undefined;
  const choices = plans.map(({ prompt }, index): Choice => ({
    index,
    prompt,
    tokens: [],
    texts: [],
    text: "",
    cachedTokens: 0,
    finishReason: null,
    stopReason: null,
    forgotten: false,
  }));
  const send = (event: string) => stream?.events.send(event);
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
    if (!stream) {
      const headers = fault?.kind === "document_as_events" ? EVENT_STREAM : {};
      return response.json(200, wording.document(choices), headers);
    }
    wording.end?.(send, choices);
    stream.events.end();
  }

  function breakOff(): void {
    if (fault?.kind !== "error_mid_stream") return exchange.drop();
    exchange.settle("failed");
    const error = new RequestError(500, errorType(500), "Simulated error.");
    send(stream!.failure(error)?.replace(DONE, "") ?? "");
    stream!.events.end();
  }

  plans.forEach((plan, index) => {
    const choice = choices[index]!;
    const detokenizer = createDetokenizer();
    let decoded = "";
    /** Returns the text that may be seen now. */
    const see = (isOver: boolean) => {
      const end = isOver ? decoded.length : Math.max(0, decoded.length - plan.heldBack);
      const text = decoded.slice(choice.text.length, Math.min(end, plan.stop?.at ?? Infinity));
      choice.text += text;
      return text;
    };
    sequences.push(engine.add({
      ...plan,
      hangAfterTokens,
      slowdown,
      onToken(token) {
        if (exchange.settled) return;
        if (sentTokens === breakAfterTokens) return breakOff();
        start();
        sentTokens++;
        choice.tokens.push(token);
        decoded += detokenizer.push(token);
        const isOver = choice.tokens.length === plan.length;
        if (isOver) {
          decoded += detokenizer.flush();
          choice.finishReason = plan.lengthReason;
          choice.stopReason = plan.stop?.reason ?? null;
        }
        const text = see(isOver);
        choice.texts.push(text);
        if (stream) wording.token?.(send, choice, text);
      },
      onFinish(reason) {
        if (exchange.settled) return;
        if (breakAfterTokens < Infinity) return breakOff();
        choice.finishReason = reason;
        choice.forgotten = faults.current?.kind === "terminated" &&
          sequences[index]!.admittedAtMs === null;
        start();
        choice.cachedTokens = sequences[index]!.cachedTokens ?? 0;
        if (stream) wording.finish?.(send, choice);
        if (--unfinished === 0) finish();
      },
    }));
  });
  if (plans.length === 0 && hangAfterTokens === undefined) finish();
}

/** Returns the number of tokens after which the answer breaks off, or Infinity. */
export function tokensBeforeBreak(fault: RequestFault | null, stream: boolean): number {
  const breaks = fault?.kind === "reset_mid_stream" ||
    (fault?.kind === "wrong_length" || fault?.kind === "error_mid_stream") && stream;
  return breaks ? fault.afterTokens ?? DEFAULT_AFTER_TOKENS : Infinity;
}

/** Returns the number of tokens after which the request hangs, or undefined. */
export function tokensBeforeHang(fault: RequestFault | null): number | undefined {
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
