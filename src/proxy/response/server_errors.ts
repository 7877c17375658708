import type { Refusal } from "../../fleet/eligible.ts";
import { type ApiError, shuttingDown, unknownModel } from "../../http/api_errors.ts";
import type { Expiry } from "../attempt/outcome.ts";

/** The facts about a request that no server answered. */
export interface NoAnswer {
  /** The last attempt, if any. */
  readonly failed: { readonly expired: Expiry | undefined } | undefined;
  /** Why no server could be chosen, if so. */
  readonly refusal: Refusal | undefined;
  /** Another server could have been asked, but the retry budget was spent. */
  readonly retryDenied: boolean;
  readonly model: string | undefined;
  readonly settings: { readonly requestTimeoutMs: number; readonly totalTimeoutMs?: number };
}

/** Returns the error for a request without an answer; the most specific reason comes first. */
export function noAnswer({ failed, refusal, retryDenied, model, settings }: NoAnswer): ApiError {
  if (failed?.expired === "overdue") return overdue(settings.totalTimeoutMs!);
  if (failed?.expired === "cut_off") return shuttingDown;
  if (retryDenied) return retriesDenied;
  if (failed?.expired === "silent") return serversSilent(settings.requestTimeoutMs);
  if (failed) return serversFailed;
  return refusal === "unknown_model" ? unknownModel(model!) : noServer(model);
}

/** @param path without its query */
export const pathNotServed = (path: string, model: string | undefined): ApiError => ({
  status: 404,
  message: model === undefined
    ? `No server has the path ${path}.`
    : `No server of the model \`${model}\` has the path ${path}.`,
  type: "invalid_request_error",
  code: "path_not_served",
});

/** An unhealthy server is checked at this interval. */
const LOOK_SECONDS = 2;

export const noServer = (model?: string): ApiError => ({
  status: 503,
  message: model === undefined
    ? "No server is available at the moment."
    : `No server of the model \`${model}\` is available at the moment.`,
  type: "service_unavailable",
  code: "no_server_available",
  retryAfterSeconds: LOOK_SECONDS,
});

export const serversFailed: ApiError = {
  status: 502,
  message: "No server could answer the request.",
  type: "bad_gateway",
  code: "servers_failed",
};

export const serversSilent = (timeoutMs: number): ApiError => ({
  status: 504,
  message: `No server answered within ${timeoutMs / 1000} s.`,
  type: "gateway_timeout",
  code: "servers_silent",
});

/** Returns the error for the client of a stream that its server or the router broke off. */
export function brokenStream(
  expired: Expiry | undefined,
  settings: { readonly chunkTimeoutMs: number; readonly totalTimeoutMs?: number },
): ApiError {
  switch (expired) {
    case "silent":
      return {
        status: 504,
        message: `The server fell silent for ${
          settings.chunkTimeoutMs / 1000
        } s in the middle of its answer.`,
        type: "gateway_timeout",
        code: "stream_broken",
      };
    case "stopped":
      return {
        status: 502,
        message: "The server stopped in the middle of its answer.",
        type: "bad_gateway",
        code: "stream_broken",
      };
    case "overdue":
      return overdue(settings.totalTimeoutMs!);
    case "cut_off":
      return shuttingDown;
    default:
      return {
        status: 502,
        message: "The server broke off in the middle of its answer.",
        type: "bad_gateway",
        code: "stream_broken",
      };
  }
}

export const overdue = (totalMs: number): ApiError => ({
  status: 504,
  message: `The request took longer than ${totalMs / 1000} s.`,
  type: "gateway_timeout",
  code: "total_timeout",
  isLasting: true,
});

export const retriesDenied: ApiError = {
  status: 503,
  message: "The servers are failing, and so many requests are tried again that this one is not.",
  type: "service_unavailable",
  code: "retries_denied",
  retryAfterSeconds: 1,
};
