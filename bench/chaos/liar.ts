import { serverHash } from "../../src/fleet/peers/event.ts";
import { eventsLine, helloLine, PEER_VERSION } from "../../src/peers/words.ts";
import { sleep } from "../support/processes.ts";

/** Someone with the right key who claims requests that there are not. */
export interface Liar {
  /** @throws {Error} if the router has refused it, or broken with it */
  stop(): Promise<void>;
}

/** Requests claimed at once. */
const CLAIMS = 1_000;
const CLAIM_EVERY_MS = 100;
const TOKENS = 1_000_000;

/** Starts to claim thousands of long requests on all servers. */
export function createLiar(admin: string, key: string, urls: readonly string[]): Liar {
  let isOver = false;
  let id = 0;
  const encoder = new TextEncoder();
  const claims = () =>
    Array.from({ length: CLAIMS }, () => ({
      kind: "sent" as const,
      id: ++id,
      server: serverHash(urls[id % urls.length]!),
      promptTokens: TOKENS,
      ownTokens: TOKENS,
      stream: true,
      queued: false,
      computed: false,
      expectedMs: 1,
      ageMs: 0,
      session: undefined,
      blocks: [],
    }));
  const body = new ReadableStream<Uint8Array<ArrayBuffer>>({
    start: (controller) => controller.enqueue(encoder.encode(helloLine("liar"))),
    async pull(controller) {
      await sleep(CLAIM_EVERY_MS);
      if (isOver) return controller.close();
      controller.enqueue(encoder.encode(eventsLine(claims())));
    },
  });
  const lying = post(admin, key, body).then(async (response) => {
    await response.body?.pipeTo(new WritableStream());
    if (response.status !== 200 || !isOver) {
      throw new Error(`the liar was refused: ${response.status}`);
    }
  });
  lying.catch(() => {});
  return {
    stop() {
      isOver = true;
      return lying;
    },
  };
}

/**
 * Speaks to a router in another version.
 *
 * @throws {Error} if the router takes it
 */
export async function speakAnotherVersion(admin: string, key: string): Promise<void> {
  const hello = { ...JSON.parse(helloLine("other-version")), version: PEER_VERSION + 1 };
  const response = await post(admin, key, JSON.stringify(hello) + "\n");
  await response.body?.cancel();
  if (response.status !== 426) throw new Error(`another version was answered ${response.status}`);
}

function post(admin: string, key: string, body: BodyInit): Promise<Response> {
  return fetch(`${admin}/peers`, {
    method: "POST",
    headers: { authorization: `Bearer ${key}` },
    body,
  });
}
