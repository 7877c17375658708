import { closest, distance } from "fastest-levenshtein";
import type { ExtraPath } from "../config/extra_paths.ts";
import type { Exchange } from "../http/exchange.ts";
import { pathIn } from "../http/paths.ts";
import { storedResponseIn } from "../vllm/stored_response.ts";
import { endpoints, MODELS_PATH, REALTIME_PATH } from "../vllm/endpoints.ts";

/** The paths that are forwarded to servers. Nothing is decoded: `/%761/completions` is not one. */
export interface ForwardedPaths {
  /** Whether a request is forwarded. */
  has(request: Pick<Exchange, "method" | "target">): boolean;
  /**
   * Returns a target as the endpoint is spelled, if it is unmistakable: without `/v1`, with `/v1`
   * twice or with a slash at the end.
   */
  spelled(target: string): string;
  /** The methods of a path, none if it isn't forwarded. */
  methodsOf(path: string): readonly string[];
  /** Returns the path that may be meant by one that doesn't exist. */
  similarTo(path: string, others: readonly string[]): string | undefined;
}

const REALTIME = { method: "GET", path: REALTIME_PATH };

/** Longer paths aren't compared. */
const LONGEST_COMPARED = 100;
/** Maximum edit distance of a typo, and the share of the path that it may be. */
const MOST_EDITS = 4;
const MOST_SHARE = 0.25;

/** @param extra paths in addition to those of `endpoints`; called for each request */
export function createForwardedPaths(extra: () => readonly ExtraPath[]): ForwardedPaths {
  let indexed: readonly ExtraPath[] | undefined;
  let methods: ReadonlyMap<string, readonly string[]> = new Map();

  function known(): ReadonlyMap<string, readonly string[]> {
    const current = extra();
    if (current === indexed) return methods;
    indexed = current;
    const byPath = Map.groupBy([...endpoints, REALTIME, ...current], ({ path }) => path);
    methods = new Map(
      [...byPath].map(([path, all]) => [path, [...new Set(all.map(({ method }) => method))]]),
    );
    return methods;
  }

  function spelledPath(path: string): string {
    const paths = known();
    if (paths.has(path) || storedResponseIn(path)) return path;
    const bare = path.endsWith("/") ? path.slice(0, -1) : path;
    const once = bare.startsWith("/v1/v1/") ? bare.slice("/v1".length) : bare;
    const meant = [once, `/v1${once}`].find((one) => paths.has(one) || one === MODELS_PATH);
    return meant ?? path;
  }

  function methodsOf(path: string): readonly string[] {
    const stored = storedResponseIn(path);
    return stored ? [stored.method] : known().get(path) ?? [];
  }

  return {
    has: ({ method, target }) => methodsOf(spelledPath(pathIn(target))).includes(method),
    spelled(target) {
      const path = pathIn(target);
      const spelled = spelledPath(path);
      return spelled === path ? target : spelled + target.slice(path.length);
    },
    methodsOf,
    similarTo(path, others) {
      if (path.length > LONGEST_COMPARED) return undefined;
      const nearest = closest(path, [...known().keys(), ...others]);
      const most = Math.min(MOST_EDITS, Math.ceil(path.length * MOST_SHARE));
      return distance(path, nearest) <= most ? nearest : undefined;
    },
  };
}
