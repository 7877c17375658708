import type { ServerConfig } from "../../src/config/config.ts";
import type { Source, StartSource } from "../../src/discovery/source.ts";
import { until } from "../support/until.ts";

/** A running source and what it reported. */
export interface Reports extends AsyncDisposable {
  /** The addresses of its servers, as reported last; `undefined` as long as nothing was. */
  urls: readonly string[] | undefined;
  /** Their configurations. */
  configs: readonly ServerConfig[];
  /** The last failure; `undefined` if servers were reported after it, or with it. */
  failure: string | undefined;
  /** How often servers were reported. */
  reports: number;
  readonly source: Source;
  /** Waits until these are its servers. */
  has(...urls: string[]): Promise<unknown>;
  /** Waits for a failure that contains this text. */
  fails(text: string): Promise<unknown>;
}

/** Starts a source and notes what it reports. */
export function noteReports(start: StartSource): Reports {
  const noted: Omit<Reports, "source" | "has" | "fails" | keyof AsyncDisposable> = {
    urls: undefined,
    configs: [],
    failure: undefined,
    reports: 0,
  };
  const source = start({
    onServers(servers) {
      noted.urls = servers.map(({ config, draining }) =>
        config.url + (draining ? " draining" : "")
      );
      noted.configs = servers.map(({ config }) => config);
      noted.failure = undefined;
      noted.reports++;
    },
    onFailure: (reason) => void (noted.failure = reason),
  });
  return Object.assign(noted, {
    source,
    has: async (...urls: string[]) =>
      await until(`the servers are ${urls}`, () => noted.urls?.join() === urls.join()),
    fails: async (text: string) =>
      await until(`it fails: ${text}`, () => noted.failure?.includes(text) ?? false),
    [Symbol.asyncDispose]: () => source.stop(),
  });
}
