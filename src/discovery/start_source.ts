import type { Discovery } from "../config/discovery.ts";
import { startDns } from "./dns/dns.ts";
import { startFiles } from "./files/files.ts";
import type { StartSource } from "./source.ts";

/** Returns how a source is started. Each kind has its folder. */
export function startSource({ from, ...entry }: Discovery): StartSource {
  switch (from.kind) {
    case "dns":
      return startDns(from, entry);
    case "files":
      return startFiles(from, entry);
    case "kubernetes":
      return whenLoaded(async () => {
        const { startKubernetes } = await import("./kubernetes/kubernetes.ts");
        return startKubernetes(from, entry);
      });
  }
}

/** Starts a source whose code is loaded only where one is configured. */
function whenLoaded(load: () => Promise<StartSource>): StartSource {
  return (listener) => {
    let hasStopped = false;
    const starting = load().then((start) => hasStopped ? undefined : start(listener));
    return {
      async stop() {
        hasStopped = true;
        await (await starting)?.stop();
      },
    };
  };
}
