import { BrokenAnswer } from "./relay.ts";

/** What is known, and told, before there is an answer. */
export interface Early {
  /** Aborts when the client has left. */
  readonly clientGone: AbortSignal;
  /** A server's stream has its head, and its first event is waited for. */
  readonly onStreamHead: (headers: readonly [string, string][]) => void;
}

/** A first event that takes longer is waited for with the answer's head sent. */
const EARLY_MS = 1_000;

const encoder = new TextEncoder();

/**
 * Answers a request, and where a stream's first event takes long sends the head before it. Until
 * then the runtime doesn't tell that a client has left whose request was longer than some hundred
 * bytes; once the head is out it tells at once, and the server needs not compute the prompt of
 * somebody who is gone. What goes wrong after that is told in an event.
 *
 * @param answer makes the answer
 */
export async function withEarlyHead(
  request: Request,
  answer: (early: Early) => Promise<Response>,
): Promise<Response> {
  const gone = new AbortController();
  const leave = () => gone.abort();
  request.signal.addEventListener("abort", leave);
  if (request.signal.aborted) leave();
  const { promise: late, resolve: isLate } = Promise.withResolvers<[string, string][]>();
  let timer: ReturnType<typeof setTimeout> | undefined;
  const onStreamHead: Early["onStreamHead"] = (headers) => {
    timer ??= setTimeout(() => isLate([...headers]), EARLY_MS);
  };
  const answered = answer({ clientGone: gone.signal, onStreamHead })
    .finally(() => clearTimeout(timer));
  const first = await Promise.race([answered, late]);
  if (first instanceof Response) return first;
  return new Response(continued(answered, leave), {
    headers: [["content-type", "text/event-stream; charset=utf-8"], ...first],
  });
}

/** The body of an answer that is yet to come, as part of a stream that has begun. */
function continued(
  answered: Promise<Response>,
  leave: () => void,
): ReadableStream<Uint8Array> {
  let reader: ReadableStreamDefaultReader<Uint8Array> | undefined;
  let failed: BrokenAnswer | undefined;
  return new ReadableStream<Uint8Array>({
    async pull(controller) {
      if (failed) throw failed;
      if (!reader) {
        const response = await answered;
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
      if (done) controller.close();
      else controller.enqueue(value);
    },
    cancel() {
      leave();
      reader?.cancel().catch(() => {});
    },
  }, { highWaterMark: 0 });
}

/** An event's data is one line. */
function oneLine(text: string): string {
  return text.replace(/\s*[\r\n]+\s*/g, " ");
}
