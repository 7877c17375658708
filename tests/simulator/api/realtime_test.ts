import assert from "node:assert/strict";
import type { Simulator } from "../../../src/simulator/simulator.ts";
import { RawClient, start, test, until } from "../helpers.ts";

// deno-lint-ignore no-explicit-any
type Event = any;

/** A client of /v1/realtime that keeps every event. */
class Client implements AsyncDisposable {
  readonly events: Event[] = [];
  readonly socket: WebSocket;
  readonly closed: Promise<CloseEvent>;

  constructor(simulator: Simulator) {
    this.socket = new WebSocket(`${simulator.url.replace("http", "ws")}/v1/realtime`);
    this.socket.onmessage = ({ data }) => this.events.push(JSON.parse(data));
    this.closed = new Promise((resolve) => this.socket.onclose = resolve);
  }

  send(event: unknown): void {
    this.socket.send(typeof event === "string" ? event : JSON.stringify(event));
  }

  /** Waits for the first event of this type after the last one returned. */
  async next(type: string): Promise<Event> {
    const find = () => this.events.findIndex((event) => event.type === type);
    await until(() => find() >= 0);
    return this.events.splice(0, find() + 1).at(-1);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.socket.close();
    await this.closed;
  }
}

/** So many samples, all of the same value, as base64. */
function audio(samples: number, value = 1): string {
  return btoa(
    String.fromCharCode(
      ...new Uint8Array(Int16Array.from({ length: samples }, () => value).buffer),
    ),
  );
}

const append = (samples: number, value?: number) => (
  { type: "input_audio_buffer.append", audio: audio(samples, value) }
);
const COMMIT = { type: "input_audio_buffer.commit" };
const END = { ...COMMIT, final: true };
const USE = { type: "session.update", model: "simulated-model" };

test("audio is transcribed as it arrives, a token for every 80 ms", async () => {
  await using simulator = await start();
  await using client = new Client(simulator);
  const created = await client.next("session.created");
  assert.match(created.id, /^sess-[0-9a-f]{32}$/);
  assert.equal(typeof created.created, "number");
  client.send(USE);
  client.send(COMMIT);
  client.send(append(1280 * 3));
  await until(() => client.events.length === 3);
  const first = client.events.map(({ delta }) => delta).join("");
  client.send(append(1281, 2));
  client.send(END);
  const done = await client.next("transcription.done");
  assert.ok(done.text.startsWith(first));
  assert.equal(done.usage.completion_tokens, 5);
  assert.equal(done.usage.total_tokens, done.usage.prompt_tokens + 5);
  assert.equal(simulator.state().finished, 1);
});

test("a session transcribes one utterance after another, the same audio to the same text", async () => {
  await using simulator = await start();
  await using client = new Client(simulator);
  client.socket.onopen = () => {
    client.send(USE);
    for (let turn = 0; turn < 2; turn++) {
      [append(5000), COMMIT].forEach((event) => client.send(event));
    }
    client.send(END);
  };
  const first = await client.next("transcription.done");
  for (const event of [COMMIT, append(5000), append(5000), END]) client.send(event);
  const second = await client.next("transcription.done");
  assert.equal(first.text, second.text);
  assert.equal(simulator.state().finished, 2);
});

test("mistakes get vLLM's words and the session goes on", async () => {
  await using simulator = await start();
  await using client = new Client(simulator);
  await client.next("session.created");
  const cases: [unknown, string, string | RegExp][] = [
    ["{", "invalid_json", "Invalid JSON"],
    [{ type: "response.create" }, "unknown_event", "Unknown event type: response.create"],
    [{}, "unknown_event", "Unknown event type: None"],
    [COMMIT, "model_not_validated", /^Model not validated/],
    [{ type: "session.update" }, "invalid_event", "Missing required field: model"],
    [{ ...USE, model: "x" }, "model_not_found", "The model `x` does not exist."],
    [{ ...append(1), audio: "AAA=" + "!" }, "invalid_audio", "Invalid audio data"],
    [{ ...append(1), audio: btoa("abc") }, "invalid_audio", "Invalid audio data"],
    [{ ...append(1), audio: "" }, "invalid_audio", "Invalid audio data"],
    [{ type: "input_audio_buffer.append" }, "processing_error", /Field required/],
  ];
  for (const [event, code, message] of cases) {
    client.send(event);
    const error = await client.next("error");
    assert.equal(error.code, code);
    if (typeof message === "string") assert.equal(error.error, message);
    else assert.match(error.error, message);
  }
  for (const event of [USE, COMMIT, append(10), END]) client.send(event);
  await client.next("transcription.done");
});

test("a client that leaves aborts its transcription", async () => {
  await using simulator = await start({ speed: 1 });
  {
    await using client = new Client(simulator);
    await client.next("session.created");
    for (const event of [USE, COMMIT, append(60_000)]) client.send(event);
    await client.next("transcription.delta");
    assert.equal(simulator.state().running, 1);
  }
  await until(() => simulator.state().aborted === 1);
  assert.equal(simulator.state().running, 0);
});

test("a server that stops closes sessions with 1012, and a fault can break one off", async () => {
  await using simulator = await start();
  const idle = new Client(simulator);
  await idle.next("session.created");
  await simulator.setFault({ kind: "reset_mid_stream", afterTokens: 2 });
  const broken = new Client(simulator);
  await broken.next("session.created");
  for (const event of [USE, COMMIT, append(60_000)]) broken.send(event);
  assert.equal((await broken.closed).wasClean, false);
  assert.equal(broken.events.length, 2);
  await simulator.shutDown(0);
  assert.equal((await idle.closed).code, 1012);
});

test("a plain request finds no such route, and a fault can answer the handshake", async () => {
  await using simulator = await start();
  const plain = await fetch(`${simulator.url}/v1/realtime`);
  assert.equal(plain.status, 404);
  assert.deepEqual(await plain.json(), { detail: "Not Found" });
  await simulator.setFault({ kind: "status", status: 503 });
  using client = await RawClient.connect(simulator);
  await client.send(HANDSHAKE);
  assert.match(await client.readUntil("}}"), /^HTTP\/1\.1 503 /);
});

const HANDSHAKE = "GET /v1/realtime HTTP/1.1\r\nhost: x\r\nupgrade: websocket\r\n" +
  "connection: Upgrade\r\nsec-websocket-version: 13\r\n" +
  "sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";

/** A client's frame, masked with zeros. */
const frame = (first: number, text: string) =>
  String.fromCharCode(first, 0x80 | text.length, 0, 0, 0, 0) + text;

test("fragments, pings in between and a close frame are understood", async () => {
  await using simulator = await start();
  using client = await RawClient.connect(simulator);
  await client.send(HANDSHAKE);
  const head = await client.readUntil("}");
  assert.match(head, /^HTTP\/1\.1 101 /);
  assert.match(head, /sec-websocket-accept: s3pPLMBiTxaQ9kYGzzhZRbK\+xOo=\r\n/);
  await client.tcp.write(latin1(frame(0x01, '{"type"') + frame(0x89, "hi") + frame(0x80, ':"a"}')));
  const answer = await client.readUntil("unknown_event");
  assert.ok(answer.indexOf("hi") >= 0 && answer.indexOf("hi") < answer.indexOf("Unknown event"));
  await client.tcp.write(latin1(frame(0x88, "\x03\xe8")));
  const bytes = new Uint8Array(100);
  let end: Uint8Array[] = [];
  for (
    let read = await client.tcp.read(bytes);
    read !== null;
    read = await client.tcp.read(bytes)
  ) {
    end = [...end, bytes.slice(0, read)];
  }
  assert.deepEqual([...end.at(-1)!].slice(-4), [0x88, 2, 3, 0xe8]);
});

function latin1(text: string): Uint8Array {
  return Uint8Array.from(text, (char) => char.charCodeAt(0));
}
