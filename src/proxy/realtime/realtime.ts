import { type ApiError, forbiddenModel } from "../../http/api_errors.ts";
import { errorBody, errorHead } from "../../http/error_answer.ts";
import { shuttingDown } from "../../http/api_errors.ts";
import type { Exchange, Head } from "../../http/exchange.ts";
import { readHandshake } from "../../http/ws/handshake.ts";
import type { Handshake, RelayedSocket } from "../../http/ws/web_socket.ts";
import { Callbacks } from "../../util/callbacks.ts";
import { NOBODYS_FAULT } from "../attempt/outcome.ts";
import type { Client } from "../client.ts";
import { headersForServers } from "../headers.ts";
import type { Lease } from "../../fleet/lease.ts";
import type { Proxy } from "../proxy.ts";
import type { ProxyOptions } from "../proxy_options.ts";
import { headersOf, idOf } from "../request.ts";
import { openRecord } from "../request_record.ts";
import { headersForHandshake } from "./dial_server.ts";
import { createFindServer, type Sought } from "./find_server.ts";
import { createOpenByUpdate, type Opened } from "./open_by_update.ts";
import { renameFor } from "./rename.ts";
import { relay } from "./relay.ts";

/** The state of one session. */
interface Context extends Sought {
  readonly exchange: Exchange;
  readonly client: Client;
  /** On the clock of `performance.now()`. */
  readonly startedAt: number;
}

const encoder = new TextEncoder();

/**
 * Creates the handler of `/v1/realtime`. It admits a WebSocket like a request, chooses a server by
 * `?model=` or by the first `session.update`, relays until one side or the router ends the session,
 * and records.
 */
export function createRealtime(options: Omit<ProxyOptions, "connections">): Proxy {
  const { fleet, admission, retries, observer, cutOff, modelFor, tracer } = options;
  // Each listener on a signal makes the next one more expensive.
  const cutOffs = new Callbacks();
  cutOff.addEventListener("abort", () => [...cutOffs].forEach((cut) => cut()));
  const findServer = createFindServer(options);
  const openByUpdate = createOpenByUpdate({ findServer, admission, modelFor });

  async function serve(context: Context, handshake: Handshake): Promise<void> {
    const { exchange, client, record } = context;
    const asked = modelIn(exchange.target);
    if (asked === undefined) {
      const socket = accept(context, handshake, undefined);
      const opened = await openByUpdate(socket, context);
      if (opened) await run(context, () => socket, opened);
      return;
    }
    const model = modelFor(asked, client.mayUse)!;
    Object.assign(record, { model, asked: asked === model ? undefined : asked });
    if (!client.mayUse(model)) return refuse(context, forbiddenModel(model));
    const found = await findServer(model, context);
    if ("error" in found) return refuse(context, found.error);
    const open = () => accept(context, handshake, found.lease);
    const start = () => Promise.resolve();
    const rename = renameFor(record);
    await run(context, open, { ...found, start, rename, isHidden: () => false });
  }

  function accept(
    { exchange, client, record, settings }: Context,
    handshake: Handshake,
    lease: Lease | undefined,
  ): RelayedSocket {
    record.status = 101;
    const served = settings.debugHeaders && lease
      ? { server: lease.server.config.name, decision: lease.decision }
      : undefined;
    return exchange.accept(
      handshake,
      headersOf(record, client, served),
      settings.maxBodyBytes,
    );
  }

  async function run(
    context: Context,
    open: () => RelayedSocket,
    { server, lease, ...opened }: Opened,
  ): Promise<void> {
    const { record } = context;
    record.server = lease.server.config.name;
    try {
      const onBytes = (count: number) => void (record.bytes += count);
      const end = await relay({ ...context, ...opened, client: open(), server, onBytes });
      record.outcome = end.isCutOff ? "rejected" : end.outcome;
      lease.end(end.outcome, end.details);
    } finally {
      // After a defect of the router's.
      server.drop();
      lease.end(NOBODYS_FAULT);
    }
  }

  return async function realtime(exchange, client) {
    const startedAt = performance.now();
    const trace = tracer()?.(exchange.headers);
    const id = idOf(exchange);
    const { target: path, departure } = exchange;
    const record = openRecord({ id, client, method: exchange.method, path });
    const { settings } = fleet;
    const common = { exchange, client, departure, record, settings, startedAt, trace };
    try {
      const refused = cutOff.aborted ? shuttingDown : admission.enter();
      if (refused) return refuse(common, refused);
      try {
        retries.request();
        const handshake = readHandshake(exchange);
        if ("error" in handshake) return refuse(common, handshake.error, handshake.headers);
        const shared = headersForServers(exchange.headers, client);
        if ("status" in shared) return refuse(common, shared);
        const headers = headersForHandshake(shared);
        await serve({ ...common, id, path, headers, cutOffs, readAt: startedAt }, handshake);
      } finally {
        admission.leave();
      }
    } finally {
      client.left();
      observer.closed({ ...record, durationMs: performance.now() - startedAt }, trace);
    }
  };
}

/** Answers an error instead of the handshake. */
function refuse(
  { exchange, client, record }: Pick<Context, "exchange" | "client" | "record">,
  error: ApiError,
  headers: Head = [],
): void {
  const hasLeft = exchange.departure.hasLeft;
  record.status = hasLeft ? 499 : error.status;
  if (hasLeft) record.outcome = NOBODYS_FAULT;
  else record.error = error.message;
  const head = errorHead(error, [...headersOf(record, client), ...headers]);
  exchange.respond(error.status, head, encoder.encode(errorBody(error)));
}

/** The model in a target's query. An empty one counts as none. */
function modelIn(target: string): string | undefined {
  const query = target.indexOf("?");
  if (query === -1) return undefined;
  return new URLSearchParams(target.slice(query)).get("model") || undefined;
}
