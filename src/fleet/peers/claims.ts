import type { PeerRequests } from "../estimate/estimator.ts";
import { MOST_PREFIX_BLOCKS, type QueuedRequest } from "../estimate/prompt_profile.ts";
import type { Server } from "../state/server.ts";
import type { PeerEvent, SentEvent } from "./event.ts";

/** The requests that one peer claims to have in flight, counted in the router's own estimates. */
export interface PeerClaims {
  /** Number of requests. */
  readonly size: number;
  /** Records events. Unknown servers and requests, and those beyond a limit, are ignored. */
  hear(events: readonly PeerEvent[], now: number): void;
  /** Forgets all requests, as when the peer is silent. Computed prompts stay in the caches. */
  drop(): void;
  /** Forgets the requests on a server if a scrape shows that they can't be there. */
  compare(server: Server): void;
}

/** A claimed request. */
interface Claim {
  readonly hash: number;
  readonly server: Server;
  readonly request: QueuedRequest;
}

/** Where claims are counted. */
export interface ClaimsOptions {
  /** Returns the server of a hash, if the fleet has it. */
  readonly serverOf: (hash: number) => Server | undefined;
  /** Counts requests among the router's own. */
  readonly requests: PeerRequests;
}

/** The most requests in flight that a peer may claim: more than one process can serve. */
const MOST_CLAIMS = 16_384;
/** A scrape may show this many fewer requests than there are, since some are still on the way. */
const SLACK = 8;
/** A scrape shows requests that were sent at least this many milliseconds before. */
const SETTLED_MS = 1_000;

/** Creates the claims of a peer that has reported nothing yet. */
export function createPeerClaims({ serverOf, requests }: ClaimsOptions): PeerClaims {
  const claims = new Map<number, Claim>();
  /** Number of blocks of all claimed prompts. */
  let blocks = 0;

  const isKnown = ({ hash, server }: Claim) => serverOf(hash) === server;

  function begin(event: SentEvent, now: number): void {
    const server = serverOf(event.server);
    if (!server || claims.has(event.id) || claims.size >= MOST_CLAIMS) return;
    // Blocks beyond what the prefix index holds would only take memory.
    const fits = blocks + event.blocks.length <= MOST_PREFIX_BLOCKS;
    const request = requests.begin(server, fits ? event : { ...event, blocks: [] }, now);
    blocks += request.profile.blocks.length;
    claims.set(event.id, { hash: event.server, server, request });
    server.peersInFlight++;
    noteInScrape(server, request, 1);
  }

  function end(id: number, answered: readonly number[]): void {
    const claim = claims.get(id);
    if (!claim) return;
    claims.delete(id);
    blocks -= claim.request.profile.blocks.length;
    claim.server.peersInFlight--;
    if (isKnown(claim)) requests.end(claim.server, claim.request, answered);
  }

  /** Forgets the newest first, because removing the first request of a queue is slow. */
  function forget(gone: readonly (readonly [id: number, claim: Claim])[]): void {
    for (const [id, { server, request }] of gone.toReversed()) {
      noteInScrape(server, request, -1);
      end(id, []);
    }
  }

  return {
    get size() {
      return claims.size;
    },
    hear(events, now) {
      for (const event of events) {
        if (event.kind === "sent") begin(event, now);
        else if (event.kind === "ended") end(event.id, event.blocks);
        else {
          const claim = claims.get(event.id);
          if (claim && isKnown(claim)) requests.computed(claim.server, claim.request, now);
        }
      }
    },
    drop() {
      forget([...claims]);
    },
    compare(server) {
      const { running, waiting = 0, at = 0 } = server.scrape ?? {};
      if (running === undefined || server.peersInFlight <= running + waiting + SLACK) return;
      const settled = [...claims].filter(([, claim]) =>
        claim.server === server && at - claim.request.at > SETTLED_MS
      );
      if (settled.length <= running + waiting + SLACK) return;
      forget(settled);
    },
  };
}

/**
 * Adds a request that was sent before the last scrape to the scrape's requests of peers, or removes
 * it. The scrape's other requests count as those of other clients.
 */
function noteInScrape(server: Server, { at }: QueuedRequest, by: number): void {
  const { scrape } = server;
  if (!scrape || at > scrape.at) return;
  server.scrape = { ...scrape, peersInFlight: Math.max(0, (scrape.peersInFlight ?? 0) + by) };
}
