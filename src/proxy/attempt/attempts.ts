import type { ClientPool } from "../../http/client_pool.ts";
import type { Fleet } from "../../fleet/fleet.ts";
import type { Lease } from "../../fleet/lease.ts";
import type { Room } from "../admission.ts";
import { attempt, type Attempted } from "./attempt.ts";
import type { Client } from "../client.ts";
import { limitsOf } from "./deadlines.ts";
import type { Early, Head } from "../response/early_head.ts";
import { headersForAttempt, headersForClient } from "../headers.ts";
import { createConnectProbe } from "../../http/connect_probe.ts";
import { headersOf } from "../request.ts";

/** What is the same for all attempts of a request. */
export interface Attemptable {
  /** The client's id for it. */
  readonly id: string;
  readonly client: Client;
  /** What was asked, with its query. */
  readonly path: string;
  /** Those that every server gets. */
  readonly headers: Head;
  readonly body: Uint8Array<ArrayBuffer>;
  readonly early: Early;
  /** For what is held of its answers. */
  readonly room: Room;
  /** On the clock of `performance.now()`. */
  readonly startedAt: number;
  readonly settings: Fleet["settings"];
}

/** Asks the server of a lease. Never throws, but for a defect of the router's. */
export type Attempts = (lease: Lease, request: Attemptable) => Promise<Attempted>;

/** @param cutOff aborts when the router can't wait any longer for what it has asked */
export function createAttempts(connections: ClientPool, cutOff: AbortSignal): Attempts {
  const isReachable = createConnectProbe();
  // Listeners on a signal cost more the more there are; a set of callbacks doesn't.
  const cutOffs = new Set<() => void>();
  cutOff.addEventListener("abort", () => [...cutOffs].forEach((cut) => cut()));
  let count = 0;

  return (lease, { id, client, path, headers, body, early, room, startedAt, settings }) => {
    const { url, apiKey } = lease.server.config;
    // A server takes the id into its own, and two in flight with one id confuse it.
    const attemptId = `${id}-${(count++).toString(36)}`;
    return attempt({
      url: url + path,
      path,
      headers: headersForAttempt(headers, attemptId, apiKey),
      body,
      ...connections.to(lease.server.config),
      limits: limitsOf(settings, lease, { startedAt, cutOffs }),
      clientGone: early.clientGone,
      isReachable,
      early,
      room,
      headFor: (server) => headersForClient(server, headersOf(id, client, lease.decision)),
    });
  };
}
