import type { Tracing } from "../config/tracing_settings.ts";
import type { Observer } from "../proxy/observer.ts";
import type { Tracer } from "../proxy/trace.ts";
import { createTracer } from "./create_tracer.ts";
import { otlpRequest } from "./otlp_request.ts";
import { type Connect, sendSpans } from "./send_spans.ts";
import { attributes } from "./span.ts";
import { createSpanQueue, type SpanListener } from "./span_queue.ts";

/** The part of a configuration that tracing depends on. */
export interface TracingConfig {
  readonly tracing?: Tracing;
  readonly settings: { readonly sessionHeader: string };
}

/** The tracing of a router, as its configuration asks for it. */
export interface RunningTracing {
  /** Returns the tracer of new requests, `undefined` if they aren't traced. */
  readonly tracer: () => Tracer | undefined;
  /** Applies a changed configuration. Spans that wait go to its collector, if it names one. */
  update(config: TracingConfig): void;
  /** Sends the spans that are left, for a few seconds at most. */
  stop(): Promise<void>;
}

export interface StartTracingOptions {
  /** Returns the connections to the collector. Called only if requests are traced. */
  readonly connect: Connect;
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

/** Starts tracing requests, if the configuration asks for it. */
export function startTracing(
  first: TracingConfig,
  { connect, listener, version }: StartTracingOptions,
): RunningTracing {
  const instance = crypto.randomUUID();
  /** The latest that named a collector: it gets what is left once tracing is switched off. */
  let latest: Tracing;
  let tracer: Tracer | undefined;
  const queue = createSpanQueue({
    limits: () => latest,
    listener,
    random: Math.random,
    send(spans, signal) {
      const resource = attributes({
        "service.version": version,
        "service.instance.id": instance,
        ...latest.resource,
      });
      const request = otlpRequest(latest.protocol, spans, resource, version);
      return sendSpans(connect, latest, request, signal);
    },
  });

  function update({ tracing, settings }: TracingConfig): void {
    if (tracing) latest = tracing;
    tracer = tracing && createTracer(tracing.sampler, settings.sessionHeader, queue.add);
  }

  update(first);
  return {
    tracer: () => tracer,
    update,
    stop: () => queue.stop(STOP_MS),
  };
}
