import type { Client } from "./client.ts";
import { timed } from "./request.ts";
import { shortChats } from "./workloads.ts";

const REQUESTS = 200;
const AT_ONCE = 8;
const ANSWER_TOKENS = 4;
/** A seed that no replay has, so that nothing they share is in a cache. */
const SEED = -1;

/** Sends short requests until what is compiled at run time has been, here and in the contender. */
export async function warmUp(client: Client, nextPort: () => number): Promise<void> {
  const bodies = shortChats(SEED).take(REQUESTS)
    .map((draft) => timed({ ...draft, answerTokens: ANSWER_TOKENS }, 0).body);
  const send = async () => {
    for (const body of bodies) await client.send(nextPort(), body, () => {});
  };
  await Promise.all(Array.from({ length: AT_ONCE }, send));
}
