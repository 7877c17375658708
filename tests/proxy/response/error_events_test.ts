import assert from "node:assert/strict";
import { keyLimitReached, shuttingDown, unknownModel } from "../../../src/http/api_errors.ts";
import { errorEvents, type Failing, withName } from "../../../src/proxy/response/error_events.ts";
import { capturedAs } from "../../vllm/captured.ts";

const encoder = new TextEncoder();
const none = { id: "id", preamble: undefined, tail: undefined };

interface Read {
  readonly name: string | undefined;
  readonly data: Record<string, unknown> & {
    readonly response?: Record<string, unknown>;
    readonly error?: Record<string, unknown>;
  };
}

function eventsOf(error: Parameters<typeof errorEvents>[0], failing: Failing): Read[] {
  const text = new TextDecoder().decode(errorEvents(error, failing));
  return `data: {"cut${text}`.split("\n\n").slice(1).filter((event) => event !== "").map(
    (event) => {
      const [, name, data] = /^(?:event: (\S+)\n)?data: (.*)$/.exec(event)!;
      return { name, data: JSON.parse(data!) };
    },
  );
}

Deno.test("an error event is separate from a truncated event before it, in the endpoint's format", () => {
  const [openai] = eventsOf(shuttingDown, { ...none, format: "openai" });
  assert.equal(openai!.name, undefined);
  assert.equal(openai!.data.error!.code, "shutting_down");
  const [anthropic] = eventsOf(shuttingDown, { ...none, format: "anthropic" });
  assert.equal(anthropic!.name, "error");
  assert.deepEqual(anthropic!.data, {
    type: "error",
    error: { type: "overloaded_error", message: "The router is shutting down." },
    request_id: "id",
  });
});

Deno.test("a stream of /v1/responses ends with error and response.failed, numbered on, of its own response", () => {
  const { events } = capturedAs("responses");
  const preamble = encoder.encode(events.slice(0, 2).join(""));
  const tail = encoder.encode(events.slice(2, 6).join(""));
  const [error, failed, ...more] = eventsOf(shuttingDown, {
    format: "responses",
    id: "id",
    preamble,
    tail,
  });
  assert.deepEqual(more, []);
  assert.deepEqual([error!.name, failed!.name], ["error", "response.failed"]);
  assert.deepEqual(error!.data, {
    type: "error",
    code: "server_error",
    message: "The router is shutting down.",
    param: null,
    sequence_number: 6,
  });
  const { response, sequence_number: number } = failed!.data;
  assert.equal(number, 7);
  assert.match(String(response!.id), /^resp_81e8/);
  assert.equal(response!.status, "failed");
  assert.deepEqual(response!.error, {
    code: "server_error",
    message: "The router is shutting down.",
  });
});

Deno.test("without any event before it the numbers begin with 0, and a response stands for it", () => {
  const [error, failed] = eventsOf(unknownModel("m"), { ...none, format: "responses" });
  assert.deepEqual([error!.data.sequence_number, failed!.data.sequence_number], [0, 1]);
  assert.equal(error!.data.code, "model_not_found");
  assert.equal(failed!.data.response!.id, "resp_id");
  const [limited] = eventsOf(keyLimitReached, { ...none, format: "responses" });
  assert.equal(limited!.data.code, "rate_limit_exceeded");
});

Deno.test("a preamble that is not as expected is not believed", () => {
  for (const text of ["data: {\n\n", "data: 1\n\n", `data: {"response":[]}\n\n`, "x"]) {
    const preamble = encoder.encode(text);
    const [, failed] = eventsOf(shuttingDown, { ...none, format: "responses", preamble });
    assert.equal(failed!.data.response!.status, "failed");
  }
});

Deno.test("a server's error event gets its name at /v1/messages, and nothing else changes", () => {
  const named = (text: string, format: Failing["format"] = "anthropic") =>
    new TextDecoder().decode(withName(encoder.encode(text), format));
  const error = `data: {"error": {"message": "\u00e9"}}\n\n`;
  const start = `event: message_start\ndata: {"type":"message_start"}\n\n`;
  assert.equal(named(error), `event: error\n${error}`);
  assert.equal(named(start + error), `${start}event: error\n${error}`);
  assert.equal(named(error, "openai"), error);
  for (
    const other of [`event: error\n${error}`, start, `{"text":"\n\n${error}`, "", "data: x\n\n"]
  ) {
    assert.equal(named(other), other);
  }
});
