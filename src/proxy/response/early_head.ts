import { BrokenAnswer } from "../../http/broken_answer.ts";

/** Headers of an answer. */
export type Head = [string, string][];

/** What is known, and told, before there is an answer. */
export interface Early {
  /** Aborts when the client has left. */
  readonly clientGone: AbortSignal;
  /** Settles when the answer has gone out, or its connection has ended. */
  readonly sent: Promise<unknown>;
  /** What a server sends before its engine has begun has been passed on. */
  readonly hasPreamble: boolean;
  /** Sends the head of a stream whose first token is waited for. Only the first call counts. */
  readonly open: (head: () => Head) => void;
  /** Passes on what comes before the first token. The head must be open. */
  readonly pass: (bytes: Uint8Array<ArrayBuffer>, kind: "preamble" | "comment") => void;
}

/** Where a client takes so little, further comments are dropped. */
const MOST_PIECES = 64;

const encoder = new TextEncoder();

/**
 * Answers a request, and may send a stream's head, and what its server sends before the first
 * token, ahead of the answer. Until the head is out the runtime doesn't tell that a client has
 * left whose request was longer than some hundred bytes; from then on it tells at once, and a
 * server need not compute the prompt of somebody who is gone. What goes wrong after that is told
 * in an event.
 *
 * @param sent settles when the answer has gone out, or its connection has ended
 * @param answer makes the answer
 */
export async function withEarlyHead(
  request: Request,
  sent: Promise<unknown>,
  answer: (early: Early) => Promise<Response>,
): Promise<Response> {
  const gone = new AbortController();
  const leave = () => gone.abort();
  request.signal.addEventListener("abort", leave);
  if (request.signal.aborted) leave();
  const { promise: opened, resolve: open } = Promise.withResolvers<Response>();
  let body: EarlyBody | undefined;
  let hasPreamble = false;
  const answered = answer({
    clientGone: gone.signal,
    sent,
    get hasPreamble() {
      return hasPreamble;
    },
    open(head) {
      if (body) return;
      body = earlyBody(() => answered, leave);
      open(new Response(body.stream, { headers: head() }));
    },
    pass(bytes, kind) {
      hasPreamble ||= kind === "preamble";
      body?.pass(bytes, kind === "preamble");
    },
  });
  return await Promise.race([answered, opened]);
}

interface EarlyBody {
  readonly stream: ReadableStream<Uint8Array<ArrayBuffer>>;
  pass(bytes: Uint8Array<ArrayBuffer>, isNeeded: boolean): void;
}

/** A body that begins before its answer does. */
function earlyBody(answered: () => Promise<Response>, leave: () => void): EarlyBody {
  let controller: ReadableStreamDefaultController<Uint8Array<ArrayBuffer>>;
  let reader: ReadableStreamDefaultReader<Uint8Array<ArrayBuffer>> | undefined;
  let failed: BrokenAnswer | undefined;
  let isOver = false;
  const stream = new ReadableStream<Uint8Array<ArrayBuffer>>({
    start: (started) => void (controller = started),
    async pull() {
      if (failed) throw failed;
      if (!reader) {
        const response = await answered();
        if (!response.ok) {
          // Its status can't be told any more: its body can.
          failed = new BrokenAnswer(`${response.status}`);
          return controller.enqueue(
            encoder.encode(`data: ${oneLine(await response.text())}\n\n`),
          );
        }
        reader = response.body!.getReader();
      }
      const { value, done } = await reader.read();
      isOver = done;
      if (done) controller.close();
      else controller.enqueue(value as Uint8Array<ArrayBuffer>);
    },
    cancel() {
      isOver = true;
      leave();
      reader?.cancel().catch(() => {});
    },
  }, { highWaterMark: 0 });
  return {
    stream,
    pass(bytes, isNeeded) {
      if (isOver || (!isNeeded && controller.desiredSize! < -MOST_PIECES)) return;
      controller.enqueue(bytes);
    },
  };
}

/** An event's data is one line. */
function oneLine(text: string): string {
  return text.replace(/\s*[\r\n]+\s*/g, " ");
}
