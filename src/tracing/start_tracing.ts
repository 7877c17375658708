import type { Tracing } from "../config/tracing_settings.ts";
import type { Fetch } from "../http/fetch.ts";
import type { Observer } from "../proxy/observer.ts";
import type { Tracer } from "../proxy/trace.ts";
import { createTracer } from "./create_tracer.ts";
import { otlpJson } from "./otlp_json.ts";
import { sendSpans } from "./send_spans.ts";
import { attributes, type Span } from "./span.ts";
import { createSpanQueue, type SpanListener } from "./span_queue.ts";

/** The tracing of a router, as its configuration asks for it. */
export interface RunningTracing {
  /** Returns the tracer of new requests, `undefined` if they aren't traced. */
  readonly tracer: () => Tracer | undefined;
  /** Applies a changed configuration. Spans of the one before are sent by it. */
  apply(tracing: Tracing | undefined): void;
  /** Sends the spans that are left, for a few seconds at most. */
  stop(): Promise<void>;
}

export interface StartTracingOptions {
  /** Sends to the collector. Called only if requests are traced. */
  readonly fetch: () => Fetch;
  readonly listener: SpanListener;
  /** The router's version. */
  readonly version: string;
}

/** Ends the span of each traced request. */
export const endTraces: Pick<Observer, "closed"> = {
  closed: (record, trace) => trace?.end(record),
};

/** How long a stopping router sends spans that are left. */
const STOP_MS = 3_000;

interface Current {
  /** The configuration, to compare with the next. */
  readonly written: string;
  readonly tracer: Tracer;
  stop(): Promise<void>;
}

/** Starts tracing requests, if the configuration asks for it. */
export function startTracing(
  first: Tracing | undefined,
  { fetch, listener, version }: StartTracingOptions,
): RunningTracing {
  const instance = crypto.randomUUID();
  const stopping = new Set<Promise<void>>();
  let current: Current | undefined;

  function start(tracing: Tracing, written: string): Current {
    const resource = attributes({
      "service.version": version,
      "service.instance.id": instance,
      ...tracing.resource,
    });
    const queue = createSpanQueue<Span>({
      most: tracing.maxQueue,
      batch: tracing.maxBatch,
      delayMs: tracing.delayMs,
      listener,
      random: Math.random,
      send: (spans, signal) =>
        sendSpans(fetch(), tracing, otlpJson(spans, resource, version), signal),
    });
    return {
      written,
      tracer: createTracer(tracing.sampler, queue.add),
      stop: () => queue.stop(STOP_MS),
    };
  }

  function leave(): void {
    if (!current) return;
    const stopped = current.stop();
    stopping.add(stopped);
    void stopped.then(() => stopping.delete(stopped));
    current = undefined;
  }

  function apply(tracing: Tracing | undefined): void {
    const written = tracing && JSON.stringify(tracing);
    if (written === current?.written) return;
    leave();
    if (tracing) current = start(tracing, written!);
  }

  apply(first);
  return {
    tracer: () => current?.tracer,
    apply,
    async stop() {
      leave();
      await Promise.all(stopping);
    },
  };
}
