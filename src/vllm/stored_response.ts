import { pathIn } from "../http/paths.ts";

/** A path that is about one stored response. */
export interface StoredResponse {
  readonly id: string;
  /** vLLM reads a response by GET and cancels it by POST. */
  readonly method: "GET" | "POST";
}

const PATH = /^\/v1\/responses\/([\w.-]{1,256})(\/cancel)?$/;

/** Reads a target such as `/v1/responses/resp_1?stream=true` or `/v1/responses/resp_1/cancel`. */
export function storedResponseIn(target: string): StoredResponse | undefined {
  if (!target.startsWith("/v1/responses/")) return undefined;
  const [, id, cancel] = PATH.exec(pathIn(target)) ?? [];
  return id === undefined ? undefined : { id, method: cancel ? "POST" : "GET" };
}

/** The id that an answer of `/v1/responses` begins with, `undefined` if there is none in it. */
export function responseIdIn(beginning: string): string | undefined {
  return /"id": ?"([\w.-]{1,256})"/.exec(beginning)?.[1];
}
