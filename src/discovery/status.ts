import type { Duplicate } from "./merge.ts";

/** What is known of a source. */
export interface SourceStatus {
  /** Its display name. */
  readonly name: string;
  /** Number of servers or routers. `undefined` until it has reported. */
  readonly servers: number | undefined;
  /** Why it can't be read, and since when, in monotonic milliseconds; `undefined` if it can. */
  readonly failure: { readonly reason: string; readonly since: number } | undefined;
}

/** A change of a source's servers. */
export interface SourceChange {
  /** The source's name. */
  readonly source: string;
  /** Number of servers or routers that it has now. */
  readonly servers: number;
  /** How many of them are new. */
  readonly added: number;
  /** How many it had that it doesn't have any more. */
  readonly removed: number;
  /** What it has. @default "server" */
  readonly of?: "router";
}

/** Receives what happens to sources. */
export interface SourceEvents {
  /** A source has other servers than before, or has been read for the first time. */
  readonly sourceChanged: (change: SourceChange) => void;
  /** A source can't be read, or the reason has changed. What it has stays. */
  readonly sourceFailed: (source: string, reason: string) => void;
  /** A source that could not be read can be read again. */
  readonly sourceRecovered: (source: string) => void;
  /** Part of what a source has is left out. Called once for each text. */
  readonly sourceWarned?: ((source: string, text: string) => void) | undefined;
  /** Two places name the same server. Called once. */
  readonly serverNamedTwice: (duplicate: Duplicate) => void;
}

/** A source as listeners know it. */
export interface Shown {
  /** What is known of it. */
  readonly status: SourceStatus;
  /** The addresses of its servers; `undefined` as long as it has reported none. */
  readonly urls: ReadonlySet<string> | undefined;
}

/** Tells what has changed of a source, if anything. */
export function tellChange(
  { status: { name, failure }, urls }: Shown,
  before: Shown,
  listener: Omit<SourceEvents, "serverNamedTwice" | "sourceWarned">,
): void {
  if (urls && urls !== before.urls) {
    const added = [...urls].filter((url) => !before.urls?.has(url)).length;
    const removed = [...before.urls ?? []].filter((url) => !urls.has(url)).length;
    if (!before.urls || added + removed > 0) {
      listener.sourceChanged({ source: name, servers: urls.size, added, removed });
    }
  }
  if (failure?.reason === before.status.failure?.reason) return;
  if (failure) listener.sourceFailed(name, failure.reason);
  else listener.sourceRecovered(name);
}
