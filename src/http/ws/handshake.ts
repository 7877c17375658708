import { createHash } from "node:crypto";
import type { ApiError } from "../api_errors.ts";
import type { Exchange, Head } from "../exchange.ts";
import type { Handshake } from "./web_socket.ts";

/** Why a handshake is refused. */
export interface RefusedHandshake {
  readonly error: ApiError;
  readonly headers: Head;
}

/** OpenAI's subprotocol. Its browser clients offer it, and fail if no subprotocol is chosen. */
const PROTOCOL = "realtime";
/** OpenAI's way to send a key from a browser, which can't set headers: a subprotocol. */
const KEY_PROTOCOL = "openai-insecure-api-key.";
/** 16 bytes as base64. */
const KEY = /^[A-Za-z0-9+/]{22}==$/;
const GUID = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
const TO_UPGRADE: Head = [["connection", "upgrade"], ["upgrade", "websocket"]];

/** Checks the handshake of a client (RFC 6455, section 4.2.1). */
export function readHandshake(
  { method, headers }: Pick<Exchange, "method" | "headers">,
): Handshake | RefusedHandshake {
  if (
    method !== "GET" ||
    !listed(headers.get("upgrade")).some((name) => name.toLowerCase() === "websocket")
  ) {
    return refuse(426, "This endpoint is a WebSocket, over HTTP/1.1.", TO_UPGRADE);
  }
  if (!listed(headers.get("connection")).some((name) => name.toLowerCase() === "upgrade")) {
    return refuse(400, "`Connection` does not name `Upgrade`.");
  }
  if (headers.get("sec-websocket-version") !== "13") {
    const version: Head = [["sec-websocket-version", "13"]];
    return refuse(426, "`Sec-WebSocket-Version` must be 13.", version);
  }
  const key = headers.get("sec-websocket-key") ?? "";
  if (!KEY.test(key)) return refuse(400, "`Sec-WebSocket-Key` must be 16 bytes in base64.");
  if ((headers.get("content-length") ?? "0") !== "0" || headers.has("transfer-encoding")) {
    return refuse(400, "A WebSocket handshake has no body.");
  }
  return { key, protocol: offered(headers).find((name) => name === PROTOCOL) };
}

/** The fields of the answer that accepts a handshake. */
export function acceptingHead({ key, protocol }: Handshake): Head {
  const chosen: Head = protocol === undefined ? [] : [["sec-websocket-protocol", protocol]];
  return [...TO_UPGRADE, ["sec-websocket-accept", acceptFor(key)], ...chosen];
}

/** The value of `sec-websocket-accept` for a key. */
export function acceptFor(key: string): string {
  return createHash("sha1").update(key + GUID).digest("base64");
}

/** The API key among a client's subprotocols, if it offers one. */
export function keyAmongProtocols(headers: Exchange["headers"]): string | undefined {
  const found = offered(headers).find((name) => name.startsWith(KEY_PROTOCOL));
  return found?.slice(KEY_PROTOCOL.length);
}

function offered(headers: Exchange["headers"]): string[] {
  return listed(headers.get("sec-websocket-protocol"));
}

function listed(value: string | null): string[] {
  return value?.split(",").map((name) => name.trim()) ?? [];
}

function refuse(status: number, message: string, headers: Head = []): RefusedHandshake {
  return {
    error: { status, message, type: "invalid_request_error", code: "bad_handshake" },
    headers,
  };
}
