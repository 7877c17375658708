import type { ApiError } from "../http/api_errors.ts";
import { errorIn } from "./error_shape.ts";

/** Longer errors are not vLLM's. */
const LONGEST_ERROR = 64 * 1024;
const decoder = new TextDecoder();

/** Returns a server's error in the router's own form, for an event of another format. */
export function errorOf(status: number, body: Uint8Array): ApiError {
  const error = errorIn(body.length <= LONGEST_ERROR ? decoder.decode(body) : "");
  const { message, type, code, param } = Object(error) as Record<string, unknown>;
  const says = message ?? error;
  return {
    status,
    message: typeof says === "string" ? says : `The server answered ${status}.`,
    type: typeof type === "string" ? type : "server_error",
    code: String(typeof code === "number" || typeof code === "string" ? code : status),
    ...(typeof param === "string" && { param }),
  };
}
