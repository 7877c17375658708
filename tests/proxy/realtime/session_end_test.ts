import assert from "node:assert/strict";
import { BadMessage, ClosedAbnormally } from "../../../src/http/ws/web_socket.ts";
import { farewell } from "../../../src/proxy/realtime/session_end.ts";

Deno.test("a close passes to both sides, and a server's says how it fares", () => {
  for (
    const [code, outcome] of [
      [undefined, "ok"],
      [1000, "ok"],
      [1001, "draining"],
      [1008, "client_error"],
      [1011, "bad_status"],
      [1012, "draining"],
      [1013, "backpressure"],
    ] as const
  ) {
    const close = { code, reason: "why" };
    const byServer = farewell({ by: "server", close });
    assert.deepEqual([byServer.toClient, byServer.toServer], [close, close]);
    assert.equal(byServer.outcome, outcome, String(code));
    assert.equal(farewell({ by: "client", close }).outcome, "ok");
  }
});

Deno.test("whoever breaks off or breaks the rules is told apart from the other", () => {
  const left = new ClosedAbnormally("gone");
  const wrong = new BadMessage({ code: 1002, reason: "wrong" });
  const told = { code: 1002, reason: "wrong" };
  const ends = [
    [farewell({ by: "client", error: left }), undefined, 1001, "client_closed", false],
    [farewell({ by: "client", error: wrong }), told.code, 1001, "client_error", false],
    [farewell({ by: "server", error: left }), 1011, undefined, "truncated", true],
    [farewell({ by: "server", error: wrong }), 1011, told.code, "truncated", true],
  ] as const;
  for (const [end, toClient, toServer, outcome, hasEvent] of ends) {
    assert.deepEqual(
      [end.toClient?.code, end.toServer?.code, end.outcome, end.event !== undefined],
      [toClient, toServer, outcome, hasEvent],
    );
  }
});

Deno.test("a session that the router ends blames its server only for silence", () => {
  for (const why of ["cut_off", "overdue", "idle", "client_silent", "server_silent"] as const) {
    const { outcome, details } = farewell({ by: "router", why });
    const isBlamed = outcome === "timeout" && details?.blameless !== true;
    assert.equal(isBlamed, why === "server_silent", why);
  }
});
