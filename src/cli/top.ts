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
/** Between two looks at the router. */
const LOOK_MS = 500;
/** A router that takes longer to answer is as good as gone. */
const PATIENCE_MS = 3_000;

interface TopOptions {
  readonly model: boolean;
  readonly apiKey?: string;
  readonly ca?: string;
}

/** A router, and what it takes to ask it. */
interface Asked {
  readonly url: string;
  readonly apiKey?: string | undefined;
  /** Certificates in PEM that are trusted in place of those that are known. */
  readonly ca?: string | undefined;
}

/** Makes `command` the one that shows a router that runs elsewhere. */
export function addTop(command: Command, ended: (code: number) => void): void {
  command
    .description("show the fleet of a router that runs elsewhere")
    .addArgument(
      new Argument("[url]", "where the router listens").argParser(parseUrl).default(DEFAULT_URL),
    )
    .option("-m, --model", "show each server's models", false)
    .addOption(
      new Option("--api-key <key>", "shown to a router that asks for keys").env(
        "VLLM_ROUTER_API_KEY",
      ),
    )
    .option(
      "--ca <file>",
      "a file in PEM with the authority that signed its certificate, or that one",
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

/** Shows a router's fleet until told to stop; once where there is no terminal. */
async function top(url: string, { model: models, apiKey, ca: file }: TopOptions): Promise<number> {
  let ca: string | undefined;
  try {
    ca = file === undefined ? undefined : await Deno.readTextFile(file);
  } catch (error) {
    complain(`--ca: ${file} can't be read: ${(error as Error).message}`);
    return 1;
  }
  const asked = { url, apiKey, ca };
  let view: View;
  try {
    view = await fetchView(asked);
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
      return `connection lost, trying again; this is ${span(performance.now() - seenAt)} old`;
    },
    models,
    onQuit: () => shown.close(),
  });
  for (const signal of endings()) Deno.addSignalListener(signal, shown.close);

  let closed = false;
  void shown.closed.then(() => closed = true);
  while (!closed) {
    try {
      view = await fetchView(asked);
      seenAt = performance.now();
      lost = false;
    } catch {
      lost = true;
    }
    await Promise.race([shown.closed, delay(LOOK_MS)]);
  }
  return 0;
}

/** What the router shows of its fleet, under the address it was asked at. */
async function fetchView(asked: Asked): Promise<View> {
  const { url, apiKey } = asked;
  const { status, view } = await ask(asked).catch((error) => {
    throw new Error(`no router answers at ${url}: ${reasonOf(error)}`);
  });
  if (status !== 200) throw new Error(refusal(url, status, apiKey));
  if (!Array.isArray(view?.servers) || !view.totals) {
    throw new Error(`no router answers at ${url}: it answered something that a router would not`);
  }
  return { ...view, address: url } as View;
}

async function ask(
  { url, apiKey, ca }: Asked,
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

/** What an answer other than a view means, in one line. */
function refusal(url: string, status: number, apiKey: string | undefined): string {
  if (status === 401) {
    return apiKey
      ? `the router at ${url} refused the key that was shown; expected one of its api_keys`
      : `the router at ${url} asks for a key; show one with --api-key`;
  }
  const elsewhere = status === 404
    ? "; if it is one, it may have an address of its own for this: see [admin] in its configuration"
    : "";
  return `no router answers at ${url}: it answered ${status}, as a router would not${elsewhere}`;
}

function parseUrl(value: string): string {
  const url = URL.parse(value);
  if (url && /^https?:$/.test(url.protocol)) return value.replace(/\/+$/, "");
  throw new InvalidArgumentError(`Expected a URL such as ${DEFAULT_URL}.`);
}

function endings(): Deno.Signal[] {
  return Deno.build.os === "windows" ? ["SIGINT"] : ["SIGINT", "SIGTERM", "SIGHUP"];
}

/** Why a request failed, in one line. */
function reasonOf(error: unknown): string {
  const { name, message, cause } = error as Error;
  if (name === "TimeoutError") return `no answer within ${span(PATIENCE_MS)}`;
  const why = cause instanceof Error ? cause.message : message;
  return why.split("\n")[0]!;
}
