import type { Context } from "hono";
import type { ServerChanges } from "./change_servers.ts";
import type { Routes } from "./hono_app.ts";

/**
 * Returns what answers at the paths that vLLM Router has for listing, adding and removing servers by
 * their URLs, in its words and with its status codes.
 */
export function workerUrlRoutes(changes: ServerChanges): Routes {
  const ofUrl = (answer: (url: string) => Promise<Response>) => ({ req }: Context) => {
    const [url, ...others] = req.queries("url") ?? [];
    if (url !== undefined && others.length === 0) return answer(url);
    const why = url === undefined ? "missing" : "duplicate";
    return answered(400, `Failed to deserialize query string: ${why} field \`url\``);
  };
  return {
    "/list_workers": {
      GET: () => Response.json({ urls: changes.servers().map(({ config }) => config.url) }),
    },
    "/add_worker": {
      POST: ofUrl(async (url) => {
        const result = await changes.add({ url });
        if (!("error" in result)) return answered(200, `Successfully added worker: ${url}`);
        const isThere = result.code === "WORKER_ALREADY_EXISTS";
        return answered(400, isThere ? `Worker ${url} already exists` : result.error);
      }),
    },
    "/remove_worker": {
      POST: ofUrl(async (url) => {
        const result = await changes.remove(url);
        const isGone = !("error" in result) || result.code === "WORKER_NOT_FOUND";
        return isGone
          ? answered(200, `Successfully removed worker: ${url}`)
          : answered(400, result.error);
      }),
    },
  };
}

function answered(status: number, text: string): Response {
  return new Response(text, { status, headers: { "content-type": "text/plain; charset=utf-8" } });
}
