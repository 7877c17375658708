import assert from "node:assert/strict";
import { mean } from "../../../bench/routing/quantiles.ts";
import { planReplay } from "../../../bench/routing/replay.ts";
import { type Draft, timed, type TimedRequest } from "../../../bench/routing/request.ts";
import { scenarios } from "../../../bench/routing/scenarios.ts";
import { capacityOf, demandOf, prefillMs } from "../../../bench/routing/servers.ts";
import { textOf } from "../../../bench/routing/text.ts";
import {
  agents,
  flooded,
  longConversations,
  longEnds,
  shortChats,
} from "../../../bench/routing/workloads.ts";
import { attendedTokens } from "../../../src/simulator/engine/sequence.ts";
import { tokenize } from "../../../src/simulator/inference/tokenizer.ts";

function requests(drafts: Iterable<Draft>, count: number): TimedRequest[] {
  return Iterator.from(drafts).take(count).map((draft) => timed(draft, 0)).toArray();
}

const within = (value: number, low: number, high: number) =>
  assert.ok(value >= low && value <= high, `${value} is not from ${low} to ${high}`);

Deno.test("a text has as many tokens as asked, and a shorter one begins a longer one", () => {
  const text = textOf(100, 1, 2);
  assert.equal(tokenize(text).length, 100);
  assert.ok(text.startsWith(textOf(40, 1, 2)));
  assert.notEqual(text, textOf(100, 1, 3));
});

Deno.test("short chats are as long as the trace's and share nothing", () => {
  const made = requests(shortChats(1), 2000);
  within(mean(made.map(({ prompt }) => prompt.length)), 1150, 1300);
  assert.ok(demandOf(made).newTokens > 1100);
  // The trace's answers have 237 tokens on average.
  within(2 * mean(made.map(({ answerTokens }) => answerTokens)), 215, 255);
});

Deno.test("long conversations are as long as the trace's and share as much", () => {
  const made = requests(longConversations(1), 1000);
  const tokens = mean(made.map(({ prompt }) => prompt.length));
  within(tokens, 9500, 15_500);
  // Of the trace's first 1,000 requests 22% could be found.
  within(1 - demandOf(made).newTokens / tokens, 0.12, 0.32);
});

Deno.test("conversations go on within a replay of theirs", () => {
  const replay = planReplay(scenarios.sessions!, {
    seed: 1,
    seconds: 240 * scenarios.sessions!.stretch,
    arrivals: "poisson",
  });
  const tokens = mean(replay.requests.map(({ prompt }) => prompt.length));
  within(1 - demandOf(replay.requests).newTokens / tokens, 0.15, 0.4);
});

Deno.test("a further turn comes no sooner than the answer before it can be there", () => {
  const drafts = Iterator.from(agents(3)).take(400).toArray();
  let further = 0;
  for (const { messages, originalMs } of drafts) {
    const before = drafts.find((draft) =>
      draft.messages.length === messages.length - 2 &&
      draft.messages.at(-1)!.content === messages.at(-3)!.content
    );
    if (!before) continue;
    further++;
    assert.ok(originalMs! - before.originalMs! >= 40 * before.answerTokens);
  }
  assert.ok(further > 100);
});

Deno.test("agents share most of what they send", () => {
  const made = requests(agents(1), 500);
  const tokens = mean(made.map(({ prompt }) => prompt.length));
  within(1 - demandOf(made).newTokens / tokens, 0.8, 0.97);
});

Deno.test("a further turn repeats what was said before it", () => {
  const drafts = Iterator.from(agents(2)).take(200).toArray();
  const further = drafts.filter(({ messages }) => messages.length > 2);
  assert.ok(further.length > 100);
  for (const { messages } of further) {
    const first = drafts.find((draft) =>
      draft.messages.length === messages.length - 2 &&
      draft.messages.at(-1)!.content === messages.at(-3)!.content
    );
    assert.deepEqual(first?.messages, messages.slice(0, -2));
    assert.equal(tokenize(messages.at(-2)!.content).length, first!.answerTokens);
  }
});

Deno.test("a flood makes one request in twenty very long", () => {
  const made = requests(flooded(shortChats(1), 1), 1000);
  within(made.filter(({ prompt }) => prompt.length >= 20_000).length, 30, 75);
});

Deno.test("every contender gets the same requests at the same moments", () => {
  const plan = (seed: number) =>
    planReplay(scenarios.seats!, { seed, seconds: 30, arrivals: "poisson" }).requests
      .map(({ atMs, body }) => [atMs, new TextDecoder().decode(body)]);
  assert.deepEqual(plan(1), plan(1));
  assert.notDeepEqual(plan(1), plan(2));
});

Deno.test("a replay is as long as asked, in order", () => {
  for (const scenario of Object.values(scenarios)) {
    const { requests, perSecond } = planReplay(scenario, {
      seed: 1,
      seconds: 60,
      arrivals: "poisson",
    });
    within(requests.length / perSecond, 40, 80);
    within(requests.at(-1)!.atMs, 30_000, 90_000);
    assert.ok(requests.every(({ atMs }, index) => atMs >= (requests[index - 1]?.atMs ?? 0)));
  }
});

Deno.test("the servers of `cold` and `long` are as slow with long prompts as real ones", () => {
  for (const { servers: [server] } of [scenarios.cold!, scenarios.long!]) {
    const perSecond = (tokens: number) =>
      tokens / prefillMs(server!, tokens, attendedTokens(tokens, 0)) * 1000;
    within(perSecond(50), 2350, 2400);
    within(perSecond(9000), 755, 785);
  }
});

Deno.test("a fleet handles fewer long prompts if they take longer the longer they are", () => {
  const { servers } = scenarios.long!;
  const flat = servers.map((server) => ({
    ...server,
    prefill: { prefillTokensPerSecond: 2400 },
  }));
  const demand = demandOf(requests(longEnds(1), 200));
  const rates = [servers, flat].map((each) => capacityOf(each, demand));
  within(rates[0]! / rates[1]!, 0.3, 0.7);
});
