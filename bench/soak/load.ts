import { createRandom, type Random } from "../../src/simulator/random.ts";
import { Client, type Got } from "../chaos/client.ts";
import { type Asking, MODEL } from "../chaos/asking.ts";

/** Number of requests by outcome. */
export interface Fates {
  /** Answered completely. */
  answered: number;
  /** Left by their client. */
  left: number;
  /** Ended mid-stream with an error event. */
  broken: number;
  /** Answered with an error status. */
  refused: number;
  /** Ended in any other way. */
  wrong: number;
}

/** Clients that send a given number of requests at a time. */
export interface Load {
  readonly fates: Readonly<Fates>;
  /** Sends this many requests and waits for the last of them. */
  send(requests: number): Promise<void>;
  close(): void;
}

type Request = Pick<Asking, "id" | "body" | "leaving" | "stream">;

const LEAVING = 0.2;
const STREAMS = 0.5;

export function createLoad(port: number, count: number, seed: number): Load {
  const random = createRandom(seed);
  const clients = Array.from(
    { length: count },
    () => new Client({ choose: () => port, refused() {} }),
  );
  const fates: Fates = { answered: 0, left: 0, broken: 0, refused: 0, wrong: 0 };
  let asked = 0;
  return {
    fates,
    async send(requests) {
      const last = asked + requests;
      await Promise.all(clients.map(async (client) => {
        while (asked < last) {
          const request = drawRequest(asked++, random);
          fates[fateOf(request, await client.ask(request))]++;
        }
      }));
    },
    close: () => clients.forEach((client) => client.close()),
  };
}

/** Draws a request with a short answer, or with a long one whose client leaves. */
function drawRequest(index: number, random: Random): Request {
  const leaves = random() < LEAVING;
  const stream = leaves || random() < STREAMS;
  const stage = random();
  return {
    id: `soak-${index}`,
    stream,
    leaving: !leaves
      ? undefined
      : stage < 0.1
      ? { stage: "uploading" }
      : stage < 0.6
      ? { stage: "waiting", ms: 20 * random() }
      : stage < 0.7
      ? { stage: "head" }
      : { stage: "streaming", events: 1 + Math.floor(4 * random()) },
    body: JSON.stringify({
      model: MODEL,
      messages: [{ role: "user", content: `Request ${index}` }],
      max_tokens: leaves ? 200 : 1 + Math.floor(5 * random()),
      ignore_eos: true,
      stream,
    }),
  };
}

function fateOf({ stream }: Request, { status, ended, body }: Got): keyof Fates {
  if (ended === "left") return "left";
  if (status === undefined) return "wrong";
  if (status !== 200) return ended === "clean" ? "refused" : "wrong";
  const isWhole = stream ? body.endsWith("data: [DONE]\n\n") : body.endsWith("}");
  if (ended === "clean") return isWhole ? "answered" : "wrong";
  return stream && !isWhole && body.includes('data: {"error"') ? "broken" : "wrong";
}
