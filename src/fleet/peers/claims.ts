import type { PeerRequests } from "../estimate/estimator.ts";
import { MOST_PREFIX_BLOCKS, type QueuedRequest } from "../estimate/prompt_profile.ts";
import type { Server } from "../state/server.ts";
import type { PeerEvent, SentEvent } from "./event.ts";

/** The requests that one peer says to have in flight, counted in the router's own estimates. */
export interface PeerClaims {
  /** How many there are. */
  readonly size: number;
  /** Takes what the peer tells. Unknown servers and requests are ignored, as is what is too much. */
  hear(events: readonly PeerEvent[], now: number): void;
  /** Forgets them, as when the peer is silent. Prompts known to be computed stay in the caches. */
  drop(): void;
  /** Forgets those on a server if a scrape shows that they can't be there. */
  compare(server: Server): void;
}

/** One request. */
interface Claim {
  readonly hash: number;
  readonly server: Server;
  readonly request: QueuedRequest;
}

/** What claims are counted in. */
export interface ClaimsOptions {
  /** Returns the server of a hash, if the fleet has it. */
  readonly serverOf: (hash: number) => Server | undefined;
  /** Counts requests among the router's own. */
  readonly requests: PeerRequests;
}

/** The most requests that a peer is believed to have in flight: more than one process can serve. */
const MOST_CLAIMS = 16_384;
/** Servers may show this many fewer requests than there are, since they move on their way. */
const SLACK = 8;
/** A request that was sent this many milliseconds before a scrape is shown by it. */
const SETTLED_MS = 1_000;

/** Creates the claims of a peer that has told nothing yet. */
export function createPeerClaims({ serverOf, requests }: ClaimsOptions): PeerClaims {
  const claims = new Map<number, Claim>();
  /** Blocks of their prompts. */
  let blocks = 0;

  const isKnown = ({ hash, server }: Claim) => serverOf(hash) === server;

  function begin(event: SentEvent, now: number): void {
    const server = serverOf(event.server);
    if (!server || claims.has(event.id) || claims.size >= MOST_CLAIMS) return;
    // More than the index of all prefixes holds would only take memory.
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

  /** Forgets the newest first: a queue finds its next one slowly when it loses its first. */
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
 * Counts a request that was sent before the last scrape among those that the scrape shows, or no
 * longer: what no peer tells of counts as a request of others.
 */
function noteInScrape(server: Server, { at }: QueuedRequest, by: number): void {
  const { scrape } = server;
  if (!scrape || at > scrape.at) return;
  server.scrape = { ...scrape, peersInFlight: Math.max(0, (scrape.peersInFlight ?? 0) + by) };
}
