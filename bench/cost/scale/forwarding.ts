import type { Listening } from "../../support/processes.ts";
import { startHaproxy } from "../proxies/haproxy.ts";
import { haproxy } from "../proxies/haproxy.ts";
import { nginx, startNginx } from "../proxies/nginx.ts";
import { type Proxy, ROUTER, type Setup } from "../proxies/proxy.ts";
import { measureRequests } from "../requests.ts";
import type { Bench } from "../rounds.ts";
import type { Rounds } from "../statistics.ts";
import { createEndpoints } from "./endpoints.ts";
import { SERVING } from "./polling.ts";
import { startFleetRouter } from "./router.ts";
import { startKubernetesSource } from "./sources.ts";

/** The router and whichever of nginx and HAProxy are measured, in front of 200 servers. */
function inFrontOfMany({ proxies }: Bench): Proxy[] {
  const isMeasured = (name: string) => proxies.some((proxy) => proxy.name === name);
  return [
    { name: ROUTER, canServeTls: false, start: startRouter },
    { name: nginx.name, canServeTls: false, start: startNginxOfMany },
    { name: haproxy.name, canServeTls: false, start: startHaproxyOfMany },
  ].filter(({ name }) => isMeasured(name));
}

/** Measures the CPU per request in microseconds, with 200 servers to choose from. */
export function measureForwarding(bench: Bench): Promise<Rounds> {
  return measureRequests({ ...bench, proxies: inFrontOfMany(bench) }, {}, { isMany: true });
}

async function startRouter({ upstream, folder }: Setup): Promise<Listening> {
  const ports = { port: upstream, deadPort: upstream };
  const population = { known: SERVING, serving: SERVING };
  const source = await startKubernetesSource(population, ports, folder);
  const router = await startFleetRouter({ entry: source.entry, folder, serving: SERVING });
  return {
    ...router,
    async [Symbol.asyncDispose]() {
      await router[Symbol.asyncDispose]();
      await source[Symbol.asyncDispose]();
    },
  };
}

const addresses = createEndpoints(SERVING, SERVING).slots.map(({ address }) => address);

function startNginxOfMany({ upstream, folder }: Setup): Promise<Listening> {
  const servers = addresses.map((address) => `server ${address}:${upstream};`);
  return startNginx(folder, ["least_conn;", ...servers]);
}

function startHaproxyOfMany({ upstream, folder }: Setup): Promise<Listening> {
  const servers = addresses.map((address, index) => `server s${index} ${address}:${upstream}`);
  return startHaproxy(folder, ["balance leastconn", ...servers]);
}
