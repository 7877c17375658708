import { checkConfig } from "../../src/config/schema.ts";
import { Fleet } from "../../src/fleet/fleet.ts";
import { parseMetrics } from "../../src/engines/engines.ts";
import { type Server, stateOf } from "../../src/fleet/state/server.ts";
import { membersOf } from "../../src/proxy/request/json_members.ts";
import { fingerprint, PROMPT_MEMBERS } from "../../src/proxy/request/fingerprint.ts";
import type { Engine } from "../../src/simulator/engine/engine.ts";
import {
  renderMetrics,
  renderMetricsWithoutStats,
} from "../../src/simulator/metrics/metrics_page.ts";
import { atOnce } from "../../src/util/walk.ts";
import type { Chooser, Surroundings } from "./chooser.ts";
import { MODEL } from "./request.ts";

/** Offset for a realistic time: the router's clock is never near zero. */
const EPOCH_MS = 1_750_000_000_000;
/** Interval of the router's checks of an unhealthy server. */
const RECOVERY_LOOK_MS = 2_000;

/** Drives the router's own fleet and policy in virtual time, in place of its polls and proxy. */
export function fleetChooser(policy: string, surroundings: Surroundings): Chooser {
  const { clock, servers, metrics, random } = surroundings;
  const now = () => EPOCH_MS + clock.now();
  const fleet = new Fleet({ config: configOf(policy, surroundings), now, random });
  surroundings.peers?.join(fleet.peers, now);
  const placeOf = new Map(fleet.servers.map((server, place) => [server, place]));
  for (const server of fleet.servers) {
    fleet.recordModels(server, [{ id: MODEL }]);
    fleet.recordCheck(server, PASSED);
    poll(server);
  }

  function poll(server: Server): void {
    look(server, servers[placeOf.get(server)!]!.engine);
    const { metricsIntervalMs } = fleet.settings;
    clock.schedule(clock.now() + metricsIntervalMs * (0.9 + 0.2 * random()), () => poll(server));
  }

  /** Records what the polls would learn from a server, which may be down. */
  function look(server: Server, engine: Engine | undefined): void {
    if (stateOf(server) === "unhealthy") {
      if (now() - (server.lastCheckAt ?? 0) >= RECOVERY_LOOK_MS) {
        fleet.recordCheck(server, { ...PASSED, ok: engine !== undefined });
      }
      return;
    }
    if (engine === undefined) return fleet.recordCheck(server, { ...PASSED, ok: false });
    const page = metrics ? renderMetrics(engine, MODEL, 0, false) : renderMetricsWithoutStats();
    const { running, waiting, asleep, ...more } = parseMetrics(page);
    const known = running === undefined || waiting === undefined
      ? undefined
      : { ...more, running, waiting, ownInFlight: server.inFlight };
    fleet.recordScrape(server, known, asleep);
  }

  return {
    choose(request, tried) {
      const work = profileOf(request.body, MODEL, true);
      const lease = fleet.acquire(
        work,
        new Map([...tried].map((place) => [fleet.servers[place]!, Infinity])),
      );
      if (typeof lease === "string") return undefined;
      return {
        server: placeOf.get(lease.server)!,
        firstToken: () => lease.started(),
        end: (outcome, usage) =>
          lease.end(outcome, {
            promptTokens: usage?.prompt,
            answerTokens: usage?.generated,
            answer: () => usage && request.answer(),
          }),
      };
    },
  };
}

function profileOf(body: Uint8Array, model: string, stream: boolean) {
  const members = atOnce(membersOf(body, PROMPT_MEMBERS, 128));
  if (typeof members === "string") throw new Error(members);
  return fingerprint(body, members, { model, stream });
}

const PASSED = { ok: true, responseMs: 1 };

function configOf(policy: string, { servers }: Surroundings) {
  const checked = checkConfig({
    servers: {
      servers: servers.map(({ plan }, place) => ({
        url: `http://server-${place}`,
        max_concurrent_requests: plan.seats,
      })),
    },
    config: { policy },
  }, () => undefined);
  if (!checked.ok) throw new Error(checked.problems.map(({ what }) => what).join("; "));
  return checked.config;
}
