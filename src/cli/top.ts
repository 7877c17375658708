import { setTimeout as delay } from "node:timers/promises";
import { Argument, type Command, InvalidArgumentError, Option } from "commander";
import { drawAll } from "../monitor/terminal/draw.ts";
import { colourLevel, paletteOf } from "../monitor/terminal/paint.ts";
import { showFleet } from "../monitor/terminal/show.ts";
import { ownTerminal } from "../monitor/terminal/terminal.ts";
import { span } from "../monitor/terminal/text.ts";
import type { View } from "../monitor/view.ts";
import { complain } from "./complain.ts";
import { get } from "./get.ts";
import { examples } from "./options.ts";

const DEFAULT_URL = "http://127.0.0.1:8888";
/** Polling interval. */
const LOOK_MS = 500;
/** A router that takes longer to respond counts as unreachable. */
const PATIENCE_MS = 3_000;

interface TopOptions {
  readonly model: boolean;
  readonly apiKey?: string;
  readonly ca?: string;
}

/** A router and the credentials to query it. */
interface Target {
  readonly url: string;
  readonly apiKey?: string | undefined;
  /** PEM certificates to trust instead of the default ones. */
  readonly ca?: string | undefined;
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
  let ca: string | undefined;
  try {
    ca = file === undefined ? undefined : await Deno.readTextFile(file);
  } catch (error) {
    complain(`--ca: ${file} can't be read: ${(error as Error).message}`);
    return 1;
  }
  const target = { url, apiKey, ca };
  let view: View;
  try {
    view = await fetchView(target);
  } catch (error) {
    complain((error as Error).message);
    return 1;
  }
  if (!Deno.stdin.isTerminal() || !Deno.stdout.isTerminal()) {
    console.log(drawAll(view, models, paletteOf(0)).join("\n"));
    return 0;
  }

  let seenAt = performance.now();
  let lost = false;
  const shown = showFleet({
    terminal: ownTerminal(),
    palette: paletteOf(colourLevel(Deno.env.get("NO_COLOR"))),
    view: () => view,
    notice: () => {
      if (!lost) return undefined;
      return `connection lost, retrying; last data ${span(performance.now() - seenAt)} old`;
    },
    models,
    onQuit: () => shown.close(),
  });
  for (const signal of endings()) Deno.addSignalListener(signal, shown.close);

  let closed = false;
  void shown.closed.then(() => closed = true);
  while (!closed) {
    try {
      view = await fetchView(target);
      seenAt = performance.now();
      lost = false;
    } catch {
      lost = true;
    }
    await Promise.race([shown.closed, delay(LOOK_MS)]);
  }
  return 0;
}

/** Fetches the router's view of its fleet and labels it with the requested address. */
async function fetchView(target: Target): Promise<View> {
  const { url, apiKey } = target;
  const { status, view } = await ask(target).catch((error) => {
    throw new Error(`no router answers at ${url}: ${reasonOf(error)}`);
  });
  if (status !== 200) throw new Error(refusal(url, status, apiKey));
  if (!Array.isArray(view?.servers) || !view.totals) {
    throw new Error(`no router answers at ${url}: unexpected response; this is not a vllm-router`);
  }
  return { ...view, address: url } as View;
}

async function ask(
  { url, apiKey, ca }: Target,
): Promise<{ status: number; view?: Partial<View> | null }> {
  const page = `${url}/dashboard/view`;
  const headers: Record<string, string> = apiKey === undefined
    ? {}
    : { authorization: `Bearer ${apiKey}` };
  if (ca !== undefined) {
    const { status, body } = await get(page, { headers, timeoutMs: PATIENCE_MS, trust: { ca } });
    return status === 200 ? { status, view: JSON.parse(body) } : { status };
  }
  const response = await fetch(page, { signal: AbortSignal.timeout(PATIENCE_MS), headers });
  const { status } = response;
  if (status === 200) return { status, view: await response.json() };
  await response.body?.cancel();
  return { status };
}

/** Explains a response other than 200 in one line. */
function refusal(url: string, status: number, apiKey: string | undefined): string {
  if (status === 401) {
    return apiKey
      ? `the router at ${url} rejected the API key; expected one of its api_keys`
      : `the router at ${url} requires an API key; pass one with --api-key`;
  }
  const hint = status === 404
    ? "if this is a vllm-router, use the [admin] address in its configuration"
    : "this is not a vllm-router";
  return `no router answers at ${url}: unexpected status ${status}; ${hint}`;
}

function parseUrl(value: string): string {
  const url = URL.parse(value);
  if (url && /^https?:$/.test(url.protocol)) return value.replace(/\/+$/, "");
  throw new InvalidArgumentError(`Expected a URL such as ${DEFAULT_URL}.`);
}

function endings(): Deno.Signal[] {
  return Deno.build.os === "windows" ? ["SIGINT"] : ["SIGINT", "SIGTERM", "SIGHUP"];
}

/** Explains a failed request in one line. */
function reasonOf(error: unknown): string {
  const { name, message, cause } = error as Error;
  if (name === "TimeoutError") return `no response within ${span(PATIENCE_MS)}`;
  const why = cause instanceof Error ? cause.message : message;
  return why.split("\n")[0]!;
}
