import { checkConfig } from "../../../src/config/schema.ts";
import { Fleet } from "../../../src/fleet/fleet.ts";
import type { Lease } from "../../../src/fleet/lease.ts";
import type { Server } from "../../../src/fleet/state/server.ts";
import type { PromptProfile } from "../../../src/fleet/estimate/prompt_profile.ts";
import { classify } from "../../../src/proxy/request/classify.ts";
import { membersOf } from "../../../src/proxy/request/json_members.ts";
import { inTimeSlices } from "../../../src/util/time_slices.ts";
import { fingerprint, PROMPT_MEMBERS } from "../../../src/proxy/request/fingerprint.ts";
import { atOnce } from "../../../src/util/walk.ts";
import { CAPACITY } from "../proxies/router.ts";

export const PROMPT_KB = 30;
export const HASHED_KB = 100;

/** Prompts before measuring; more than the index holds. */
const PROMPTS_BEFORE = 40_000;
/** Requests in flight per server, so that loads differ. */
const IN_FLIGHT = 4;
/** A large system prompt that all servers have seen. */
const SYSTEM_KB = 20;
/** Operations between two clock readings, since the clock is coarse. */
const AT_ONCE = 20;

/** Measures the microseconds to choose one of so many servers for a 30 KB prompt, per round. */
export async function measureChoosing(
  servers: number,
  rounds: number,
  seconds: number,
): Promise<number[]> {
  const fleet = fleetOf(servers);
  for (let i = 0; i < PROMPTS_BEFORE; i++) {
    const { lease } = choose(fleet, await profileOf(PROMPT_KB));
    lease.started();
    lease.end("ok", { promptTokens: 7_500, answerTokens: 100 });
  }
  for (let i = 0; i < IN_FLIGHT * servers; i++) {
    const { lease } = choose(fleet, await profileOf(PROMPT_KB));
    if (i % 2 === 0) lease.started();
  }
  return inRounds(rounds, seconds, async () => {
    const works = [];
    for (let i = 0; i < AT_ONCE; i++) works.push(await profileOf(PROMPT_KB));
    let microseconds = 0;
    for (const work of works) {
      const chosen = choose(fleet, work);
      microseconds += chosen.microseconds;
      chosen.lease.started();
      chosen.lease.end("ok", { promptTokens: 7_500, answerTokens: 100 });
    }
    return microseconds / AT_ONCE;
  });
}

/** Measures the microseconds to find and hash a 100 KB prompt in its body, per round. */
export function measureHashing(rounds: number, seconds: number): Promise<number[]> {
  const options = { model: "m", stream: true };
  const bodies = Array.from({ length: AT_ONCE }, () => bodyOf(HASHED_KB));
  return inRounds(rounds, seconds, () => {
    const start = performance.now();
    for (const body of bodies) {
      const members = atOnce(membersOf(body, ["model", "stream", ...PROMPT_MEMBERS], 128));
      if (typeof members === "string") throw new Error(members);
      fingerprint(body, members, options);
    }
    return (performance.now() - start) * 1000 / AT_ONCE;
  });
}

/** Measures for `seconds` per round and returns each round's median. An extra round warms up. */
async function inRounds(
  rounds: number,
  seconds: number,
  measure: () => number | Promise<number>,
): Promise<number[]> {
  const figures = [];
  for (let round = 0; round <= rounds; round++) {
    const measured = [];
    const end = performance.now() + seconds * 1000;
    while (performance.now() < end) measured.push(await measure());
    figures.push(measured.sort((a, b) => a - b)[measured.length >> 1]!);
  }
  return figures.slice(1);
}

function fleetOf(count: number): Fleet {
  const servers = Array.from({ length: count }, (_, i) => ({
    url: `http://10.0.${i >> 8}.${i & 255}:8000`,
    max_concurrent_requests: CAPACITY,
    models: ["m"],
  }));
  const checked = checkConfig({ servers: { servers } }, () => undefined);
  if (!checked.ok) throw new Error(JSON.stringify(checked.problems));
  const fleet = new Fleet({ config: checked.config });
  for (const server of fleet.servers as Server[]) {
    fleet.recordCheck(server, { ok: true, responseMs: 1 });
  }
  return fleet;
}

function choose(fleet: Fleet, work: PromptProfile): { lease: Lease; microseconds: number } {
  const start = performance.now();
  const lease = fleet.acquire(work, new Map());
  const microseconds = (performance.now() - start) * 1000;
  if (typeof lease === "string") throw new Error(lease);
  return { lease, microseconds };
}

async function profileOf(kilobytes: number): Promise<PromptProfile> {
  const asked = await inTimeSlices(classify(bodyOf(kilobytes), "application/json"));
  if (!("profile" in asked)) throw new Error(asked.message);
  return asked.profile;
}

const encoder = new TextEncoder();
const SYSTEM = "You answer in plain words. ".repeat(SYSTEM_KB * 1000 / 27);
let turn = 0;

/** Returns a chat of this size. No two are alike after the system prompt. */
function bodyOf(kilobytes: number): Uint8Array<ArrayBuffer> {
  const said = `Question ${turn++}. \\"Why?\\" `;
  const system = { role: "system", content: SYSTEM };
  const user = {
    role: "user",
    content: said.repeat((kilobytes - SYSTEM_KB) * 1000 / (said.length + 4)),
  };
  return encoder.encode(JSON.stringify({ model: "m", stream: true, messages: [system, user] }));
}
