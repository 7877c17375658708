import assert from "node:assert/strict";
import {
  type ConsideredServer,
  describeDecision,
  describeTerms,
} from "../../src/fleet/decision.ts";
import { newServer } from "../../src/fleet/state/server.ts";
import { configOf } from "../support/config.ts";

const PREDICTION = {
  pendingTokens: 1_200.4,
  pendingWork: 1_200.4,
  promptTokens: 800,
  knownTokens: 700,
  ownTokens: 169.6,
  ownWork: 169.6,
  secondsPerToken: 1e-4,
  startSeconds: 0.04,
  aheadOfSeat: 2,
  secondsPerSeat: 0.1,
  crowding: 1.2,
};

const candidates: ConsideredServer[] = configOf([{ url: "http://a" }, { url: "http://b" }])
  .servers.map((config, id) => ({
    server: newServer(id, config, 0),
    id,
    load: 0.5 + id,
    prediction: PREDICTION,
  }));

Deno.test("a decision is described in one line without naming a server", () => {
  const decision = { policy: "least_work", chosen: candidates[1]!, candidates };
  assert.equal(
    describeDecision(decision),
    "least_work, 2 of 2: cost 0.329 s, first token in 0.257 s, 1200 tokens pending, " +
      "170 of 800 own, 10000 tokens/s, 2 ahead of a seat, load 1.50",
  );
});

Deno.test("the lowest cost is chosen, which isn't always the earliest first token", () => {
  const crowded = { ...PREDICTION, startSeconds: 0.03, crowding: 3 };
  const all = candidates.map((candidate, i) => ({
    ...candidate,
    load: 0,
    prediction: i === 0 ? crowded : PREDICTION,
  }));
  const [first, second] = all.map((candidate) => describeTerms("least_work", candidate));
  assert.match(first!, /^cost 0\.341 s, first token in 0\.247 s, /);
  assert.match(second!, /^cost 0\.309 s, first token in 0\.257 s, /);
});

Deno.test("a policy that compares only load is described by the load", () => {
  assert.equal(describeTerms("least_load", candidates[0]!), "load 0.50");
});

Deno.test("without a prediction, only the load is described", () => {
  assert.equal(describeTerms("least_work", { id: 1, load: 0.25 }), "load 0.25");
});
