import { type Piece, textMessage } from "../../http/ws/web_socket.ts";
import { renamedUpdate } from "../../vllm/realtime_events.ts";
import type { RequestRecord } from "../request_record.ts";

/** Changes a piece of the client's before it goes to the server. */
export type Rename = (piece: Piece) => Piece;

const decoder = new TextDecoder();
const unchanged: Rename = (piece) => piece;

/** Puts the model that runs in place of the name that the client asked for, if they differ. */
export function renameFor({ model, asked }: Pick<RequestRecord, "model" | "asked">): Rename {
  if (asked === undefined || model === undefined) return unchanged;
  return (piece) => {
    const { bytes, isText, isFirst, isLast } = piece;
    // An update is short, and comes whole.
    const isWhole = isText && isFirst && isLast;
    const renamed = isWhole ? renamedUpdate(decoder.decode(bytes), asked, model) : undefined;
    return renamed === undefined ? piece : textMessage(renamed);
  };
}
