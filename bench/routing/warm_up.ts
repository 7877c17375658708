import type { Client } from "./client.ts";
import { timed } from "./request.ts";
import { shortChats } from "./workloads.ts";

const REQUESTS = 200;
const AT_ONCE = 8;
const ANSWER_TOKENS = 4;
/** A seed that no replay uses, so that caches have no prompt of a replay. */
const SEED = -1;

/** Sends short requests to complete just-in-time compilation, here and in the contender. */
export async function warmUp(client: Client, nextPort: () => number): Promise<void> {
  const bodies = shortChats(SEED).take(REQUESTS)
    .map((draft) => timed({ ...draft, answerTokens: ANSWER_TOKENS }, 0).body);
  const send = async () => {
    for (const body of bodies) await client.send(nextPort(), body, () => {});
  };
  await Promise.all(Array.from({ length: AT_ONCE }, send));
}
