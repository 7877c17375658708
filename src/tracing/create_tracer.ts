import type { Sampler } from "../config/tracing_settings.ts";
import type { Trace, Tracer } from "../proxy/trace.ts";
import { describeAttempt } from "./attempt_span.ts";
import { newSpanId, newTraceId } from "./ids.ts";
import { describeRequest } from "./request_span.ts";
import { isSampled } from "./sampler.ts";
import type { Span } from "./span.ts";
import { parentIn, traceparent } from "./trace_context.ts";

/** Takes a span that has ended. `make` makes it, if it is wanted. */
export type OnSpan = (make: () => Span) => void;

/** Headers whose values are no id of a session, even if they keep its requests together. */
const SECRET = /auth|key|token|secret|cookie/i;

/**
 * Creates the tracer of all requests. A trace that isn't sampled costs its ids and headers only.
 *
 * @param sessionHeader the header that names a client's session
 * @param onSpan called at the end of each span of a sampled trace
 */
export function createTracer(sampler: Sampler, sessionHeader: string, onSpan: OnSpan): Tracer {
  const namesSession = !SECRET.test(sessionHeader);
  return (headers) => {
    const parent = parentIn(headers);
    const id = parent?.traceId ?? newTraceId();
    const state = parent?.state ?? "";
    const sampled = isSampled(sampler, parent, id);
    const headersOf = (spanId: string): [string, string][] => {
      const own: [string, string] = ["traceparent", traceparent(id, spanId, sampled)];
      return state === "" ? [own] : [own, ["tracestate", state]];
    };
    if (sampled) {
      const session = namesSession ? headers.get(sessionHeader) : null;
      return sampledTrace({ id, parentId: parent?.spanId, state, session, headersOf, onSpan });
    }
    return {
      id,
      isSampled: false,
      attempt: () => ({ headers: headersOf(newSpanId()) }),
      end: () => {},
    };
  };
}

interface TraceOptions {
  readonly id: string;
  readonly parentId: string | undefined;
  readonly state: string;
  readonly session: string | null;
  /** Returns the headers for a server whose attempt has this span id. */
  readonly headersOf: (spanId: string) => readonly [string, string][];
  readonly onSpan: OnSpan;
}

function sampledTrace(options: TraceOptions): Trace {
  const { id, parentId, state, session, headersOf, onSpan } = options;
  const spanId = newSpanId();
  const startedAt = performance.now();
  // One reading of the wall clock, so that the spans fit together if it is set meanwhile.
  const wallMs = Date.now() - startedAt;
  let attempts = 0;
  const common = { traceId: id, state } as const;
  return {
    id,
    isSampled: true,
    attempt(lease, isContinuation) {
      const own = newSpanId();
      const number = ++attempts;
      const attemptedAt = performance.now();
      let status: number | undefined;
      let firstTokenMs: number | undefined;
      lease.onEnded = (outcome, details) => {
        const ended = { outcome, details, status, firstTokenMs };
        onSpan(() => ({
          ...common,
          ...describeAttempt({ lease, number, isContinuation, ...ended }),
          spanId: own,
          parentId: spanId,
          isParentRemote: false,
          kind: "client",
          startMs: wallMs + attemptedAt,
          endMs: wallMs + performance.now(),
        }));
      };
      return {
        headers: headersOf(own),
        answered(received, isStream) {
          status = received;
          if (isStream) firstTokenMs = performance.now() - attemptedAt;
        },
      };
    },
    end(record) {
      onSpan(() => ({
        ...common,
        ...describeRequest(record, session),
        spanId,
        parentId,
        isParentRemote: true,
        kind: "server",
        startMs: wallMs + startedAt,
        endMs: wallMs + performance.now(),
      }));
    },
  };
}
