import { BadMessage, type RelayedSocket, textMessage } from "../../http/ws/web_socket.ts";
import { readOpeningEvent, realtimeError } from "../../vllm/realtime_events.ts";
import { GrowingBytes } from "../../util/growing_bytes.ts";
import type { Admission } from "../admission.ts";
import type { Rename } from "./rename.ts";

/** A client that opened a session without a model, and what it has sent. */
export interface Opening {
  /** Waits for the next `session.update`, and returns its model. Rejects as a read does. */
  nextModel(): Promise<string | undefined>;
  /** Sends a server what came so far: early audio, and the last `session.update`. Forgets it. */
  sendTo(server: RelayedSocket, rename: Rename): Promise<void>;
  /** Forgets what came so far. */
  drop(): void;
}

/** The most that is kept until a server is known: half a minute of audio. */
const MOST_BYTES = 1024 * 1024;

/** Reads what a client sends before its session has a model. Answers errors as vLLM does. */
export function readOpening(
  client: RelayedSocket,
  admission: Pick<Admission, "reserve" | "release">,
): Opening {
  let audio: Uint8Array[] = [];
  let update: Uint8Array | undefined;
  let kept = 0;

  function keep(bytes: Uint8Array): void {
    if (kept + bytes.length > MOST_BYTES) {
      throw new BadMessage({ code: 1009, reason: "Send session.update before so much audio." });
    }
    if (!admission.reserve(bytes.length)) {
      throw new BadMessage({ code: 1013, reason: "The router's buffer is full." });
    }
    kept += bytes.length;
  }

  /** `undefined` if the client closes. */
  async function nextMessage(): Promise<Uint8Array | undefined> {
    const message = new GrowingBytes();
    for (;;) {
      const received = await client.read();
      if ("closed" in received) return undefined;
      if (!received.isText) throw new BadMessage({ code: 1003, reason: "Events are text." });
      keep(received.bytes);
      message.append(received.bytes);
      if (received.isLast) return message.first().slice();
    }
  }

  function forget({ length }: Uint8Array): void {
    kept -= length;
    admission.release(length);
  }

  function drop(): void {
    admission.release(kept);
    kept = 0;
    audio = [];
    update = undefined;
  }

  return {
    async nextModel() {
      for (;;) {
        const message = await nextMessage();
        if (!message) return undefined;
        const event = readOpeningEvent(decode(message));
        if (event.kind === "append") {
          audio.push(message);
          continue;
        }
        if (event.kind === "update") {
          if (update) forget(update);
          update = message;
          return event.model;
        }
        forget(message);
        await client.send(textMessage(realtimeError(event.message, event.code)));
      }
    },
    async sendTo(server, rename) {
      const messages = update ? [...audio, update] : audio;
      drop();
      for (const bytes of messages) {
        await server.send(rename({ isText: true, bytes, isFirst: true, isLast: true }));
      }
    },
    drop,
  };
}

function decode(message: Uint8Array): string {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(message);
  } catch {
    throw new BadMessage({ code: 1007, reason: "The message is not UTF-8." });
  }
}
