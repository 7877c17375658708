import assert from "node:assert/strict";
import { cli, startCli } from "../../support/cli.ts";
import { startFleet } from "../../support/fleet.ts";
import { until } from "../../support/until.ts";
import { deadUrl, startUpstream } from "../../support/upstream.ts";
import { startCommand } from "./session.ts";
import { hasTmux } from "./tmux.ts";
import type { View } from "../../../src/monitor/view.ts";
import { VERSION } from "../../../src/version.ts";
import { detailOf, manyServers, viewOf } from "./view.ts";

const ignore = !hasTmux();

Deno.test("without a terminal top prints a snapshot of a real router", async () => {
  await using fleet = await startFleet({ servers: [{}, { models: ["模型"] }] });
  await until("both are seen", () => fleet.router.view().totals.healthy === 2);
  const { code, stdout, stderr } = await cli(["top", `${fleet.router.url}/`, "--model"], {
    env: { NO_COLOR: "" },
  });
  assert.equal(code, 0, stderr);
  assert.match(stdout, /2 of 2 healthy/);
  assert.match(
    stdout,
    /KV cache +prefix hits +backlog +TTFT p50 +TTFT p95 +tokens\/s +errors +models/,
  );
  for (const { url } of fleet.simulators) assert.ok(stdout.includes(new URL(url).host));
  assert.match(stdout, /healthy.*模型/);
  assert.ok(!stdout.includes("\x1b"));
});

Deno.test("an unreachable router is reported in one line", async () => {
  const url = deadUrl();
  const { code, stdout, stderr } = await cli(["top", url]);
  assert.equal(code, 1);
  assert.match(stderr, RegExp(`^error: no router answers at ${url}: [^\n]+\n$`));
  assert.equal(stdout, "");
});

Deno.test("a server that is not a router is reported in one line", async () => {
  for (
    const [answer, told] of [
      [
        () => new Response("hello", { status: 500 }),
        "unexpected status 500; this is not a vllm-router",
      ],
      [() => Response.json(null), "unexpected response; this is not a vllm-router"],
      [() => new Response("hello"), "[^\n]+"],
    ] as const
  ) {
    await using other = startUpstream(answer);
    const { code, stderr } = await cli(["top", other.url]);
    assert.equal(code, 1);
    assert.match(stderr, RegExp(`^error: no router answers at ${other.url}: ${told}\n$`));
  }
});

Deno.test("a router of another version is reported in one line", async () => {
  const { failures: _, ...older } = viewOf([{}]);
  const { totals: { waiting: __, ...totals }, ...other } = viewOf([]);
  for (const [view, without] of [[older, "failures"], [{ ...other, totals }, "totals.waiting"]]) {
    await using router = startUpstream(() => Response.json(view));
    const { code, stderr } = await cli(["top", router.url]);
    assert.equal(code, 1);
    assert.equal(
      stderr,
      `error: the router at ${router.url} is of another version: its view has no ${without} ` +
        `(router 1.2.3, this top ${VERSION}); use the top of its version\n`,
    );
  }
});

Deno.test(
  { name: "top survives a router that becomes one of another version", ignore },
  async () => {
    let view: Partial<View> = viewOf([{}]);
    await using router = startUpstream(() => Response.json(view));
    await using top = await startCommand(`top ${router.url}`, { columns: 160 });
    await top.sees("1 of 1 healthy");
    const { failures: _, ...older } = viewOf([{}]);
    view = older;
    await top.sees(
      /! no data for \d s, since .*is of another version: its view has no failures/,
    );
    view = viewOf([{}, {}]);
    await top.sees("2 of 2 healthy");
    await top.missesAll("no data for");
    await top.terminal.press("q");
    await top.endsRestored(0);
  },
);

Deno.test(
  { name: "top shows a server's page, and that an older router has none", ignore },
  async () => {
    const asked: string[] = [];
    let isOld = false;
    await using router = startUpstream((request) => {
      const { pathname, searchParams } = new URL(request.url);
      if (pathname === "/dashboard/view") return Response.json(viewOf([{}, {}]));
      if (pathname !== "/dashboard/server" || isOld) return new Response("", { status: 404 });
      const url = searchParams.get("url")!;
      asked.push(url);
      return Response.json(detailOf({ url, engine: `engine of ${url}` }));
    });
    await using top = await startCommand(`top ${router.url}`);
    await top.sees("2 of 2 healthy");
    await top.terminal.press("Down", "Down", "Enter");
    await top.sees("engine of http://gpu-2:8000", "Learned pace");
    const before = asked.length;
    await until("it keeps asking while the page is open", () => asked.length > before + 1);
    assert.deepEqual([...new Set(asked)], ["http://gpu-2:8000"]);
    await top.terminal.press("Escape");
    await top.missesAll("Learned pace");
    isOld = true;
    await top.terminal.press("Up", "Enter");
    await top.sees("The router tells no more of it");
    await top.terminal.press("C-c");
    await top.endsRestored(0);
  },
);

Deno.test("a missing page suggests the router's other address", async () => {
  await using other = startUpstream(() => new Response("hello", { status: 404 }));
  const { code, stderr } = await cli(["top", other.url]);
  assert.equal(code, 1);
  assert.match(stderr, /^error: no router answers at [^\n]* 404; [^\n]*\[admin\][^\n]*\n$/);
});

Deno.test("a required key is reported, and a refused key is not repeated", async () => {
  await using router = startUpstream(() => new Response("", { status: 401 }));
  const without = await cli(["top", router.url]);
  assert.deepEqual([without.code, without.stderr], [
    1,
    `error: the router at ${router.url} requires an API key; pass one with --api-key\n`,
  ]);
  const refused = [
    await cli(["top", router.url, "--api-key", "sk-secret"]),
    await cli(["top", router.url], { env: { VLLM_ROUTER_API_KEY: "sk-secret" } }),
  ];
  for (const { code, stderr } of refused) {
    assert.equal(code, 1);
    assert.match(
      stderr,
      RegExp(`^error: the router at ${router.url} rejected the API key; [^\n]*\n$`),
    );
    assert.doesNotMatch(stderr, /sk-secret/);
  }
});

Deno.test("a bad URL is a usage error", async () => {
  for (const url of ["gpu-1", "localhost:8888", "ftp://gpu-1"]) {
    const { code, stderr } = await cli(["top", url]);
    assert.equal(code, 2);
    assert.match(stderr, /^error: .*Expected a URL such as http:\/\/127\.0\.0\.1:8888\.\n$/);
  }
});

Deno.test({ name: "top survives a restart of its router", ignore }, async () => {
  await using fleet = await startFleet({ servers: [{}, {}] });
  const [before, after] = fleet.simulators.map(({ url }) => url);
  const { port } = new URL(deadUrl());
  const restart = (server: string) => startCli(["--port", port, "--server", server]);
  await using first = await restart(before!);
  await using top = await startCommand(`top http://127.0.0.1:${port}/`);
  await top.sees(new URL(before!).host, `http://127.0.0.1:${port}`, "1 of 1 healthy");
  first.kill("SIGTERM");
  await first.status;
  const lost = /! no data for [1-9] s, since \d\d:\d\d:\d\d, retrying: no router answers/;
  await top.sees(lost, new URL(before!).host);
  await using _second = await restart(after!);
  await top.sees(new URL(after!).host, "1 of 1 healthy");
  await top.missesAll("no data for");
  await top.terminal.press("q");
  await top.endsRestored(0);
});

Deno.test({ name: "200 servers with wide names scroll in 80 columns", ignore }, async () => {
  const servers = manyServers(200).map((server, index) => ({
    name: index % 2 === 0 ? `模型服务器-${index + 1}` : `gpu-${index + 1}`,
    models: ["组织/大模型-🚀-" + "x".repeat(40)],
    ...server,
  }));
  await using router = startUpstream(() => Response.json(viewOf(servers)));
  await using top = await startCommand(`top ${router.url} --model`);
  await top.sees("180 of 200 healthy", "模型服务器-1 ", "组织/大模型", "1–", " of 200");
  const lines = (await top.terminal.capture()).trimEnd().split("\n");
  assert.equal(lines.length, 24);
  await top.terminal.press("End");
  await top.sees(/^>200 +gpu-200/m, "–200 of 200");
  await top.terminal.press("Up");
  await top.sees(/^>199 +模型服务器-199/m, "–200 of 200");
  await top.terminal.press("PageUp");
  await top.terminal.press("PageUp");
  await top.missesAll("gpu-200 ");
  await top.terminal.press("Home");
  await top.sees("模型服务器-1 ");
  await top.terminal.press("NPage");
  await top.terminal.press("NPage");
  await top.missesAll("模型服务器-1 ");
  await top.terminal.press("f");
  await top.sees("gpu-10 ", "of 20 unhealthy");
  top.kill("SIGTERM");
  await top.endsRestored(0);
});
