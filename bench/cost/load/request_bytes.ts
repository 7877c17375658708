import { AUTHORIZED } from "../proxies/keys.ts";

/** A chat request of the load. */
export interface ChatRequest {
  /** @default "/v1/chat/completions" */
  readonly path?: string;
  /** Headers besides the usual ones and the key. @default none */
  readonly headers?: Readonly<Record<string, string>>;
  /** Length of the prompt in bytes. @default 32 */
  readonly promptBytes?: number;
  /** @default false */
  readonly stream?: boolean;
  /** Makes prompts differ. @default 0 */
  readonly variant?: number;
}

/** The share of a prompt that all variants begin with, as a system prompt would be. */
const COMMON = 0.25;
const WORDS =
  "sea way light stone over river find house long north wind paper seven bridge open market"
    .split(" ");
const encoder = new TextEncoder();

/** Returns a chat request as bytes. */
export function requestBytes(
  { path = "/v1/chat/completions", headers = {}, promptBytes = 32, stream = false, variant = 0 }:
    ChatRequest,
): Uint8Array {
  const body = JSON.stringify({
    model: "simulated-model",
    messages: [{ role: "user", content: promptOf(promptBytes, variant) }],
    max_tokens: 32,
    stream,
  });
  return encoder.encode(
    [
      `POST ${path} HTTP/1.1`,
      "host: 127.0.0.1",
      "user-agent: bench",
      "accept: application/json",
      "content-type: application/json",
      ...Object.entries({ ...AUTHORIZED, ...headers }).map(([name, value]) => `${name}: ${value}`),
      `content-length: ${body.length}`,
      "",
      body,
    ].join("\r\n"),
  );
}

/** Returns words of ASCII letters, `bytes` long. Variants differ after the common beginning. */
export function promptOf(bytes: number, variant: number): string {
  let text = "";
  let state = 1;
  let isCommon = true;
  while (text.length < bytes) {
    if (isCommon && text.length >= COMMON * bytes) {
      isCommon = false;
      state = variant + 2;
    }
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    text += `${WORDS[state >>> 28]} `;
  }
  return text.slice(0, bytes);
}
