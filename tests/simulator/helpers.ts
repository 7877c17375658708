import assert from "node:assert/strict";
import {
  type Simulator,
  type SimulatorOptions,
  startSimulator,
} from "../../src/simulator/simulator.ts";
import { eventsOf } from "../support/events.ts";

/** Registers a test that fails if it leaks an operation or a resource. */
export function test(name: string, run: () => void | Promise<void>): void {
  Deno.test({ name, sanitizeOps: true, sanitizeResources: true, fn: run });
}

/** Starts a fast simulator. */
export function start(options: SimulatorOptions = {}): Promise<Simulator> {
  return startSimulator({ speed: 50, ...options });
}

export function chat(content: string, more: Record<string, unknown> = {}) {
  return { messages: [{ role: "user", content }], ...more };
}

export function post(
  simulator: Simulator,
  path: string,
  body: unknown,
  init: RequestInit = {},
): Promise<Response> {
  return fetch(simulator.url + path, {
    method: "POST",
    ...init,
    headers: { "content-type": "application/json", ...init.headers },
    body: JSON.stringify(body),
  });
}

export function postChat(
  simulator: Simulator,
  body: unknown,
  init: RequestInit = {},
): Promise<Response> {
  return post(simulator, "/v1/chat/completions", body, init);
}

/** Returns the data of a stream's events, with JSON parsed. */
// deno-lint-ignore no-explicit-any
export const events: (text: string) => any[] = eventsOf;

/** Waits until the condition holds. The time limit only guards against hanging. */
export async function until(
  condition: () => boolean | Promise<boolean>,
  withinMs = 30_000,
): Promise<void> {
  const deadline = performance.now() + withinMs;
  while (!await condition()) {
    assert.ok(
      performance.now() < deadline,
      `Not within ${withinMs} ms: ${condition}`,
    );
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
}

/** Returns the samples of a simulator's metrics page, by name and distinguishing labels. */
export async function metrics(
  simulator: Simulator,
): Promise<Map<string, number>> {
  const page = await (await fetch(`${simulator.url}/metrics`)).text();
  const samples = page.split("\n").filter((line) => line !== "" && !line.startsWith("#"));
  return new Map(samples.map((line) => {
    const space = line.lastIndexOf(" ");
    const name = line.slice(0, space)
      .replace(/(engine|model_name)="[^"]*",?/g, "").replace(",}", "}").replace(
        "{}",
        "",
      );
    return [name, Number(line.slice(space + 1))];
  }));
}

/** A raw connection, for what fetch cannot send or does not show. */
export class RawClient implements Disposable {
  readonly #decoder = new TextDecoder();
  private constructor(readonly tcp: Deno.TcpConn) {}

  static async connect(simulator: Simulator): Promise<RawClient> {
    return new RawClient(
      await Deno.connect({ hostname: "127.0.0.1", port: simulator.port }),
    );
  }

  async send(text: string): Promise<void> {
    let bytes = new TextEncoder().encode(text);
    while (bytes.length > 0) {
      bytes = bytes.subarray(await this.tcp.write(bytes));
    }
  }

  sendJson(path: string, body: unknown, headers = ""): Promise<void> {
    const text = JSON.stringify(body);
    return this.send(
      `POST ${path} HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n${headers}` +
        `content-length: ${text.length}\r\n\r\n${text}`,
    );
  }

  /** Returns the next bytes as text, or null at the end of the connection. */
  async read(): Promise<string | null> {
    const buffer = new Uint8Array(65536);
    const length = await this.tcp.read(buffer);
    return length === null ? null : this.#decoder.decode(buffer.subarray(0, length));
  }

  async readUntil(mark: string): Promise<string> {
    let text = "";
    while (!text.includes(mark)) {
      const more = await this.read();
      assert.notEqual(
        more,
        null,
        `The connection ended after ${JSON.stringify(text)}`,
      );
      text += more;
    }
    return text;
  }

  async readToEnd(): Promise<string> {
    let text = "";
    for (
      let more = await this.read();
      more !== null;
      more = await this.read()
    ) text += more;
    return text;
  }

  [Symbol.dispose](): void {
    this.tcp.close();
  }
}
