import { type Part, print } from "../part.ts";
import type { Proxy } from "../proxies/proxy.ts";
import { type Aim, atMost, figures } from "../report.ts";
import { measureRequests } from "../requests.ts";
import { ratios } from "../statistics.ts";
import { measureEvents, STREAMS } from "../streams.ts";
import { HASHED_KB, measureChoosing, measureHashing, PROMPT_KB } from "./choosing.ts";
import { continuations, CONTINUING, NOT_CONTINUING } from "./continuing.ts";
import { GUARDED_HEADERS, GUARDING, guards, NOT_GUARDING } from "./guarding.ts";
import { measureHolding, STALLED, UNREAD, UPLOADS, WAITING } from "./holding.ts";
import { NOT_RENAMING, RENAMING, renamings } from "./renaming.ts";
import { NOT_OBSERVING, observers, OBSERVING } from "./observing.ts";

/** Compares the CPU per chunk of two variants of the router, by the names of both. */
async function compareEvents(
  bench: Parameters<Part>[0],
  proxies: readonly Proxy[],
  name: string,
  baseline: string,
  aimOf: (measured: ReturnType<typeof ratios>) => Aim,
): Promise<Aim[]> {
  // The difference is small and needs more rounds to show.
  const variants = { ...bench, proxies, rounds: 2 * bench.rounds };
  const rounds = await measureEvents(variants, STREAMS);
  print(figures(`CPU per streamed chunk, ${STREAMS} streams`, "µs", rounds, baseline));
  return [aimOf(ratios(rounds, name, baseline))];
}

/** The parts that compare the router with itself or measure its parts. */
export const selfParts: Readonly<Record<string, Part>> = {
  observing: (bench) =>
    compareEvents(
      bench,
      observers,
      OBSERVING,
      NOT_OBSERVING,
      (measured) => atMost("CPU per chunk with observation", 1.1, "× not observing", measured),
    ),
  continuing: (bench) =>
    compareEvents(
      bench,
      continuations,
      CONTINUING,
      NOT_CONTINUING,
      (measured) => atMost("CPU per chunk with streams kept", 1.15, "× not kept", measured),
    ),
  renaming: (bench) =>
    compareEvents(
      bench,
      renamings,
      RENAMING,
      NOT_RENAMING,
      (measured) => atMost("CPU per chunk with an alias", 1.05, "× without", measured),
    ),
  async guarding(bench) {
    // A small difference, as with observing.
    const variants = { ...bench, proxies: guards, rounds: 3 * bench.rounds };
    const rounds = await measureRequests(variants, { headers: GUARDED_HEADERS });
    print(figures("CPU per request, 1 KB JSON", "µs", rounds, NOT_GUARDING));
    const measured = ratios(rounds, GUARDING, NOT_GUARDING);
    return [atMost("CPU per request with all access checks", 1.05, "× without", measured)];
  },
  async choosing({ rounds, seconds }) {
    const choosing = (servers: number) =>
      `Choosing among ${servers} servers, a prompt of ${PROMPT_KB} KB`;
    const hashing = `Hashing a prompt of ${HASHED_KB} KB`;
    return [
      atMost(choosing(200), 50, "µs", await measureChoosing(200, rounds, seconds)),
      atMost(choosing(2_000), 500, "µs", await measureChoosing(2_000, rounds, seconds)),
      atMost(hashing, 500, "µs", await measureHashing(rounds, seconds)),
    ];
  },
  async holding({ folder }) {
    const { arriving, waiting, unread, stalledKilobytes } = await measureHolding(folder);
    const uploads = `Memory of ${UPLOADS} uploads of 60 MB with a limit of 512 MiB`;
    const whole = `Memory of ${WAITING} bodies of 60 MB waiting for an answer`;
    const answers = `Memory of ${UNREAD} unread answers of 1 MB`;
    const stalled = `Memory per stalled upload, ${STALLED} uploads`;
    return [
      atMost(uploads, 1.5, "× the room", [arriving]),
      atMost(whole, 1.5, "× the bodies", [waiting]),
      atMost(answers, 1.5, "× the room", [unread]),
      atMost(stalled, 100, "KB", [stalledKilobytes]),
    ];
  },
};
