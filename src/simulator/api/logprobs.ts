import { readEcho } from "./echo.ts";
import { type Logprob, logprobsOf, MAX_LOGPROBS } from "../inference/logprobs.ts";
import { detokenize } from "../inference/tokenizer.ts";
import type { Choice } from "../inference/wording.ts";
import { type Json, readCount } from "./body.ts";
import { invalidValue } from "./errors.ts";

/** Tells the logprobs of a choice's tokens from one place on, or null if nobody asks. */
export type LogprobsOf = (choice: Choice, from?: number) => Json | null;

const encoder = new TextEncoder();

/** Reads a chat's `logprobs` and `top_logprobs`. */
export function chatLogprobs(body: Json): LogprobsOf {
  const top = readTop(body, "top_logprobs") ?? 0;
  if (top > 0 && body.logprobs !== true) {
    throw invalidValue(
      "when using `top_logprobs`, `logprobs` must be set to true.",
      "top_logprobs",
      top,
    );
  }
  if (body.logprobs !== true) return () => null;
  const entry = ({ token, logprob }: Logprob) => (
    { token, logprob, bytes: [...encoder.encode(token)] }
  );
  return ({ tokens }, from = 0) => ({
    content: tokens.slice(from).map((token, index) => {
      const all = logprobsOf(token, from + index, Math.max(1, top)).map(entry);
      return { ...all[0]!, top_logprobs: all.slice(0, top) };
    }),
  });
}

/**
 * Reads a completion's `logprobs`: the number of alternatives. With `echo`, the prompt's tokens come
 * first. The first of them has no logprob, since there is nothing before it.
 */
export function completionLogprobs(body: Json): LogprobsOf {
  const top = readTop(body, "logprobs");
  if (top === undefined) return () => null;
  const echo = readEcho(body);
  const tell = (token: number, place: number) => logprobsOf(token, place, top + 1);
  return ({ prompt, tokens, texts }, from = 0) => {
    const echoed = echo !== "none" && from === 0 ? Array.from(prompt, tell) : [];
    const generated = echo === "prompt" ? [] : tokens.slice(from);
    const all = [...echoed, ...generated.map((token, index) => tell(token, from + index))];
    const isKnown = (index: number) => index > 0 || echoed.length === 0;
    let offset = texts.slice(0, from).join("").length;
    if (echo !== "none" && from > 0) offset += detokenize(prompt).length;
    return {
      text_offset: all.map(([chosen]) => {
        offset += chosen!.token.length;
        return offset - chosen!.token.length;
      }),
      token_logprobs: all.map(([chosen], index) => isKnown(index) ? chosen!.logprob : null),
      tokens: all.map(([chosen]) => chosen!.token),
      top_logprobs: all.map((tops, index) =>
        isKnown(index)
          ? Object.fromEntries(tops.map(({ token, logprob }) => [token, logprob]))
          : null
      ),
    };
  };
}

function readTop(body: Json, name: string): number | undefined {
  const top = readCount(body, name, 0);
  if (top === undefined || top <= MAX_LOGPROBS) return top;
  const message = `Requested sample logprobs of ${top}, which is greater than max allowed: ` +
    MAX_LOGPROBS;
  throw invalidValue(message, "logprobs", top);
}
