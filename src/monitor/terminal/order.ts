import { isDown, type ServerState } from "../../fleet/state/server.ts";
import type { ServerView } from "../view.ts";
import type { Sort, Ui } from "./ui.ts";

/** A server and its position in the configuration, from 1. */
export interface Row {
  readonly number: number;
  readonly server: ServerView;
}

/** Whether a server can have no requests, so that its state's reason says more than its figures. */
export function isOut({ state }: Pick<ServerView, "state">): boolean {
  return isDown(state) || state === "checking" || state === "sleeping";
}

/** Sort order by state: servers that need attention first. */
const URGENCY: Readonly<Record<ServerState, number>> = {
  unhealthy: 4,
  stalled: 4,
  unauthorized: 4,
  no_models: 4,
  checking: 3,
  "half-open": 3,
  draining: 2,
  sleeping: 1,
  healthy: 0,
};

const RANK: Readonly<Record<Exclude<Sort, "number">, (server: ServerView) => number>> = {
  state: ({ state }) => URGENCY[state],
  usage: ({ usage }) => usage,
  waiting: ({ waiting }) => waiting,
  "TTFT p95": ({ firstToken }) => firstToken.p95 ?? -1,
  "tokens/s": ({ tokensPerSecond }) => tokensPerSecond ?? -1,
  errors: ({ errors }) => errors,
};

/** Returns the servers to show, sorted; equal ones keep the configured order. */
export function rowsOf(
  servers: readonly ServerView[],
  { sort, onlyUnhealthy }: Pick<Ui, "sort" | "onlyUnhealthy">,
): Row[] {
  const rows = servers.map((server, index) => ({ number: index + 1, server }))
    .filter(({ server }) => !onlyUnhealthy || isDown(server.state));
  if (sort === "number") return rows;
  const rank = RANK[sort];
  return rows.sort((a, b) => rank(b.server) - rank(a.server));
}
