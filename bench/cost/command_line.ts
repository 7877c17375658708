import { Command, InvalidArgumentError, Option } from "commander";
import { haproxy } from "./proxies/haproxy.ts";
import { nginx } from "./proxies/nginx.ts";
import { type Other, parseOther } from "./proxies/other.ts";
import { ROUTER } from "./proxies/proxy.ts";
import { HTTP1, type Http1 } from "./proxies/router.ts";
import { DIRECT } from "./statistics.ts";

const TAKEN = [ROUTER, nginx.name, haproxy.name, DIRECT];

export interface CommandLine {
  readonly quick: boolean;
  /** Names of parts. @default all */
  readonly only?: readonly string[];
  readonly against: readonly Other[];
  /** Another implementation of HTTP/1.1 in the router, measured as well. */
  readonly http1?: Http1;
}

/** Returns the command, without its action. */
export function createCommand(parts: readonly string[]): Command {
  return new Command("deno task bench")
    .description("Measures the cost of the router compared with nginx, HAProxy and other proxies.")
    .option("--quick", "fewer and shorter rounds: faster, and less accurate", false)
    .addOption(new Option("--only <part...>", "only these parts").choices(parts))
    .addOption(
      new Option(
        "--against <name=command>",
        "measure another proxy as well; repeatable. The command is run by sh; {port} is the port " +
          "to listen on, {upstream} the URL of the simulated server",
      ).argParser(collect).default([], "none"),
    )
    .addOption(
      new Option(
        "--http1 <implementation>",
        "measure the router with this [server] http1 as well",
      ).choices(HTTP1),
    );
}

function collect(text: string, before: readonly Other[]): Other[] {
  const other = parseOther(text);
  if (typeof other === "string") throw new InvalidArgumentError(other);
  if (TAKEN.includes(other.name) || before.some(({ name }) => name === other.name)) {
    throw new InvalidArgumentError(`The name ${other.name} is taken.`);
  }
  return [...before, other];
}
