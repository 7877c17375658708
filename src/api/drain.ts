import type { Context } from "hono";
import type { ApiError } from "../http/api_errors.ts";
import { errorResponse } from "../http/error_answer.ts";

/** Drains the server of this name, or ends that; `false` if there is none. */
export type SetDrained = (name: string, drained: boolean) => boolean;

/** The path of a server's drain: POST begins it, DELETE ends it. */
export const DRAIN_PATH = "/servers/:name/drain";

/** Answers a request that drains a server, or ends that. */
export function createDrain(setDrained: SetDrained): (c: Context) => Response {
  return ({ req }) => {
    const name = req.param("name") ?? "";
    const draining = req.method === "POST";
    if (!setDrained(name, draining)) return errorResponse(noServer(name));
    return Response.json({ server: name, draining });
  };
}

export const noServer = (name: string): ApiError => ({
  status: 404,
  message: `No server is named \`${name}\`.`,
  type: "invalid_request_error",
  code: "unknown_server",
});
