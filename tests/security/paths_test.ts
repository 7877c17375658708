import assert from "node:assert/strict";
import { endpoints } from "../../src/vllm/endpoints.ts";
import { http1, startRouter } from "../support/router.ts";
import { connectRaw } from "./raw_client.ts";
import { startStrictServer } from "./strict_server.ts";

const inferencePaths = endpoints.filter(({ method }) => method === "POST")
  .map(({ path }) => path);

/** Management, information and plugin routes of vLLM, which clients must never reach. */
const MANAGEMENT = [
  "/invocations",
  "/ping",
  "/version",
  "/load",
  "/server_info",
  "/v1/load_lora_adapter",
  "/v1/unload_lora_adapter",
  "/start_profile",
  "/stop_profile",
  "/reset_prefix_cache",
  "/reset_mm_cache",
  "/reset_encoder_cache",
  "/sleep",
  "/wake_up",
  "/is_sleeping",
  "/collective_rpc",
  "/pause",
  "/resume",
  "/is_paused",
  "/abort_requests",
  "/scale_elastic_ep",
  "/is_scaling_elastic_ep",
  "/update_weights",
  "/init_weight_transfer_engine",
  "/get_world_size",
  "/docs",
  "/docs/oauth2-redirect",
  "/redoc",
  "/openapi.json",
];

const BODY = `{"a":1}`;
const percent = (letter: string) => `%${letter.charCodeAt(0).toString(16)}`;
const upToLast = (path: string) => path.slice(0, path.lastIndexOf("/"));

/** Alternative spellings of a path, each of which some server might treat as the path itself. */
function spellingsOf(path: string): string[] {
  const rest = path.slice(1);
  const first = rest[0]!;
  const last = path.at(-1)!;
  return [
    path.toUpperCase(),
    path.replace(/[a-z]/, (letter) => letter.toUpperCase()),
    `/${path}`,
    `//${path}`,
    path.replaceAll("/", "//"),
    `/.${path}`,
    `/./${rest}`,
    `/..${path}`,
    `/../..${path}`,
    `/x/..${path}`,
    `/x/../..${path}`,
    `/v1/..${path}`,
    `/v1/chat/completions/../../..${path}`,
    `/v1/chat/completions/..;/..;/..${path}`,
    `/v1/chat/completions/%2e%2e/%2e%2e/%2e%2e${path}`,
    `/v1/chat/completions/.%2e/%2E./%2e%2e${path}`,
    `/v1/chat/completions/..%2f..%2f..%2f${rest}`,
    `/v1/chat/completions/..\\..\\..\\${rest}`,
    `/v1/chat/completions/..%5c..%5c..%5c${rest}`,
    `/v1/chat/completions%2f..%2f..%2f..${path}`,
    `/v1/chat/completions%3f/../../..${path}`,
    `/v1/chat/completions%00${path}`,
    `/v1/chat/completions%20${path}`,
    `/v1/chat/completions;${path}`,
    `/v1/chat/completions#/../../..${path}`,
    `/v1/models/../..${path}`,
    `/v1/models/%2e%2e/%2e%2e${path}`,
    `/livez/..${path}`,
    `/%2e${path}`,
    `/%2e%2e${path}`,
    `/%2E%2E${path}`,
    `/.%2e${path}`,
    `/%252e%252e${path}`,
    `/%c0%ae%c0%ae${path}`,
    `/%e0%80%ae${path}`,
    `/%u002e%u002e${path}`,
    `/\xc0\xae\xc0\xae${path}`,
    `%2f${rest}`,
    `/%2f${rest}`,
    `/%2F${rest}`,
    `/%5c${rest}`,
    `/%c0%af${rest}`,
    `/%252f${rest}`,
    `\\${rest}`,
    `/\\${rest}`,
    `/${percent(first)}${rest.slice(1)}`,
    `/${percent(first).toUpperCase()}${rest.slice(1)}`,
    `/%25${percent(first).slice(1)}${rest.slice(1)}`,
    `/${[...rest].map((letter) => letter === "/" ? letter : percent(letter)).join("")}`,
    `${path.slice(0, -1)}${percent(last)}`,
    `${path}/`,
    `${path}//`,
    `${path}/.`,
    `${path}/./`,
    `${path}/x/..`,
    `${path}/%2e`,
    `${path}%2f`,
    `${path}%2F`,
    `${path}\\`,
    `${path}%5c`,
    `${path}.`,
    `${path}..`,
    `${path}%2e`,
    `${path};`,
    `${path};a=b`,
    `${path}%3b`,
    `${upToLast(path)};a=b${path.slice(path.lastIndexOf("/"))}`,
    `${path}%00`,
    `${path}%00.json`,
    `${path}\0`,
    `${path}%20`,
    `${path}%09`,
    `${path}%0a`,
    `${path}%0d%0a`,
    `${path}%3f`,
    `${path}%23`,
    `${path}#`,
    `${path}#x`,
    `${path}%`,
    `${path}%zz`,
    `${path}:`,
    `${path}*`,
    `${path}~`,
    `${path},`,
    `${path}&a=b`,
    `${path}\xe2\x80\x8b`,
    path.replace(/[sk]/, (letter) => letter === "s" ? "\xc5\xbf" : "\xe2\x84\xaa"),
    `http://router/${path}`,
    `http://router/x/..${path}`,
    `http://router/%2e${path}`,
    `http://router${path}/`,
    `http://router\\${rest}`,
    `http://router#${path}`,
    `http://router?${path}`,
    `http:${path}`,
    `http://${path}`,
    `http://?${path}`,
    `file://${path}`,
    `router${path}`,
    `*${path}`,
    `?${path}`,
    `#${path}`,
  ].filter((spelling) => spelling !== path);
}

/** Targets that start with an allowed path and contain `path` later. */
function queriesOf(path: string): string[] {
  return [
    `/livez?${path}`,
    `/nowhere?${path}`,
    `/nowhere?/../..${path}`,
    `/nowhere/?x=${path}`,
    `/?${path}`,
    `/#${path}`,
    `/?/..${path}`,
  ];
}

const request = (method: string, target: string, host = "router") =>
  `${method} ${target} HTTP/1.1\r\nHost: ${host}\r\nContent-Type: application/json\r\n` +
  `Content-Length: ${BODY.length}\r\n\r\n${BODY}`;

/** A router in front of a strict server, with a connection that is reopened when closed. */
async function setUp() {
  const server = startStrictServer();
  const router = await startRouter([{ url: server.url }]);
  let connection = await connectRaw(router.port);
  return {
    server,
    async statusOf(method: string, target: string, host?: string): Promise<number | undefined> {
      await connection.send(request(method, target, host));
      const answer = await connection.answer(method);
      if (answer?.headers.some(([name, value]) => name === "connection" && value === "close")) {
        await connection[Symbol.asyncDispose]();
        connection = await connectRaw(router.port);
      }
      return answer?.status;
    },
    async [Symbol.asyncDispose]() {
      await connection[Symbol.asyncDispose]();
      await router.shutdown(0);
      await server[Symbol.asyncDispose]();
    },
  };
}

Deno.test("management routes are unreachable by any method", async () => {
  await using parts = await setUp();
  const { server, statusOf } = parts;
  for (const path of MANAGEMENT) {
    for (const method of ["POST", "GET", "HEAD", "PUT", "PATCH", "DELETE", "post", "SLEEP"]) {
      const expected = http1 === "own" && /post|SLEEP/.test(method) ? 501 : 404;
      for (const target of [path, `${path}?level=1`, `http://router${path}`]) {
        assert.equal(await statusOf(method, target), expected, `${method} ${target}`);
      }
    }
  }
  assert.deepEqual(server.requests, []);
});

Deno.test("management routes are unreachable by any other spelling", async () => {
  await using parts = await setUp();
  const { server, statusOf } = parts;
  let sent = 0;
  for (const path of MANAGEMENT) {
    for (const target of [...spellingsOf(path), ...queriesOf(path)]) {
      const status = await statusOf("POST", target);
      // The router's own pages exist, but only for GET; a model may have any name.
      const ownPage = /^(http:\/\/router\?|\/livez\?|\/\?|\/v1\/models\/)/.test(target);
      const expected = ownPage ? [400, 404, 405] : [400, 404];
      assert.ok(expected.includes(status!), `${status} to ${JSON.stringify(target)}`);
      assert.deepEqual(server.requests, [], target);
      sent++;
    }
  }
  assert.ok(sent > 3_000, `${sent}`);
  assert.deepEqual(server.problems, []);
});

Deno.test("management routes are unreachable through the Host header", async () => {
  await using parts = await setUp();
  const { server, statusOf } = parts;
  for (const path of MANAGEMENT) {
    for (
      const host of [
        path,
        `${path}?`,
        `${path}#`,
        `${path}%3f`,
        `/${path}?`,
        `router${path}?`,
        `router${path}#`,
        `router?${path}`,
        `@${path}?`,
        `:80${path}?`,
        `\\${path}?`,
      ]
    ) {
      for (const target of ["/v1/chat/completions", "/score", "/livez", path]) {
        assert.equal(await statusOf("POST", target, host), 400, `${host} ${target}`);
      }
    }
  }
  assert.deepEqual(server.requests, []);
});

Deno.test("an inference path is forwarded unchanged, and matches no other spelling", async () => {
  await using parts = await setUp();
  const { server, statusOf } = parts;
  for (const path of inferencePaths) {
    const asItIs = [path, `${path}?`, `${path}?a=b&c=/sleep`, `http://router${path}`];
    const unmistakable = [`${path}/`, `http://router${path}/`, `/v1/v1${path.replace("/v1", "")}`];
    for (const target of asItIs) assert.equal(await statusOf("POST", target), 200, target);
    const came = server.requests.map(({ target }) => target);
    assert.deepEqual(came.map((target) => target.split("?")[0]), asItIs.map(() => path));

    for (const target of [...spellingsOf(path), ...queriesOf(path)]) {
      const other = inferencePaths.includes(target) || unmistakable.includes(target);
      const status = await statusOf("POST", target);
      assert.ok(other || [400, 404, 405].includes(status!), `${status} to ${target}`);
      const all = server.requests.splice(asItIs.length);
      assert.equal(all.length, other && status === 200 ? 1 : 0, target);
      assert.ok(all.every((request) => inferencePaths.includes(request.target)), target);
    }
    server.requests.splice(0);
  }
  assert.deepEqual(server.problems, []);
});
