import type { Said } from "./answer.ts";
import type { Asking } from "./asking.ts";
import { type Got, PATIENCE_MS } from "./client.ts";
import type { Span } from "./schedule.ts";
import type { Attempt } from "./servers.ts";

/** The result of a request, as the report counts it. */
export type Fate =
  /** Answered to its end, with all its tokens. */
  | "answered"
  /** The request was a client error, and was answered as one. */
  | "client error"
  /** The client disconnected. */
  | "left"
  /** The answer began and its server broke it off; the client was informed. */
  | "broken"
  /** Every server fails on the request; the client was informed. */
  | "poisonous"
  /** Its router was killed, and with it the connection to the client. */
  | "lost with its router"
  /** Not answered while all servers were out. */
  | "refused while all out"
  /** Not answered, although a server was available that could have answered. */
  | "lost"
  /** Answered incorrectly. */
  | "wrong";

/** A request with everything known about it. */
export interface Case {
  readonly asking: Asking;
  readonly got: Got;
  readonly said: Said;
  /** The attempts as servers saw them. */
  readonly attempts: readonly Attempt[];
  /** What its router went through meanwhile. */
  readonly router: "killed" | "frozen" | undefined;
}

/** What a verdict depends on besides the request. Spans are on the clock of `performance.now`. */
export interface Circumstances {
  /** Returns the complete text of the answer to a request. */
  textOf(asking: Asking): string;
  /** Whether a server had trouble that breaks streams at any moment of a span. */
  breaksStreams(server: number, span: Span): boolean;
  /** From the first server going out to the last one coming back. */
  readonly allOut: Span | undefined;
  /** The part of `allOut` in which the router knows that all servers are out. */
  readonly allOutKnown: Span | undefined;
}

/** The result of a request, and what is wrong with it. */
export interface Verdict {
  readonly fate: Fate;
  readonly problem: string | undefined;
}

/** The limit for the router's own answers, which need no server and so arrive at once. */
const AT_ONCE_MS = 500;

const fared = (fate: Fate, problem?: string): Verdict => ({ fate, problem });

const aborted = fared("wrong", "an answer that its server aborted ended as if it were whole");

/** Judges one request. */
export function judge(one: Case, circumstances: Circumstances): Verdict {
  const { asking, got, said } = one;
  if (said.text !== "") {
    const problem = foreignTokens(one, circumstances);
    if (problem) return fared("wrong", problem);
  }
  if (got.ended === "left") return fared("left");
  if (got.ended === "given up") return fared("lost", `no end within ${PATIENCE_MS / 1000} s`);
  if (one.router === "killed" && got.ended === "broken") return fared("lost with its router");
  const span = { from: got.sentAt, to: got.endedAt };
  const { allOut, allOutKnown } = circumstances;
  if (got.status === undefined) return fared("lost", "the connection broke without an answer");
  if (asking.error?.includes(got.status) && got.ended === "clean") return fared("client error");
  if (asking.poison) return judgePoison(one);
  if (allOut && overlap(span, allOut) && said.text === "" && !isComplete(one, circumstances)) {
    const known = allOutKnown && within(span, allOutKnown);
    return fared("refused while all out", known ? noRefusal(one) : undefined);
  }
  if (got.status !== 200) return fared("lost", `status ${got.status}: ${said.error?.message}`);
  if (asking.error !== undefined) {
    return fared("wrong", `200 in place of ${asking.error.join(" or ")}`);
  }
  return asking.stream ? judgeStream(one, circumstances, span) : judgeDocument(one, circumstances);
}

/** Judges a poisonous request, which can only get an error; a stream's head may precede it. */
function judgePoison({ got, said }: Case): Verdict {
  const told = got.status! >= 500 || got.status === 429 ||
    got.status === 200 && said.text === "" && said.error;
  return told ? fared("poisonous") : fared("wrong", `status ${got.status} to a poisonous request`);
}

function judgeStream(one: Case, circumstances: Circumstances, span: Span): Verdict {
  const { got, said } = one;
  if (said.garbage) return fared("wrong", "events that are no JSON");
  if (got.ended === "clean") {
    if (isComplete(one, circumstances)) return fared("answered");
    if (said.finishReason === "abort") return aborted;
    if (said.text === "") return fared("lost", "a stream without a token");
    // An error event from the server itself ends its stream cleanly.
    if (said.error === undefined) return fared("wrong", "a stream that isn't whole ended cleanly");
  }
  if (said.text === "") return fared("lost", "a stream broke before its first token");
  const isBroken = got.ended !== "clean";
  if (isBroken && said.done) return fared("wrong", "a broken stream with [DONE]");
  if (said.error === undefined) return fared("wrong", "a stream broke without an error event");
  const { allOut } = circumstances;
  if (one.asking.isContinuable && !(allOut && overlap(span, allOut))) {
    return fared("wrong", "a stream broke that another server could have gone on with");
  }
  const last = one.attempts.at(-1);
  return last && circumstances.breaksStreams(last.server, span)
    ? fared("broken")
    : fared("wrong", "a stream broke though nothing was wrong with its server");
}

function judgeDocument(one: Case, circumstances: Circumstances): Verdict {
  const { got, said } = one;
  if (got.ended === "broken") return fared("lost", "the answer broke off");
  if (isComplete(one, circumstances)) return fared("answered");
  if (said.finishReason === "abort") return aborted;
  return fared("wrong", "a document that isn't whole");
}

/** Whether the answer contains everything that was requested. */
function isComplete({ asking, got, said }: Case, { textOf }: Circumstances): boolean {
  return got.status === 200 && got.ended === "clean" && said.done && said.error === undefined &&
    said.finishReason === "length" && said.text === textOf(asking);
}

/** Describes the problem if the tokens are not those of the answer, in order, as one answer. */
function foreignTokens({ asking, said, attempts }: Case, { textOf }: Circumstances) {
  if (said.ids.length !== 1) return `events of ${said.ids.length} answers in one`;
  const [id] = said.ids;
  const attempt = attempts.find((attempt) => id === `chatcmpl-${attempt.id}`);
  if (!attempt) return `an answer that no server gave: ${id}`;
  return textOf(asking).startsWith(said.text)
    ? undefined
    : "tokens that are not those of the answer";
}

/** Describes what is wrong with an answer given while all servers are known to be out. */
function noRefusal({ got, said }: Case): string | undefined {
  const ms = Math.round(got.endedAt - got.sentAt);
  if (got.status !== 503) return `status ${got.status} while all were out`;
  if (!(Number(got.headers.get("retry-after")) >= 1)) return "503 without Retry-After";
  if (said.error?.code !== "no_server_available") return "503 that is not in OpenAI's shape";
  return ms > AT_ONCE_MS ? `503 only after ${ms} ms` : undefined;
}

function overlap(a: Span, b: Span): boolean {
  return a.from <= b.to && b.from <= a.to;
}

function within(inner: Span, outer: Span): boolean {
  return inner.from >= outer.from && inner.to <= outer.to;
}
