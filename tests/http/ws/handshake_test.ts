import assert from "node:assert/strict";
import { acceptFor, keyAmongProtocols } from "../../../src/http/ws/handshake.ts";

Deno.test("the accepting value is that of RFC 6455's example", () => {
  assert.equal(acceptFor("dGhlIHNhbXBsZSBub25jZQ=="), "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
});

Deno.test("a key is found among the subprotocols that a page offers", () => {
  const keyIn = (offered: string) =>
    keyAmongProtocols(new Headers({ "sec-websocket-protocol": offered }));
  assert.equal(keyIn("realtime, openai-insecure-api-key.sk-1, openai-beta.realtime-v1"), "sk-1");
  assert.equal(keyIn("realtime"), undefined);
  assert.equal(keyAmongProtocols(new Headers()), undefined);
});
