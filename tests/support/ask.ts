import { createConnectProbe } from "../../src/http/connect_probe.ts";
import { type FetchRequest, openFetch } from "../../src/http/fetch_upstream.ts";
import { Attempt } from "../../src/proxy/attempt/attempt.ts";
import { type Limits, watchDeadlines } from "../../src/proxy/attempt/deadlines.ts";
import {
  type FirstAnswer,
  firstAnswer,
  type FirstAnswerOptions,
} from "../../src/proxy/attempt/first_answer.ts";
import { departureOf } from "./exchange.ts";
import { limitsWith, ROOMY } from "./limits.ts";

/** One server asked once. */
export interface TestRequest extends FetchRequest {
  readonly limits?: Limits;
  readonly clientLeft?: AbortSignal;
  readonly isReachable?: (url: string, withinMs: number) => Promise<boolean>;
}

export function attemptOf(
  { limits = limitsWith(), clientLeft, isReachable = createConnectProbe(), ...request }:
    TestRequest,
): Attempt {
  return new Attempt({
    upstream: openFetch(request),
    departure: departureOf(clientLeft),
    deadlines: (onExpiry) =>
      watchDeadlines(limits, (withinMs) => isReachable(request.url, withinMs), onExpiry),
  });
}

/** Asks a server and waits for the beginning of its answer. */
export function firstAnswerTo(
  { path, reply, headFor, room = ROOMY, ...request }:
    & TestRequest
    & Omit<FirstAnswerOptions, "room">
    & { readonly room?: FirstAnswerOptions["room"] },
): Promise<FirstAnswer> {
  return firstAnswer(attemptOf(request), { path, reply, headFor, room });
}
