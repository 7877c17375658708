import { planAnswer } from "../inference/answer.ts";
import { parseFormBody } from "./body.ts";
import { missingField } from "./errors.ts";
import { servedModel } from "./models.ts";
import { requestId } from "../server_state.ts";
import { createStreamFrame } from "../inference/stream_frame.ts";
import type { InferenceEndpoint } from "../inference/wording.ts";

/** Uncompressed 16-bit speech at 16 kHz. */
const BYTES_PER_SECOND = 32_000;
/** Whisper encodes a 30 s window as 1500 tokens. */
const PROMPT_TOKENS_PER_SECOND = 50;
const MAX_PROMPT_TOKENS = 1500;

/** POST /v1/audio/transcriptions and /v1/audio/translations, with a multipart form. */
export const transcribe: InferenceEndpoint = (request, server) => {
  const form = parseFormBody(request);
  const file = form.get("file");
  if (file === undefined) throw missingField("file");
  const field = (name: string) => {
    const bytes = form.get(name);
    return bytes && new TextDecoder().decode(bytes);
  };
  const model = servedModel({ model: field("model") }, server.models);
  const seconds = Math.ceil(file.length / BYTES_PER_SECOND);
  const wanted = Math.max(1, seconds * PROMPT_TOKENS_PER_SECOND);
  // The prompt is derived from the audio, so the same file gets the same answer.
  const prompt = new Uint32Array(Math.min(MAX_PROMPT_TOKENS, wanted));
  prompt.set(file.subarray(0, prompt.length));
  const includeUsage = field("stream_include_usage") === "true";
  const frame = createStreamFrame({
    id: `trsc-${requestId(request, server)}`,
    object: "transcription.chunk",
    created: Math.floor(Date.now() / 1000),
    model,
  }, { stream_options: { include_usage: includeUsage } });
  return {
    stream: field("stream") === "true",
    plans: [planAnswer(prompt, {}, server)],
    wording: {
      token(send, choice, text) {
        const delta = `"delta":{"content":${JSON.stringify(text)}}`;
        send(frame.choice(choice, delta, choice.finishReason));
      },
      finish(send, choice) {
        // An aborted answer has no last token.
        if (choice.finishReason === "abort") send(frame.choice(choice, `"delta":{}`, "abort"));
      },
      end: frame.end,
      document: ([choice]) => ({
        text: choice!.text,
        usage: { type: "duration", seconds },
      }),
    },
  };
};
