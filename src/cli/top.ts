import { setTimeout as delay } from "node:timers/promises";
import { Argument, type Command, InvalidArgumentError, Option } from "commander";
import { showsOnlyAscii } from "../monitor/terminal/ascii.ts";
import { drawAll } from "../monitor/terminal/draw.ts";
import { span, timeOfDay } from "../monitor/terminal/format.ts";
import { colourLevel, paletteOf } from "../monitor/terminal/paint.ts";
import { showFleet } from "../monitor/terminal/show.ts";
import { ownTerminal } from "../monitor/terminal/terminal.ts";
import type { View } from "../monitor/view.ts";
import { complain } from "./complain.ts";
import { examples } from "./options.ts";
import { fetchHistory, fetchView, followDetail, readCa, type Target } from "./top_router.ts";

const DEFAULT_URL = "http://127.0.0.1:8888";
/** Polling interval. */
const LOOK_MS = 500;

interface TopOptions {
  readonly model: boolean;
  readonly apiKey?: string;
  readonly ca?: string;
}

/** Turns `command` into `top`, which shows the monitor of a remote router. */
export function addTop(command: Command, ended: (code: number) => void): void {
  command
    .description("show the monitor of a remote router")
    .addArgument(
      new Argument("[url]", "the router's address").argParser(parseUrl).default(DEFAULT_URL),
    )
    .option("-m, --model", "show each server's models", false)
    .addOption(
      new Option("--api-key <key>", "API key for the router").env(
        "VLLM_ROUTER_API_KEY",
      ),
    )
    .option(
      "--ca <file>",
      "PEM file with the CA of the router's certificate, or the certificate itself",
    )
    .addHelpText(
      "after",
      examples(
        "vllm-router top",
        "vllm-router top http://router-1:8888 --model",
        "vllm-router top https://router-1:8888 --ca router-ca.pem",
        "vllm-router top http://router-1:8888 > snapshot.txt",
      ),
    )
    .action(async (url: string, options: TopOptions) => ended(await top(url, options)));
}

/** Shows a router's fleet until quit; without a terminal, prints it once. */
async function top(url: string, { model: models, apiKey, ca: file }: TopOptions): Promise<number> {
  let target: Target;
  let view: View;
  try {
    target = { url, apiKey, ca: file === undefined ? undefined : await readCa(file) };
    view = await fetchView(target);
  } catch (error) {
    complain((error as Error).message);
    return 1;
  }
  if (!Deno.stdin.isTerminal() || !Deno.stdout.isTerminal()) {
    console.log(drawAll(view, models, paletteOf(0)).join("\n"));
    return 0;
  }

  /** Since when the router doesn't answer, by both clocks in milliseconds, and why. */
  let away:
    | { readonly since: number; readonly wallSince: number; readonly why: string }
    | undefined;
  const details = followDetail(target, () => shown.draw());
  const shown = showFleet({
    terminal: ownTerminal(),
    palette: paletteOf(colourLevel(Deno.env.get("NO_COLOR"))),
    onlyAscii: showsOnlyAscii(Deno.env.get),
    view: () => view,
    detail: details.read,
    history: await fetchHistory(target),
    notice() {
      if (!away) return undefined;
      const awayFor = span(performance.now() - away.since);
      const since = timeOfDay(away.wallSince);
      return `no data for ${awayFor}, since ${since}, retrying: ${away.why}`;
    },
    models,
    onQuit: () => shown.close(),
  });
  for (const signal of endings()) Deno.addSignalListener(signal, shown.close);

  let closed = false;
  void shown.closed.then(() => closed = true);
  while (!closed) {
    try {
      [view] = await Promise.all([fetchView(target), details.refresh()]);
      away = undefined;
    } catch (error) {
      const { since, wallSince } = away ?? { since: performance.now(), wallSince: Date.now() };
      away = { since, wallSince, why: (error as Error).message };
    }
    await Promise.race([shown.closed, delay(LOOK_MS)]);
  }
  return 0;
}

function parseUrl(value: string): string {
  const url = URL.parse(value);
  if (url && /^https?:$/.test(url.protocol)) return value.replace(/\/+$/, "");
  throw new InvalidArgumentError(`Expected a URL such as ${DEFAULT_URL}.`);
}

function endings(): Deno.Signal[] {
  return Deno.build.os === "windows" ? ["SIGINT"] : ["SIGINT", "SIGTERM", "SIGHUP"];
}
