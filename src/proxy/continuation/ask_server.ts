import type { Server } from "../../fleet/state/server.ts";
import type { ClientPool } from "../../http/client_pool.ts";
import { startTimer, stopTimer } from "../../util/timers.ts";
import { concat } from "../../util/bytes.ts";
import { headersForAttempt } from "../headers.ts";

type Json = Record<string, unknown>;

const TIMEOUT_MS = 5_000;
/** Far longer than the token ids of any prompt that is kept. */
const MOST_BYTES = 16 * 1024 * 1024;

/** Asks one server a question that a continuation needs; `undefined` if it gives no answer. */
export type AskServer = (path: string, body: Json) => Promise<Json | undefined>;

export function createAskServer(connections: ClientPool, server: Server["config"]): AskServer {
  return async (path, body) => {
    const headers = headersForAttempt(
      [["content-type", "application/json"]],
      crypto.randomUUID(),
      server.apiKey,
    );
    const bytes = new TextEncoder().encode(JSON.stringify(body));
    const upstream = connections.open(server, { path, headers, body: bytes });
    const timer = startTimer(() => upstream.close(), TIMEOUT_MS);
    try {
      const { status } = await upstream.head();
      const chunks: Uint8Array<ArrayBuffer>[] = [];
      let size = 0;
      for (let chunk = await upstream.read(); chunk; chunk = await upstream.read()) {
        chunks.push(chunk.slice());
        size += chunk.length;
        if (size > MOST_BYTES) throw new Error("the answer is too long");
      }
      const answer: unknown = JSON.parse(new TextDecoder().decode(concat(chunks)));
      return status === 200 && typeof answer === "object" && answer ? answer as Json : undefined;
    } catch {
      upstream.close();
      return undefined;
    } finally {
      stopTimer(timer);
    }
  };
}

/** Returns the text of token ids; `undefined` if the server doesn't tell. */
export async function detokenize(
  ask: AskServer,
  model: unknown,
  tokens: readonly number[],
): Promise<string | undefined> {
  const { prompt } = await ask("/detokenize", { model, tokens }) ?? {};
  return typeof prompt === "string" ? prompt : undefined;
}

/** Whether a value from a server is a list of token ids. */
export function isIds(value: unknown): value is readonly number[] {
  return Array.isArray(value) && value.every((id) => Number.isSafeInteger(id) && id >= 0);
}
