import { hashTokens } from "../engine/token_hash.ts";
import { strikeEarly, strikesEarly } from "../faults/early_faults.ts";
import type { HttpRequest } from "../http/http_request.ts";
import type { HttpResponse } from "../http/http_response.ts";
import { acceptWebSocket } from "../http/websocket.ts";
import { Exchange } from "../inference/exchange.ts";
import { type Audio, createUtterance, type Utterance } from "../inference/utterance.ts";
import type { ServerState } from "../server_state.ts";
import { isObject, type Json } from "./body.ts";

/** Pieces of audio that may wait; a client that sends more gets an error for each. */
const MAX_WAITING = 10_000;
/** Samples of one piece, in units of 2^20, as with VLLM_MAX_AUDIO_CLIP_FILESIZE_MB. */
const MAX_SAMPLES = 25 * 2 ** 20;

/**
 * WebSocket /v1/realtime: transcribes PCM16 audio at 16 kHz. `session.update` names the model,
 * `input_audio_buffer.append` brings audio, `input_audio_buffer.commit` starts a transcription, and
 * with `final` ends it. A fault hits the handshake or the session's transcriptions.
 */
export function serveRealtime(
  server: ServerState,
  request: HttpRequest,
  response: HttpResponse,
): void {
  const trouble = server.faults.current?.kind;
  if (trouble === "terminated") return response.drop();
  const fault = server.faults.strike(request.reused);
  if (fault?.kind === "hang_before_head") return;
  if (fault && strikesEarly(fault)) {
    return void strikeEarly(new Exchange(server, request, response), fault);
  }
  const waiting: Audio[] = [];
  let isModelKnown = false;
  let utterance: Utterance | undefined;

  const socket = acceptWebSocket(request, response, (text) => {
    let event: unknown;
    try {
      event = JSON.parse(text);
    } catch {
      return fail("Invalid JSON", "invalid_json");
    }
    if (!isObject(event)) return fail("Expected an event.", "processing_error");
    handle(event);
  });
  // A WebSocket route doesn't match a plain request.
  if (!socket) return response.json(404, { detail: "Not Found" });
  const send = (event: Json) => socket.send(JSON.stringify(event));
  const fail = (error: string, code: string) => send({ type: "error", error, code });

  function handle(event: Json): void {
    switch (event.type) {
      case "session.update":
        return useModel(event.model ?? undefined);
      case "input_audio_buffer.append":
        return append(event);
      case "input_audio_buffer.commit":
        return commit(event.final === true);
      default:
        return fail(`Unknown event type: ${event.type ?? "None"}`, "unknown_event");
    }
  }

  function useModel(model: unknown): void {
    if (model === undefined) return fail("Missing required field: model", "invalid_event");
    if (!server.models.includes(String(model))) {
      return fail(`The model \`${model}\` does not exist.`, "model_not_found");
    }
    isModelKnown = true;
  }

  function append({ audio }: Json): void {
    if (typeof audio !== "string") {
      const message = "1 validation error for InputAudioBufferAppend\naudio\n  " +
        (audio === undefined ? "Field required" : "Input should be a valid string");
      return fail(message, "processing_error");
    }
    const bytes = decodeBase64(audio);
    const samples = (bytes?.length ?? 0) / 2;
    const isUsable = Number.isInteger(samples) && samples > 0 && samples <= MAX_SAMPLES;
    if (!bytes || !isUsable || waiting.length >= MAX_WAITING) {
      return fail("Invalid audio data", "invalid_audio");
    }
    waiting.push({ samples, hash: hashTokens(0, bytes) });
    utterance?.hear();
  }

  function commit(isFinal: boolean): void {
    if (!isModelKnown) {
      const message = "Model not validated. Make sure to validate the model by sending a " +
        "session.update event.";
      return fail(message, "model_not_validated");
    }
    if (isFinal) {
      if (waiting.length < MAX_WAITING) waiting.push("end");
      return utterance?.hear();
    }
    if (utterance && !utterance.isOver) return;
    const exchange = new Exchange(server, request, response);
    exchange.stream = {
      events: { send: socket!.send, end: () => {} },
      failure: ({ message: error }) =>
        JSON.stringify({ type: "error", error, code: "processing_error" }),
    };
    utterance = createUtterance(server, exchange, waiting, fault);
    utterance.hear();
  }

  send({
    type: "session.created",
    id: `sess-${server.createId()}`,
    created: Math.floor(Date.now() / 1000),
  });
}

function decodeBase64(text: string): Uint8Array | undefined {
  try {
    return Uint8Array.from(atob(text), (char) => char.charCodeAt(0));
  } catch {
    return undefined;
  }
}
