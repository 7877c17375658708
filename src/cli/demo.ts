import type { Command } from "commander";
import { checkConfig } from "../config/schema.ts";
import { setUpLog } from "../monitor/log.ts";
import { startSimulator } from "../simulator/simulator.ts";
import { listen, untilStopped } from "./listen.ts";
import { examples, routerPortOption } from "./options.ts";

const MODEL = "simulated-model";
/** All addresses of the machine, so that the demo is reachable from outside a container. */
const EVERYWHERE = "0.0.0.0";
/** Concurrent requests of each simulated server. */
const CAPACITIES = [3, 5, 4];

/** Turns `command` into `demo`, which runs a simulated fleet and the router. */
export function addDemo(command: Command, ended: (code: number) => void): void {
  command
    .description("run the router in front of three simulated vLLM servers; needs no GPU")
    .addOption(routerPortOption())
    .addHelpText("after", examples("vllm-router demo", "vllm-router demo --port 9000"))
    .action(async ({ port }: { port: number }) => ended(await demo(port)));
}

/** Runs a simulated fleet and the router until a stop signal. Returns the exit code. */
async function demo(port: number): Promise<number> {
  await setUpLog({ level: "info", console: Deno.stdout.isTerminal() ? "pretty" : "json" });
  const simulators = await Promise.all(
    CAPACITIES.map((maxNumSeqs, index) =>
      startSimulator({ models: [MODEL], maxNumSeqs, seed: index + 1 })
    ),
  );
  const checked = checkConfig({
    servers: {
      servers: simulators.map(({ url }, index) => ({
        url,
        name: `simulated-${index + 1}`,
        max_concurrent_requests: CAPACITIES[index],
      })),
    },
    // Short enough to watch a server fail and recover.
    config: { health_check_interval: 2 },
  }, () => undefined);
  if (!checked.ok) throw new Error("The demo's own configuration is invalid");

  const gateway = listen({ hostname: EVERYWHERE, port, config: checked.config });
  if (gateway) {
    const stopped = untilStopped(gateway);
    console.log(welcome(gateway.port, simulators.map(({ url }) => url)));
    await stopped;
  }
  for (const simulator of simulators) await simulator.close();
  return gateway ? 0 : 1;
}

function welcome(port: number, servers: readonly string[]): string {
  const address = `http://127.0.0.1:${port}`;
  return `
Three simulated vLLM servers of capacity ${CAPACITIES.join(", ")}: ${servers.join(", ")}
The router in front of them: ${address}
It listens on ${EVERYWHERE}:${port}: anyone who can reach this machine can reach the router.

Try it with curl:

  curl -N ${address}/v1/chat/completions -H 'content-type: application/json' \\
    -d '{"model": "${MODEL}", "stream": true, "messages": [{"role": "user", "content": "Hello"}]}'

or with the openai SDK (npm install openai), in a file named hello.mjs:

  import OpenAI from "openai";
  const client = new OpenAI({ baseURL: "${address}/v1", apiKey: "none" });
  const stream = await client.chat.completions.create({
    model: "${MODEL}",
    stream: true,
    messages: [{ role: "user", content: "Hello" }],
  });
  for await (const part of stream) process.stdout.write(part.choices[0]?.delta?.content ?? "");

Dashboard: ${address}/dashboard
Load: ${address}/load-stats   Health: ${address}/health   Stop with Ctrl-C.
`;
}
