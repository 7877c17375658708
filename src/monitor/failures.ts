import { endingOf, type RequestRecord } from "../proxy/request_record.ts";
import { clipped } from "./access_line.ts";
import type { Listener } from "./listener.ts";
import { type FailureView, SHOWN_FAILURES } from "./view_tables.ts";
import { inWords } from "./words.ts";

/** The latest failed requests. */
export interface Failures {
  readonly listener: Partial<Listener>;
  /** Newest first. */
  list(): readonly FailureView[];
}

/** Whether the servers or the router failed a request: not its client. */
export function isFailed(record: Pick<RequestRecord, "outcome" | "status">): boolean {
  return record.status >= 500 || endingOf(record) === "upstream_error";
}

/** @param wallTime wall-clock time in milliseconds */
export function createFailures(wallTime: () => number): Failures {
  const failures: FailureView[] = [];
  return {
    listener: {
      closed(record) {
        if (!isFailed(record)) return;
        const { error, outcome } = record;
        failures.unshift({
          at: wallTime(),
          id: record.id,
          path: clipped(record.path.split("?")[0]!),
          model: record.model === undefined ? null : clipped(record.model),
          key: record.key ?? null,
          server: record.lastServer ?? null,
          attempts: record.attempts,
          status: record.status,
          reason: error === undefined ? inWords(outcome) : clipped(error),
        });
        if (failures.length > SHOWN_FAILURES) failures.pop();
      },
    },
    list: () => failures.slice(),
  };
}
