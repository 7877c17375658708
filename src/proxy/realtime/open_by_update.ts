import { type ApiError, forbiddenModel } from "../../http/api_errors.ts";
import {
  BadMessage,
  type Close,
  ClosedAbnormally,
  type Piece,
  type RelayedSocket,
  textMessage,
} from "../../http/ws/web_socket.ts";
import { startTimer, stopTimer } from "../../util/timers.ts";
import { isSessionCreated, realtimeError, sessionCreated } from "../../vllm/realtime_events.ts";
import type { Admission } from "../admission.ts";
import type { Client } from "../client.ts";
import type { ProxyOptions } from "../proxy_options.ts";
import type { FindServer, Reached, Sought } from "./find_server.ts";
import { type Opening, readOpening } from "./opening.ts";
import { renameFor } from "./rename.ts";
import { part, type RelayOptions } from "./relay.ts";
import { farewell } from "./session_end.ts";
import { dropIfUnread } from "./watch.ts";

/** A session whose client has sent something already. */
export interface Opened extends Reached, Pick<RelayOptions, "start" | "rename" | "isHidden"> {}

/** Opens a session whose client names its model by `session.update`. `undefined` if it has ended. */
export type OpenByUpdate = (
  socket: RelayedSocket,
  sought: Sought & { readonly client: Client },
) => Promise<Opened | undefined>;

/** Creates the opening of sessions without `?model=`. */
export function createOpenByUpdate(
  { findServer, admission, modelFor }: Pick<ProxyOptions, "modelFor"> & {
    readonly findServer: FindServer;
    readonly admission: Pick<Admission, "reserve" | "release">;
  },
): OpenByUpdate {
  async function find(
    socket: RelayedSocket,
    opening: Opening,
    sought: Parameters<OpenByUpdate>[1],
  ): Promise<Opened | undefined> {
    const { client, record } = sought;
    await socket.send(textMessage(sessionCreated(newId(), Math.floor(Date.now() / 1000))));
    for (;;) {
      const asked = await nextModel(socket, opening, sought);
      if (asked === undefined) return undefined;
      const model = modelFor(asked, client.mayUse)!;
      Object.assign(record, { model, asked: asked === model ? undefined : asked });
      const readAt = performance.now();
      const found = client.mayUse(model)
        ? await findServer(model, { ...sought, readAt })
        : { error: forbiddenModel(model) };
      if (!("error" in found)) {
        const rename = renameFor(record);
        const start = () => opening.sendTo(found.server, rename);
        return { ...found, start, rename, isHidden: hidesFirst() };
      }
      const { error } = found;
      await socket.send(textMessage(realtimeError(error.message, codeOf(error))));
      // As at vLLM's, the client may name another model.
      if (error.status === 404) continue;
      await socket.close(closeOf(error));
      return undefined;
    }
  }

  return async function openByUpdate(socket, sought) {
    const opening = readOpening(socket, admission);
    const stopWatch = dropIfUnread(socket, sought.settings.clientTimeoutMs);
    let opened: Opened | undefined;
    try {
      return opened = await find(socket, opening, sought);
    } catch (error) {
      if (error instanceof ClosedAbnormally) sought.record.outcome = "client_closed";
      if (!(error instanceof BadMessage)) {
        socket.drop();
        if (!(error instanceof ClosedAbnormally)) throw error;
        return undefined;
      }
      await socket.close({ code: error.code, reason: error.message });
      return undefined;
    } finally {
      stopWatch();
      if (!opened) opening.drop();
    }
  };
}

/** Waits for the next model; ends the session and returns `undefined` if none comes in time. */
async function nextModel(
  socket: RelayedSocket,
  opening: Opening,
  { settings, cutOffs }: Sought,
): Promise<string | undefined> {
  const limitMs = settings.clientTimeoutMs;
  const { promise: interrupted, resolve } = Promise.withResolvers<"late" | "cut_off">();
  const late = startTimer(() => resolve("late"), limitMs);
  const cut = () => resolve("cut_off");
  cutOffs.add(cut);
  const reading = opening.nextModel();
  try {
    const next = await Promise.race([reading, interrupted.then((why) => ({ why }))]);
    if (typeof next === "string") return next;
    if (next === undefined) {
      await socket.close({ code: 1000, reason: "" });
      return undefined;
    }
    const { event, toClient } = next.why === "cut_off"
      ? farewell({ by: "router", why: "cut_off" })
      : tooLate(limitMs);
    if (event) void socket.send(textMessage(realtimeError(event.message, event.code)));
    await part(socket, toClient, reading);
    return undefined;
  } finally {
    stopTimer(late);
    cutOffs.delete(cut);
  }
}

function tooLate(limitMs: number) {
  const message = `No session.update came within ${limitMs / 1000} s.`;
  return { event: { message, code: "timeout" }, toClient: { code: 1008, reason: message } };
}

/** Hides the server's own `session.created`: the client has had one. */
function hidesFirst(): (piece: Piece) => boolean {
  let isFirst = true;
  return ({ bytes, isLast }) => {
    const isHidden = isFirst && isLast && isSessionCreated(new TextDecoder().decode(bytes));
    isFirst = false;
    return isHidden;
  };
}

/** An id like vLLM's. */
function newId(): string {
  return `sess-${crypto.randomUUID().replaceAll("-", "")}`;
}

function codeOf({ status }: ApiError): string {
  if (status === 404) return "model_not_found";
  return status === 503 ? "service_unavailable" : status === 504 ? "timeout" : "server_error";
}

function closeOf({ status }: ApiError): Close {
  return status === 503
    ? { code: 1013, reason: "No server is available." }
    : { code: 1011, reason: "No server could take the session." };
}
