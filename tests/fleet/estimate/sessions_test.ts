import assert from "node:assert/strict";
import { createSessions } from "../../../src/fleet/estimate/sessions.ts";

Deno.test("a session belongs to its last server", () => {
  const sessions = createSessions(10);
  assert.equal(sessions.last(7), undefined);
  sessions.remember(7, 0);
  sessions.remember(8, 0);
  sessions.remember(7, 3);
  assert.deepEqual([sessions.last(7), sessions.last(8)], [3, 0]);
});

Deno.test("forgetting a server's sessions keeps those of others", () => {
  const sessions = createSessions(10);
  sessions.remember(7, 0);
  sessions.remember(8, 1);
  sessions.forget(0);
  assert.deepEqual([sessions.last(7), sessions.last(8)], [undefined, 1]);
});

Deno.test("beyond the limit the least recently used session is evicted", () => {
  const sessions = createSessions(2);
  for (const session of [1, 2, 1, 3]) sessions.remember(session, 0);
  assert.deepEqual([1, 2, 3].map(sessions.last), [0, undefined, 0]);
});

Deno.test("a server in the place of another one doesn't inherit its sessions", () => {
  const sessions = createSessions(10);
  sessions.remember(7, 0);
  sessions.forget(0);
  sessions.remember(8, 0);
  assert.deepEqual([sessions.last(7), sessions.last(8)], [undefined, 0]);
  assert.deepEqual([...sessions.recent()], [[8, 0]]);
});
