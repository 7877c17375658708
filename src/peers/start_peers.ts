import type { SharedLimits } from "../auth/shared_limits.ts";
import type { Peers } from "../config/config.ts";
import type { SourceEvents, SourceStatus } from "../discovery/status.ts";
import type { FleetPeers } from "../fleet/peers/fleet_peers.ts";
import type { PeerEvent } from "../fleet/peers/event.ts";
import { eventsLine, helloLine } from "./words.ts";
import { withoutProxies } from "../http/proxy_environment.ts";
import { monotonicMs } from "../util/clock.ts";
import { createHearing } from "./hear.ts";
import { type Link, openLink } from "./link.ts";
import { watchRouters } from "./routers.ts";
import type { PeerEvents, PeerStatus } from "./status.ts";
import { spentLines, tellSpent } from "./tell_spent.ts";

/** The running exchange with a router's peers. */
export interface RunningPeers {
  /** Answers a request to `PEERS_PATH`. `address` is the client's. */
  hear(request: Request, address: string): Promise<Response>;
  /** Returns the status of each peer, without the router itself. */
  status(): readonly PeerStatus[];
  /** Returns the status of the sources of peers. */
  sources(): readonly SourceStatus[];
  /** Applies a changed configuration. */
  update(config: { readonly peers?: Peers }): void;
  stop(): Promise<void>;
}

/** An event is sent at once, or with the next ones if another was sent less than this ago. */
const APART_MS = 2;
/** Interval between heartbeats, and between checks of the peers. */
const HEARTBEAT_MS = 200;
/** Few, since a line is processed in one go: events of long prompts take a millisecond each. */
const EVENTS_PER_LINE = 20;

/** Starts the exchange with the peers of a configuration, if it has any. */
export function startPeers(
  first: Peers | undefined,
  fleet: FleetPeers,
  limits: SharedLimits,
  listener: () => PeerEvents & SourceEvents,
): RunningPeers {
  const instance = crypto.randomUUID();
  let peers: Peers | undefined;
  const hearing = createHearing({
    instance,
    key: () => peers?.key,
    join: fleet.join,
    joinLimits: limits.join,
    compare: fleet.compare,
  });
  const routers = watchRouters(meet, listener);
  let links: readonly Link[] = [];
  const closing = new Set<Promise<void>>();
  let shown: readonly PeerStatus[] = [];
  let events: PeerEvent[] = [];
  let flushing: ReturnType<typeof setTimeout> | undefined;
  let beating: ReturnType<typeof setInterval> | undefined;
  let endSpent: (() => void) | undefined;
  let client: Deno.HttpClient | undefined;

  function send(): void {
    const lines = linesOf(events);
    events = [];
    for (const link of links) link.send(lines);
  }

  function flush(): void {
    flushing = undefined;
    if (events.length === 0) return;
    send();
    flushing = setTimeout(flush, APART_MS);
  }

  function tell(event: PeerEvent): void {
    events.push(event);
    if (flushing === undefined) flush();
  }

  function beat(): void {
    for (const link of links) {
      link.send(eventsLine([]));
      link.check();
    }
    hearing.check();
    look();
  }

  /** Notes which peers are up. */
  function look(): void {
    const now = monotonicMs();
    shown = links.filter(({ isSpare }) => !isSpare).map((link) => {
      const before = shown.find(({ router }) => router === link.router);
      const hears = link.instance !== undefined && hearing.hears(link.instance);
      const problem = link.problem ?? (hears ? undefined : "it sends nothing");
      const isUp = problem === undefined;
      const isSame = before?.isUp === isUp;
      const status = { router: link.router, isUp, since: isSame ? before.since : now, problem };
      if (isUp && !isSame) listener().peerUp(link.router);
      // A peer that was never heard may just have started.
      const isTold = link.problem !== undefined || before?.isUp;
      if (problem !== undefined && isTold && problem !== before?.problem) {
        listener().peerDown(link.router, problem);
      }
      return status;
    });
  }

  const linked = () => links.flatMap(({ instance }) => instance ?? []);
  const hello = helloLine(instance);
  const state = () => {
    // The state includes the events that wait to be sent.
    if (events.length > 0) send();
    const now = monotonicMs();
    return hello + linesOf(fleet.inFlight(now)) + spentLines(limits.all(now));
  };

  /** Keeps one link to each router. Events from routers without a link count as well. */
  function meet(origins: readonly string[]): void {
    if (!peers || !client) return;
    const options = { key: peers.key, hello, state, linked, client, onChange: look };
    const before = new Map(links.map((link) => [link.router, link]));
    links = origins.map((router) => before.get(router) ?? openLink(router, options));
    for (const link of before.values()) if (!links.includes(link)) leave(link);
    look();
  }

  function leave(link: Link): void {
    const closed = link.close().finally(() => closing.delete(closed));
    closing.add(closed);
  }

  /** Tells what is left to tell, and ends all connections, in both directions. */
  function part(): void {
    if (events.length > 0) send();
    const spent = spentLines(limits.changes(monotonicMs()));
    for (const link of links) link.send(spent);
    for (const link of links) leave(link);
    links = [];
    hearing.close();
  }

  async function close(): Promise<void> {
    fleet.tellTo(undefined);
    clearTimeout(flushing);
    clearInterval(beating);
    endSpent?.();
    flushing = beating = endSpent = undefined;
    const unused = client;
    client = undefined;
    part();
    events = [];
    await Promise.all(closing);
    unused?.close();
  }

  function apply(next: Peers | undefined): void {
    if (peers && !next) void close();
    else if (peers && peers.key !== next?.key) part();
    if (!peers && next) {
      fleet.tellTo(tell);
      client = withoutProxies(() => Deno.createHttpClient({ http2: false }));
      beating = setInterval(beat, HEARTBEAT_MS);
      endSpent = tellSpent(limits, (lines) => links.forEach((link) => link.send(lines)));
    }
    peers = next;
    limits.share(peers !== undefined);
    routers.update(next);
    look();
  }

  if (first) apply(first);
  return {
    hear: (request, address) =>
      peers
        ? hearing.answer(request, address)
        : Promise.resolve(new Response(null, { status: 404 })),
    status: () => shown,
    sources: routers.sources,
    update: ({ peers }) => apply(peers),
    async stop() {
      peers = undefined;
      await Promise.all([routers.stop(), close()]);
    },
  };
}

function linesOf(events: readonly PeerEvent[]): string {
  let lines = "";
  for (let at = 0; at < events.length; at += EVENTS_PER_LINE) {
    lines += eventsLine(events.slice(at, at + EVENTS_PER_LINE));
  }
  return lines;
}
