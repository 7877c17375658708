import assert from "node:assert/strict";
import { isFailure, type Outcome, verdict } from "../../../src/fleet/outcome.ts";
import { type Expiry, type Facts, outcomeOf } from "../../../src/proxy/attempt/outcome.ts";

/** The error that `fetch` throws for a refused connection. */
const CONNECT = new TypeError("error sending request", {
  cause: new Error("client error (Connect): tcp connect error: Connection refused (os error 111)"),
});
const BROKE = new TypeError("error sending request", {
  cause: new Error("client error (SendRequest): connection closed before message completed"),
});

/** Facts about an attempt, and their outcome. */
const table: readonly [string, Partial<Facts>, Outcome][] = [
  ["a good answer", { status: 200 }, "ok"],
  ["a redirect, which is no answer", { status: 302 }, "bad_status"],
  ["a client's own error", { status: 404 }, "client_error"],
  ["501, not implemented", { status: 501 }, "client_error"],
  ["429", { status: 429 }, "backpressure"],
  ["503", { status: 503 }, "backpressure"],
  ["500", { status: 500 }, "bad_status"],
  ["502", { status: 502 }, "bad_status"],
  ["504", { status: 504 }, "bad_status"],

  ["a refused connection", { error: CONNECT }, "refused"],
  ["a connection that broke before the head", { error: BROKE }, "reset"],
  ["an error without a cause", { error: new Error("?") }, "reset"],
  ["a thrown value that is not an error", { error: "?" }, "reset"],
  ["an answer that broke off", { status: 200, error: BROKE }, "truncated"],
  ["a client's error that broke off", { status: 404, error: BROKE }, "truncated"],
  ["an answer that broke with a connect error", {
    status: 200,
    error: CONNECT,
  }, "truncated"],

  ["a failure whose answer broke off", { status: 500, error: BROKE }, "bad_status"],
  ["pressure whose answer broke off", { status: 503, error: BROKE }, "backpressure"],
  ["a failure that fell silent", { status: 500, error: BROKE, expired: "silent" }, "bad_status"],

  ["no connection in time", { error: BROKE, expired: "unreachable" }, "refused"],
  ["silence before the head", { error: BROKE, expired: "silent" }, "timeout"],
  ["silence in mid-answer", { status: 200, error: BROKE, expired: "silent" }, "timeout"],
  ["a server that left rotation", { error: BROKE, expired: "evicted" }, "timeout"],
  ["an engine that stalls in mid-answer", {
    status: 200,
    error: BROKE,
    expired: "stopped",
  }, "timeout"],
  ["a request that takes too long", { status: 200, error: BROKE, expired: "overdue" }, "timeout"],
  ["a router that stops", { status: 200, error: BROKE, expired: "cut_off" }, "timeout"],

  ["an answer that its server aborted", { status: 200, isAborted: true }, "aborted"],
  ["an aborted answer that broke off", {
    status: 200,
    error: BROKE,
    isAborted: true,
  }, "aborted"],
  ["an aborted answer that fell silent", {
    status: 200,
    error: BROKE,
    expired: "silent",
    isAborted: true,
  }, "aborted"],
  ["an error of a server that shuts down", { status: 500, isShutdown: true }, "draining"],
  ["an error of a server that shuts down, cut off", {
    status: 500,
    error: BROKE,
    isShutdown: true,
  }, "draining"],
  ["an aborted answer whose client left", {
    status: 200,
    error: BROKE,
    isAborted: true,
    clientLeft: true,
  }, "client_closed"],

  ["a client that left before the head", { error: BROKE, clientLeft: true }, "client_closed"],
  ["a client that left in mid-answer", {
    status: 200,
    error: BROKE,
    clientLeft: true,
  }, "client_closed"],
  ["a client that left during a failure", {
    status: 500,
    error: BROKE,
    clientLeft: true,
  }, "client_closed"],
  ["a client that left as the time limit passed", {
    error: BROKE,
    expired: "silent",
    clientLeft: true,
  }, "client_closed"],
  ["a client that left during a refused connection", {
    error: CONNECT,
    clientLeft: true,
  }, "client_closed"],
  ["a client that stops reading in mid-answer", {
    status: 200,
    error: BROKE,
    expired: "unread",
  }, "client_closed"],
  ["a client that does not read a failure", {
    status: 500,
    error: BROKE,
    expired: "unread",
  }, "client_closed"],
  ["a client that left after the whole answer", { status: 200, clientLeft: true }, "ok"],
];

for (const [what, facts, outcome] of table) {
  Deno.test(`${what} is ${outcome}`, () => {
    const nothing = { status: undefined, error: undefined, expired: undefined, clientLeft: false };
    assert.equal(outcomeOf({ ...nothing, ...facts }), outcome);
  });
}

Deno.test("connect errors are recognised by fetch's own messages", async () => {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = listener.addr;
  listener.close();
  for (const host of [`127.0.0.1:${port}`, "nobody.invalid"]) {
    const error = await fetch(`http://${host}/`, { method: "POST" }).then(
      () => assert.fail("answered"),
      (error: unknown) => error,
    );
    const facts = { status: undefined, expired: undefined, clientLeft: false };
    assert.equal(outcomeOf({ ...facts, error }), "refused", host);
  }
});

Deno.test("500, 502, 503, 504, 429 and redirects are retried, every other status goes to the client", () => {
  for (let status = 200; status < 600; status++) {
    const outcome = outcomeOf({ status, error: undefined, expired: undefined, clientLeft: false });
    const isRedirect = status >= 300 && status < 400;
    const failed = isRedirect || [429, 500, 502, 503, 504].includes(status);
    assert.equal(isFailure(outcome), failed, String(status));
    if (!failed) assert.equal(outcome, status < 400 ? "ok" : "client_error", String(status));
  }
});

Deno.test("any facts give exactly one outcome, and a break is never `ok`", () => {
  const expiries: (Expiry | undefined)[] = [
    undefined,
    "unreachable",
    "silent",
    "evicted",
    "stopped",
    "unread",
    "overdue",
    "cut_off",
  ];
  for (const status of [undefined, 200, 302, 400, 429, 500, 501, 503, 599]) {
    for (const error of [undefined, CONNECT, BROKE]) {
      for (const expired of expiries) {
        for (const clientLeft of [false, true]) {
          for (const more of [{}, { isAborted: true }, { isShutdown: true }]) {
            const outcome = outcomeOf({ status, error, expired, clientLeft, ...more });
            const facts = { status, broke: !!error, expired, clientLeft, ...more, outcome };
            const told = JSON.stringify(facts);
            if (error || Object.keys(more).length > 0) {
              assert.notEqual(verdict(outcome), true, told);
            }
            const left = clientLeft || expired === "unread";
            if (error && left) assert.equal(outcome, "client_closed", told);
            if (!left) assert.notEqual(outcome, "client_closed", told);
          }
        }
      }
    }
  }
});
