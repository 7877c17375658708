import assert from "node:assert/strict";
import { fetchHistory } from "../../src/cli/top_router.ts";
import { createPast } from "../../src/monitor/history.ts";
import { viewOf } from "../monitor/terminal/view.ts";
import { startUpstream } from "../support/upstream.ts";

Deno.test("a history that is not complete is none", async () => {
  const past = createPast();
  past.add(viewOf([{}]));
  const history = JSON.parse(JSON.stringify({ ...past.read(), changes: [] }));
  let answer: unknown = history;
  await using router = startUpstream(() => Response.json(answer));
  assert.deepEqual(await fetchHistory({ url: router.url }), history);
  for (
    const wrong of [
      null,
      "history",
      { ...history, times: "now" },
      { ...history, requestsPerSecond: undefined },
      { ...history, firstTokenP95: {} },
      { ...history, servers: {} },
      { ...history, servers: [null] },
      { ...history, servers: [{ url: "http://gpu-1:8000" }] },
    ]
  ) {
    answer = wrong;
    assert.equal(await fetchHistory({ url: router.url }), undefined, JSON.stringify(wrong));
  }
});
