import type { Peers } from "../config/config.ts";
import { helloLine } from "./words.ts";
import { failureIn } from "../http/fetch_error.ts";
import { withoutProxies } from "../http/proxy_environment.ts";
import { whyRefused } from "./link.ts";
import { PEERS_PATH } from "./status.ts";

/** Asks a router whether it accepts events from this one. Returns the reason if it doesn't. */
export async function tryPeer(
  router: string,
  { key }: Pick<Peers, "key">,
  timeoutMs: number,
): Promise<string | undefined> {
  using client = withoutProxies(() => Deno.createHttpClient({ http2: false }));
  try {
    const response = await fetch(router + PEERS_PATH, {
      method: "POST",
      headers: key === undefined ? {} : { authorization: `Bearer ${key}` },
      body: helloLine(crypto.randomUUID()),
      client,
      redirect: "manual",
      signal: AbortSignal.timeout(timeoutMs),
    });
    await response.body?.cancel();
    return response.status === 200 ? undefined : whyRefused(response.status);
  } catch (error) {
    return failureIn(error);
  }
}
