import { startSimulator } from "../../../src/simulator/simulator.ts";
import { eventChunk } from "./event.ts";

const ANSWER_BYTES = 1024;
const encoder = new TextEncoder();

/** An answer of 1 KB to a chat request without `stream`. */
export const ANSWER = response("200 OK", "application/json", chatAnswer());
export const NOT_FOUND = response("404 Not Found", "application/json", '{"detail":"Not Found"}');
const STREAM_HEAD =
  "HTTP/1.1 200 OK\r\nserver: uvicorn\r\ncontent-type: text/event-stream; charset=utf-8\r\n" +
  "transfer-encoding: chunked\r\n\r\n";

/** The page of an idle vLLM 0.32.0, as it was read. */
export const VLLM_METRICS = new URL("vllm_metrics.txt", import.meta.url);

/** Returns a page of plain text as a whole response. */
export function page(text: string): Uint8Array {
  return response("200 OK", "text/plain; charset=utf-8", text);
}

/** Returns a stream's head and first event. */
export function beginningOfStream(): Uint8Array {
  return encoder.encode(STREAM_HEAD + eventChunk(performance.timeOrigin + performance.now()));
}

/** Returns the pages of an idle simulated vLLM server as whole responses, by path. */
export async function readPages(): Promise<Map<string, Uint8Array>> {
  await using simulator = await startSimulator();
  const pages = new Map<string, Uint8Array>();
  for (const path of ["/health", "/v1/models", "/metrics", "/version"]) {
    const answer = await fetch(simulator.url + path);
    const type = answer.headers.get("content-type") ?? "text/plain";
    pages.set(path, response("200 OK", type, await answer.text()));
  }
  return pages;
}

function response(status: string, type: string, body: string): Uint8Array {
  return encoder.encode(
    `HTTP/1.1 ${status}\r\nserver: uvicorn\r\ncontent-type: ${type}\r\n` +
      `content-length: ${encoder.encode(body).length}\r\n\r\n${body}`,
  );
}

function chatAnswer(): string {
  const withContent = (content: string) =>
    JSON.stringify({
      id: "chatcmpl-9b51191bad49090c",
      object: "chat.completion",
      created: 1795826416,
      model: "simulated-model",
      choices: [{
        index: 0,
        message: { role: "assistant", content },
        logprobs: null,
        finish_reason: "length",
      }],
      usage: { prompt_tokens: 8, total_tokens: 40, completion_tokens: 32 },
    });
  return withContent("word ".repeat(ANSWER_BYTES).slice(0, ANSWER_BYTES - withContent("").length));
}
