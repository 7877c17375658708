import assert from "node:assert/strict";
import { createKeyStatistics } from "../../src/monitor/key_statistics.ts";
import { SHOWN_KEYS } from "../../src/monitor/view_tables.ts";
import { openRecord } from "../../src/proxy/request_record.ts";
import { keyOf } from "../support/access.ts";
import { clientAs } from "../support/client.ts";
import { configOf } from "../support/config.ts";

const endOf = (keyName: string, tokens: number) => ({
  ...openRecord({ id: "1", client: clientAs({ keyName }), method: "POST", path: "/" }),
  usage: { promptTokens: tokens, completionTokens: 1 },
});

Deno.test("tokens are those of the last minute, requests all since the start, most tokens first", () => {
  const clock = { now: 0 };
  const keys = { list: () => [keyOf("a"), keyOf("b")], shareOf: () => 0.5 };
  const { listener, views } = createKeyStatistics(keys, () => clock.now);
  listener.closed!(endOf("a", 10));
  clock.now = 30_000;
  listener.closed!(endOf("b", 5));
  const shown = () => views().map((view) => [view.name, view.requests, view.tokensLastMinute]);
  assert.deepEqual(shown(), [["a", 1, 11], ["b", 1, 6]]);
  clock.now = 65_000;
  assert.deepEqual(shown(), [["b", 1, 6], ["a", 1, 0]]);
  clock.now = 1e9;
  assert.deepEqual(shown(), [["a", 1, 0], ["b", 1, 0]]);
  assert.equal(views()[0]!.limitShare, 0.5);
});

Deno.test("a view has a bounded number of keys, and removed keys are forgotten", () => {
  let list = Array.from({ length: 50 }, (_, i) => keyOf(`key-${i}`));
  const { listener, views } = createKeyStatistics(
    { list: () => list, shareOf: () => undefined },
    () => 0,
  );
  listener.closed!(endOf("key-49", 3));
  assert.equal(views().length, SHOWN_KEYS);
  assert.deepEqual(views()[0], {
    name: "key-49",
    requests: 1,
    requestsPerSecond: 1 / 55,
    tokensLastMinute: 4,
    limitShare: null,
  });
  const kept = list;
  const { access, ...config } = configOf([{ url: "http://a" }]);
  list = [];
  listener.reloaded!({ ...config, access: { ...access, keys: list } }, []);
  list = kept;
  assert.equal(views().find(({ name }) => name === "key-49")?.requests ?? 0, 0);
});
