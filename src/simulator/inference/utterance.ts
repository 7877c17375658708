import { hashTokens } from "../engine/token_hash.ts";
import { DEFAULT_SLOW_FACTOR, type RequestFault } from "../faults/fault.ts";
import type { ServerState } from "../server_state.ts";
import { type AnswerPlan, planAnswer } from "./answer.ts";
import { createDetokenizer } from "./detokenizer.ts";
import type { Exchange } from "./exchange.ts";
import { tokensBeforeBreak, tokensBeforeHang } from "./generation.ts";
import { tokenize } from "./tokenizer.ts";

/** A piece of audio that waits to be transcribed, or the end of an utterance. */
export type Audio = { readonly samples: number; readonly hash: number } | "end";

/** A transcription of audio that arrives piece by piece. */
export interface Utterance {
  readonly isOver: boolean;
  /** Transcribes what waits, unless a piece is being transcribed. */
  hear(): void;
}

/** 80 ms at 16 kHz, which a realtime model transcribes to one token. */
const SAMPLES_PER_TOKEN = 1280;

/**
 * Takes pieces from `waiting` and sends a `transcription.delta` for each token. At "end" it sends
 * `transcription.done` and drops what still waits.
 */
export function createUtterance(
  server: ServerState,
  exchange: Exchange,
  waiting: Audio[],
  fault: RequestFault | null,
): Utterance {
  const { engine } = server;
  const breakAfterTokens = tokensBeforeBreak(fault, true);
  const hangAfterTokens = tokensBeforeHang(fault) ?? Infinity;
  const slowdown = fault?.kind === "slow" && engine.slowdown === 1
    ? fault.factor ?? DEFAULT_SLOW_FACTOR
    : undefined;
  let isBusy = false;
  let heard = 0;
  let text = "";
  let promptTokens = 0;
  let tokens = 0;
  const send = (event: object) => exchange.stream!.events.send(JSON.stringify(event));

  function hear(): void {
    if (isBusy || exchange.settled) return;
    const audio = waiting.shift();
    if (audio === "end") return finish();
    if (audio === undefined) return;
    heard = hashTokens(heard, [audio.hash >>> 0]);
    const prompt = tokenize(`<|audio|>${heard}`);
    promptTokens ||= prompt.length;
    const length = Math.ceil(audio.samples / SAMPLES_PER_TOKEN);
    let plan: AnswerPlan;
    try {
      plan = planAnswer(prompt, { max_tokens: length, ignore_eos: true }, server);
    } catch (error) {
      return exchange.refuse(error);
    }
    const detokenizer = createDetokenizer();
    isBusy = true;
    exchange.sequences.push(engine.add({
      ...plan,
      hangAfterTokens: Math.max(0, hangAfterTokens - tokens),
      slowdown,
      onToken(token) {
        if (exchange.settled) return;
        if (tokens === breakAfterTokens) return breakOff();
        tokens++;
        const delta = detokenizer.push(token);
        text += delta;
        send({ type: "transcription.delta", delta });
      },
      onFinish() {
        isBusy = false;
        exchange.sequences.pop();
        hear();
      },
    }));
  }

  function finish(): void {
    waiting.length = 0;
    const usage = {
      prompt_tokens: promptTokens,
      total_tokens: promptTokens + tokens,
      completion_tokens: tokens,
      prompt_tokens_details: null,
      completion_tokens_details: null,
    };
    send({ type: "transcription.done", text, usage });
    exchange.settle("finished");
  }

  function breakOff(): void {
    if (fault?.kind !== "error_mid_stream") return exchange.drop();
    exchange.fail(500, "Simulated error.");
  }

  return {
    get isOver() {
      return exchange.settled;
    },
    hear,
  };
}
