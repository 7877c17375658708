import { hashOf } from "../config/key_hash.ts";
import { MOST_ROUTERS } from "../config/peers_schema.ts";
import type { SharedLimits } from "../auth/shared_limits.ts";
import type { PeerClaims } from "../fleet/peers/claims.ts";
import { parseLine, PEER_VERSION } from "./words.ts";
import { HASHING } from "../fleet/estimate/prompt_profile.ts";
import { monotonicMs } from "../util/clock.ts";
import { type Lines, readLines } from "./lines.ts";
import { INSTANCE_HEADER, LINKED_HEADER } from "./status.ts";

/** Receives the events of peers. */
export interface Hearing {
  /** Answers a peer's request, and goes on to read events from its body. */
  answer(request: Request, address: string): Promise<Response>;
  /** Whether the events of this start of a peer count now. */
  hears(instance: string): boolean;
  /** Closes the connections of peers that are silent, and forgets their requests. */
  check(): void;
  /** Closes all connections, and forgets the requests of all peers. */
  close(): void;
}

/** What hearing depends on. */
export interface HearingOptions {
  /** Identifies this start of the router. */
  readonly instance: string;
  /** Returns the key that peers must present; `undefined` if none. */
  readonly key: () => string | undefined;
  readonly join: () => PeerClaims;
  /** Begins to count what a peer, in its current start, has spent of limits. */
  readonly joinLimits: SharedLimits["join"];
  /** Forgets requests that a peer claims but the servers' metrics refute. */
  readonly compare: (claims: PeerClaims) => void;
}

/** A peer whose events count. */
interface Speaker {
  readonly claims: PeerClaims;
  readonly limits: ReturnType<SharedLimits["join"]>;
  heardAt: number;
  /** Closes its connection. */
  readonly close: () => void;
}

/** After this much silence, a peer's requests no longer count. */
const SILENT_MS = 1_000;
const HELLO_MS = 5_000;
/** An event stream's comment. */
const ALIVE = new TextEncoder().encode(":\n\n");

/** Creates it. */
export function createHearing(options: HearingOptions): Hearing {
  const { instance, key, join, joinLimits, compare } = options;
  const speakers = new Map<string, Speaker>();
  let closings = 0;
  const isKey = (request: Request, expected: string) => {
    const [, shown] = /^Bearer (\S+)$/.exec(request.headers.get("authorization") ?? "") ?? [];
    return shown !== undefined && hashOf(shown) === hashOf(expected);
  };

  /** Whether the sender reaches this router at another address already. */
  const isLinked = ({ headers }: Request) =>
    headers.get(LINKED_HEADER)?.split(",").includes(instance) ?? false;

  function silence(name: string, speaker: Speaker): void {
    if (speakers.get(name) === speaker) {
      speakers.delete(name);
      speaker.limits.drop();
    }
    speaker.claims.drop();
    speaker.close();
  }

  /** Reads lines until the connection ends. */
  async function listen(
    name: string,
    speaker: Speaker,
    lines: Lines,
    alive: () => void,
  ): Promise<void> {
    try {
      for (let line; (line = await lines.next()) !== undefined;) {
        if (speakers.get(name) !== speaker) return;
        const words = parseLine(line);
        if (!words) return;
        const now = monotonicMs();
        speaker.heardAt = now;
        if ("hello" in words) {
          speaker.claims.drop();
          speaker.limits.drop();
        } else if ("spent" in words) speaker.limits.hear(words.spent, now);
        else if (words.events.length > 0) speaker.claims.hear(words.events, now);
        else alive();
      }
    } catch {
      // The connection broke.
    } finally {
      silence(name, speaker);
    }
  }

  return {
    async answer(request, address) {
      // Without a key, a page in a browser on this machine could send anything.
      if (request.headers.has("origin")) return refuse(403);
      const expected = key();
      if (expected === undefined ? !isLoopback(address) : !isKey(request, expected)) {
        return refuse(expected === undefined ? 403 : 401);
      }
      if (!request.body) return refuse(400);
      const lines = readLines(request.body);
      const before = closings;
      const late = setTimeout(lines.cancel, HELLO_MS);
      const first = await lines.next().catch(() => undefined);
      clearTimeout(late);
      const end = (status: number) => {
        lines.cancel();
        return refuse(status);
      };
      // The key may have changed since the request arrived.
      if (closings !== before) return end(401);
      const words = first === undefined ? undefined : parseLine(first);
      if (!words || !("hello" in words)) return end(400);
      const { hello } = words;
      if (hello.version !== PEER_VERSION || hello.hashing !== HASHING) return end(426);
      if (hello.instance === instance || isLinked(request)) return end(409);
      const known = speakers.get(hello.instance);
      if (known) silence(hello.instance, known);
      if (speakers.size >= MOST_ROUTERS) return end(503);
      let answer: ReadableStreamDefaultController<Uint8Array> | undefined;
      const body = new ReadableStream<Uint8Array>({
        start: (controller) => void (answer = controller),
        cancel: () => void (answer = undefined),
      });
      const speaker: Speaker = {
        claims: join(),
        limits: joinLimits(hello.instance),
        heardAt: monotonicMs(),
        close() {
          answer?.close();
          answer = undefined;
          lines.cancel();
        },
      };
      speakers.set(hello.instance, speaker);
      void listen(hello.instance, speaker, lines, () => {
        if (answer && answer.desiredSize! > 0) answer.enqueue(ALIVE);
      });
      return new Response(body, {
        headers: { "content-type": "text/event-stream", [INSTANCE_HEADER]: instance },
      });
    },
    hears: (name) => speakers.has(name),
    check() {
      const now = monotonicMs();
      for (const [name, speaker] of speakers) {
        if (now - speaker.heardAt > SILENT_MS) silence(name, speaker);
        else compare(speaker.claims);
      }
    },
    close() {
      closings++;
      for (const [name, speaker] of speakers) silence(name, speaker);
    },
  };
}

function isLoopback(address: string): boolean {
  return address === "::1" || /^(::ffff:)?127\./.test(address);
}

function refuse(status: number): Response {
  return new Response(null, { status });
}
