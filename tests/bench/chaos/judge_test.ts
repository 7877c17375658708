import assert from "node:assert/strict";
import { readAnswer } from "../../../bench/chaos/answer.ts";
import type { Asking } from "../../../bench/chaos/asking.ts";
import type { Got } from "../../../bench/chaos/client.ts";
import { type Case, type Circumstances, judge } from "../../../bench/chaos/judge.ts";

const ASKING: Asking = {
  id: "r",
  content: "Hello",
  stream: true,
  tokens: 3,
  isContinuable: false,
  body: "",
  leaving: undefined,
  error: undefined,
  poison: false,
  pauseMs: 0,
};
const TEXT = "the sky sea ";
const STREAM = new Map([["content-type", "text/event-stream; charset=utf-8"]]);
const JSON_TYPE = new Map([["content-type", "application/json"]]);

const CALM: Circumstances = {
  textOf: () => TEXT,
  breaksStreams: () => false,
  allOut: undefined,
  allOutKnown: undefined,
};

function event(content: string, finish: string | null = null, id = "chatcmpl-r-0"): string {
  const choices = [{ delta: { content }, finish_reason: finish }];
  return `data: ${JSON.stringify({ id, choices })}\n\n`;
}
const DONE = "data: [DONE]\n\n";
const BROKEN = `\n\ndata: {"error":{"message":"It broke off.","code":"stream_broken"}}\n\n`;
const WHOLE = event("the ") + event("sky ") + event("sea ") + event("", "length") + DONE;

/** A case in which an answer came from server 0. */
function caseOf(body: string, more: Partial<Got> = {}, asking: Partial<Asking> = {}): Case {
  const got: Got = {
    status: 200,
    headers: STREAM,
    body,
    ended: "clean",
    sentAt: 100,
    endedAt: 200,
    port: 8888,
    ...more,
  };
  return {
    asking: { ...ASKING, ...asking },
    got,
    said: readAnswer(got),
    attempts: [{ server: 0, id: "r-0", how: "finished", endedAt: 190 }],
    router: undefined,
  };
}

const CASES: readonly [string, Case, Partial<Circumstances>, string, RegExp?][] = [
  ["a whole stream", caseOf(WHOLE), {}, "answered"],
  ["a stream without its last event", caseOf(WHOLE.replace(DONE, "")), {}, "wrong", /isn't whole/],
  ["a stream without a token", caseOf(""), {}, "lost", /without a token/],
  ["an error as the first event", caseOf(BROKEN + DONE), {}, "lost", /without a token/],
  [
    "a token less than asked for",
    caseOf(event("the ") + event("sea ", "length") + DONE),
    {},
    "wrong",
    /not those of the answer/,
  ],
  [
    "tokens out of order",
    caseOf(event("sky ") + event("the ") + event("sea ", "length") + DONE),
    {},
    "wrong",
    /not those of the answer/,
  ],
  [
    "two answers spliced",
    caseOf(event("the ") + event("sky ", null, "chatcmpl-r-1")),
    {},
    "wrong",
    /2 answers in one/,
  ],
  [
    "an answer nobody gave",
    caseOf(event("the ", null, "chatcmpl-x-1")),
    {},
    "wrong",
    /no server gave/,
  ],
  [
    "a stream that broke under a trouble that breaks streams",
    caseOf(event("the ") + BROKEN, { ended: "broken" }),
    { breaksStreams: () => true },
    "broken",
  ],
  [
    "an event that broke in the middle, and an error event",
    caseOf(event("the ") + event("sky ").slice(0, 30) + BROKEN, { ended: "broken" }),
    { breaksStreams: () => true },
    "broken",
  ],
  [
    "a stream that broke though another server could have gone on with it",
    caseOf(event("the ") + BROKEN, { ended: "broken" }, { isContinuable: true }),
    { breaksStreams: () => true },
    "wrong",
    /could have gone on/,
  ],
  [
    "a stream that broke while all servers were out",
    caseOf(event("the ") + BROKEN, { ended: "broken" }, { isContinuable: true }),
    { breaksStreams: () => true, allOut: { from: 0, to: 150 } },
    "broken",
  ],
  [
    "a stream that broke without any trouble",
    caseOf(event("the ") + BROKEN, { ended: "broken" }),
    {},
    "wrong",
    /nothing was wrong/,
  ],
  [
    "a stream that broke without a word",
    caseOf(event("the "), { ended: "broken" }),
    { breaksStreams: () => true },
    "wrong",
    /without an error event/,
  ],
  [
    "a broken stream with [DONE]",
    caseOf(event("the ") + BROKEN + DONE, { ended: "broken" }),
    { breaksStreams: () => true },
    "wrong",
    /\[DONE\]/,
  ],
  [
    "a stream whose router was killed",
    { ...caseOf(event("the "), { ended: "broken" }), router: "killed" },
    {},
    "lost with its router",
  ],
  [
    "a stream that its router should have served on",
    { ...caseOf(event("the "), { ended: "broken" }), router: "frozen" },
    {},
    "wrong",
    /without an error event/,
  ],
  ["a client that left", caseOf(event("the "), { ended: "left" }), {}, "left"],
  [
    "a client that left with wrong tokens",
    caseOf(event("sea "), { ended: "left" }),
    {},
    "wrong",
    /not those/,
  ],
  [
    "a client that waited for an end in vain",
    caseOf(event("the "), { ended: "given up" }),
    { breaksStreams: () => true },
    "lost",
    /no end within 30 s/,
  ],
  [
    "an abort that passed as whole",
    caseOf(event("the ") + event("", "abort") + DONE),
    { breaksStreams: () => true },
    "wrong",
    /aborted/,
  ],
  [
    "a comment before and between tokens",
    caseOf(`: keep-alive\n\n${WHOLE.replace(event("sea "), `: keep-alive\n\n${event("sea ")}`)}`),
    {},
    "answered",
  ],
  [
    "a poisonous request that got an error",
    caseOf("{}", { status: 500, headers: JSON_TYPE }, { poison: true }),
    {},
    "poisonous",
  ],
  [
    "a poisonous request whose stream had its head",
    caseOf(BROKEN, { ended: "broken" }, { poison: true }),
    {},
    "poisonous",
  ],
  [
    "a poisonous request that got a client error",
    caseOf("{}", { status: 404, headers: JSON_TYPE }, { poison: true }),
    {},
    "wrong",
    /404/,
  ],
  [
    "no answer",
    caseOf("", { status: undefined, ended: "broken" }),
    {},
    "lost",
    /without an answer/,
  ],
  ["a status", caseOf("", { status: 502, headers: JSON_TYPE }), {}, "lost", /status 502/],
  [
    "a client error",
    caseOf("{}", { status: 400, headers: JSON_TYPE }, { error: [400] }),
    {},
    "client error",
  ],
  [
    "a client error that another status hid",
    caseOf("{}", { status: 503, headers: JSON_TYPE }, { error: [400] }),
    {},
    "lost",
    /status 503/,
  ],
];

for (const [name, one, circumstances, fate, problem] of CASES) {
  Deno.test(`the judge sees ${name}`, () => {
    const verdict = judge(one, { ...CALM, ...circumstances });
    assert.equal(verdict.fate, fate, verdict.problem);
    if (problem) assert.match(verdict.problem!, problem);
    else assert.equal(verdict.problem, undefined);
  });
}

Deno.test("a document is judged as a stream is", () => {
  const document = (content: string, finish_reason: string) =>
    JSON.stringify({ id: "chatcmpl-r-0", choices: [{ message: { content }, finish_reason }] });
  const fate = (body: string, more: Partial<Got> = {}) =>
    judge(caseOf(body, { headers: JSON_TYPE, ...more }, { stream: false }), CALM).fate;
  assert.equal(fate(document(TEXT, "length")), "answered");
  assert.equal(fate(document(TEXT.slice(4), "length")), "wrong");
  assert.equal(fate(document(TEXT.slice(0, 8), "length")), "wrong");
  assert.equal(fate(document(TEXT, "length").slice(0, 20), { ended: "broken" }), "lost");
});

Deno.test("while all are out a request is refused at once, in shape and with Retry-After", () => {
  const circumstances = {
    ...CALM,
    allOut: { from: 0, to: 1000 },
    allOutKnown: { from: 50, to: 700 },
  };
  const problem = (
    more: Partial<Got> = {},
    body = `{"error":{"message":"None.","code":"no_server_available"}}`,
  ) => {
    const headers = new Map([...JSON_TYPE, ["retry-after", "1"]]);
    const verdict = judge(caseOf(body, { status: 503, headers, ...more }), circumstances);
    assert.equal(verdict.fate, "refused while all out");
    return verdict.problem;
  };
  assert.equal(problem(), undefined);
  assert.match(problem({ status: 502 })!, /status 502/);
  assert.match(problem({ headers: JSON_TYPE })!, /without Retry-After/);
  assert.match(problem({}, "{}")!, /OpenAI's shape/);
  assert.match(problem({ endedAt: 650 })!, /only after 550 ms/);
  // Who asked before the router could know may get another error.
  assert.equal(problem({ status: 502, sentAt: 10 }), undefined);
});
