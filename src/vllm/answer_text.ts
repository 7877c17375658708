import { stringAfter } from "./token_event.ts";

/** A longer answer isn't searched. */
const MOST_BYTES = 256 * 1024;
const latin1 = new TextDecoder("latin1");

/** What an answer has besides its text, which the client may not send back. */
const MORE_THAN_TEXT =
  /"(?:reasoning|reasoning_content)":"|"tool_calls":\[\{|"type":"(?:tool_use|function_call|reasoning|thinking)"/;

/**
 * Finds the text of a whole answer of `/v1/chat/completions`, `/v1/completions`, `/v1/messages` or
 * `/v1/responses`, as vLLM writes it, without parsing it. Of several choices it is the first.
 *
 * @returns the text as it stands in JSON, without the quotes; `undefined` if there is more than text
 */
export function textOfAnswer(body: Uint8Array | undefined): Uint8Array | undefined {
  if (!body || body.length > MOST_BYTES) return undefined;
  const answer = latin1.decode(body);
  if (MORE_THAN_TEXT.test(answer)) return undefined;
  const at = stringAfter(answer, '"content":"', 0) ?? stringAfter(answer, '"text":"', 0);
  return at && body.subarray(...at);
}
