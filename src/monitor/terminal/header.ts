import type { Totals, View } from "../view.ts";
import { count, duration, percent, rate, span, timeOfDay } from "./format.ts";
import { paintOfUsage, type Palette } from "./paint.ts";
import { bar, fit, harmless, oneLine } from "./text.ts";

/** Below this many columns the load bar is short, so that the line holds more. */
const NARROW = 100;
/** A peer that has been away for less than this may just be starting. */
const AWAY_MS = 2_000;
/** Most models that an alarm names. */
const NAMED = 3;

/**
 * Says what is wrong in lines that stand over all others: for all clients, or for those of a model,
 * with sources of servers, and with other routers.
 */
export function alarmLines(view: View, width: number, palette: Palette): string[] {
  return [...clientLines(view, width, palette), ...warningLines(view, width, palette)];
}

function warningLines(view: View, width: number, palette: Palette): string[] {
  return [...sourceLines(view), ...peerLines(view)].map((text) =>
    palette.warning(width === Infinity ? text : fit(text, width))
  );
}

function sourceLines({ sources, at }: View): string[] {
  const [first, ...others] = sources.filter(({ failedSince }) => failedSince !== null);
  if (!first) return [];
  const more = others.length > 0 ? ` and ${others.length} more` : "";
  const since = `for ${span(at - first.failedSince!)}, since ${timeOfDay(first.failedSince!)}`;
  const name = `${harmless(first.name)}${more}`;
  return [`! ${name} can't be read ${since}: ${harmless(first.failure!)}`];
}

function peerLines({ peers, at }: View): string[] {
  const [first, ...others] = peers.filter(({ up, since }) => !up && at - since >= AWAY_MS);
  if (!first) return [];
  const more = others.length > 0 ? ` and ${others.length} more` : "";
  const since = `for ${span(at - first.since)}, since ${timeOfDay(first.since)}`;
  return [
    `! Peer ${harmless(first.router)}${more} away ${since}: ${harmless(first.problem ?? "")}`,
  ];
}

function clientLines(view: View, width: number, palette: Palette): string[] {
  const line = (text: string) => width === Infinity ? `✖ ${text}` : fit(`✖ ${text}`, width);
  const { noneHealthySince, servers } = view.totals;
  if (noneHealthySince !== null) {
    // Before the first checks have ended, nothing is wrong yet.
    if (view.servers.every(({ state }) => state === "checking") && servers > 0) return [];
    const since = `for ${span(view.at - noneHealthySince)}, since ${timeOfDay(noneHealthySince)}`;
    return [palette.alarm(line(`No server is healthy ${since}: ${effectOf(view.servers)}`))];
  }
  const names = view.models.filter(({ healthy }) => healthy === 0).map(({ name }) => name);
  if (names.length === 0) return [];
  const more = names.length > NAMED ? ` and ${names.length - NAMED} more` : "";
  const some = names.slice(0, NAMED).map(harmless).join(", ");
  const listing = view.servers.filter(({ models }) => models.some((name) => names.includes(name)));
  return [palette.bad(line(`No healthy server has ${some}${more}: ${effectOf(listing)}`))];
}

/** Says what clients get while none of these servers is healthy. */
function effectOf(servers: View["servers"]): string {
  const isTried = servers.some(({ state }) => state === "half-open");
  return isTried ? "clients get 503, except for single trials" : "clients get 503";
}

/** Shows the router's version, address and uptime. */
export function identityLine(view: View, width: number, palette: Palette): string {
  return oneLine([
    palette.title(`vllm-router ${harmless(view.version)}`),
    harmless(view.address),
    palette.quiet(`up ${span(view.at - view.startedAt)}`),
  ], width);
}

/** Shows the totals of the fleet in two lines: its health and speed, and what clients notice. */
export function totalsLines({ totals }: View, width: number, palette: Palette): [string, string] {
  const { load, failovers, failedShare, waiting } = totals;
  const loadBar = `${bar(load, width < NARROW ? 5 : 10)} ${percent(load)}`;
  const { p50, p95, p99 } = totals.firstToken;
  return [
    oneLine([
      paintOfHealth(totals, palette)(`${totals.healthy} of ${totals.servers} healthy`),
      `Load ${paintOfUsage(load, palette)(loadBar)}`,
      `${rate(totals.requestsPerSecond)} requests/s`,
      `${rate(totals.tokensPerSecond)} tokens/s`,
      `${count(totals.inFlight)} in flight`,
      `${count(totals.pendingTokens)} tokens to prefill`,
    ], width),
    oneLine([
      (failedShare ? palette.bad : palette.plain)(`Failed ${percent(failedShare)}`),
      `TTFT p50 ${duration(p50)}, p95 ${duration(p95)}, p99 ${duration(p99)}`,
      (waiting > 0 ? palette.warning : palette.plain)(`Waiting ${count(waiting)}`),
      (failovers > 0 ? palette.warning : palette.plain)(
        `${count(failovers)} failover${failovers === 1 ? "" : "s"}`,
      ),
    ], width),
  ];
}

function paintOfHealth({ healthy, servers }: Totals, palette: Palette) {
  if (healthy === servers) return palette.good;
  return healthy === 0 ? palette.bad : palette.warning;
}
