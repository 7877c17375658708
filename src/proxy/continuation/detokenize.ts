import type { Server } from "../../fleet/state/server.ts";
import type { ClientPool } from "../../http/client_pool.ts";
import { startTimer, stopTimer } from "../../util/timers.ts";
import { concat } from "../../util/bytes.ts";
import { headersForAttempt } from "../headers.ts";

const PATH = "/detokenize";
const TIMEOUT_MS = 5_000;
/** Far longer than the text of any answer's last tokens. */
const MOST_BYTES = 1024 * 1024;

/** Asks a server for the text of token ids; `undefined` if it doesn't tell. */
export async function detokenize(
  connections: ClientPool,
  server: Server["config"],
  model: unknown,
  tokens: readonly number[],
): Promise<string | undefined> {
  const body = new TextEncoder().encode(JSON.stringify({ model, tokens }));
  const headers = headersForAttempt(
    [["content-type", "application/json"]],
    crypto.randomUUID(),
    server.apiKey,
  );
  const upstream = connections.open(server, { path: PATH, headers, body });
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
    const { prompt } = JSON.parse(new TextDecoder().decode(concat(chunks)));
    return status === 200 && typeof prompt === "string" ? prompt : undefined;
  } catch {
    upstream.close();
    return undefined;
  } finally {
    stopTimer(timer);
  }
}
