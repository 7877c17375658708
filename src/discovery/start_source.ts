import type { Discovery } from "../config/discovery.ts";
import { startDns } from "./dns/dns.ts";
import { startFiles } from "./files/files.ts";
import { startKubernetes } from "./kubernetes/kubernetes.ts";
import type { StartSource } from "./source.ts";

/** Returns how a source is started. Each kind has its folder. */
export function startSource({ from, ...entry }: Discovery): StartSource {
  switch (from.kind) {
    case "dns":
      return startDns(from, entry);
    case "files":
      return startFiles(from, entry);
    case "kubernetes":
      return startKubernetes(from, entry);
  }
}
