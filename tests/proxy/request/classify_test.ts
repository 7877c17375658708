import assert from "node:assert/strict";
import fc from "fast-check";
import { classify as walk, type ParsedRequest } from "../../../src/proxy/request/classify.ts";
import type { ApiError } from "../../../src/http/api_errors.ts";
import { inTimeSlices } from "../../../src/util/time_slices.ts";
import { SLICE_BYTES } from "../../../src/util/walk.ts";
import { numRuns } from "../../support/property.ts";
import { cpuTimeMs } from "../../support/cpu_time.ts";

const JSON_TYPE = "application/json";

const classify = (...given: Parameters<typeof walk>) => inTimeSlices(walk(...given));

function asked(text: string, type: string | null = JSON_TYPE) {
  return classify(new TextEncoder().encode(text), type);
}

/** The classified fields that affect routing. */
function routeOf(asked: ParsedRequest | ApiError) {
  assert.ok("profile" in asked, JSON.stringify(asked));
  assert.equal(asked.profile.stream, asked.stream);
  return { model: asked.profile.model, stream: asked.stream };
}

async function formOf(
  fields: Record<string, string | Blob>,
): Promise<[Uint8Array<ArrayBuffer>, string]> {
  const form = new FormData();
  for (const [name, value] of Object.entries(fields)) form.set(name, value);
  const request = new Request("http://router", { method: "POST", body: form });
  return [await request.bytes(), request.headers.get("content-type")!];
}

for (
  const [body, model, stream] of [
    [{ model: "m", stream: true }, "m", true],
    [{ model: "m", stream: false }, "m", false],
    [{ model: "org/m" }, "org/m", false],
    [{ model: "m", stream: "true" }, "m", false],
    [{ model: "m", stream: 1 }, "m", false],
    [{ model: null }, undefined, false],
    [{ model: "" }, undefined, false],
    [{}, undefined, false],
    [{ messages: [{ model: "inner", stream: true }] }, undefined, false],
    [{ model: "модель 模型" }, "модель 模型", false],
  ] as const
) {
  Deno.test(`${JSON.stringify(body)} asks for ${model ?? "any model"}${stream ? ", streamed" : ""}`, async () => {
    assert.deepEqual(routeOf(await asked(JSON.stringify(body))), { model, stream });
  });
}

Deno.test("JSON is read under any content type, since vLLM's clients may omit it", async () => {
  for (const type of [null, "text/plain", "application/json; charset=utf-8"]) {
    assert.deepEqual(routeOf(await asked(`{"model":"m"}`, type)), {
      model: "m",
      stream: false,
    });
  }
});

for (
  const [what, text] of [
    ["nothing", ""],
    ["not JSON", "model=m"],
    ["truncated JSON", `{"model":"m"`],
    ["a list", `[{"model":"m"}]`],
    ["a string", `"m"`],
    ["null", "null"],
    ["a number", "3"],
  ] as const
) {
  Deno.test(`a body that is ${what} is a bad request`, async () => {
    const error = await asked(text);
    assert.ok("status" in error);
    assert.equal(error.status, 400);
    assert.equal(error.type, "invalid_request_error");
  });
}

Deno.test("a body that is not UTF-8 is a bad request", async () => {
  const error = await classify(
    new Uint8Array([0x22, 0xff, 0xfe, 0x22]),
    JSON_TYPE,
  );
  assert.equal("status" in error && error.status, 400);
});

Deno.test("a model that is not a string is a bad request that names the field", async () => {
  for (const model of [3, true, ["m"], { id: "m" }]) {
    const error = await asked(JSON.stringify({ model }));
    assert.ok("status" in error);
    assert.deepEqual([error.status, error.param], [400, "model"]);
  }
});

Deno.test("an upload names its model and stream in form fields", async () => {
  const file = new Blob([new Uint8Array(1_000)], { type: "audio/wav" });
  assert.deepEqual(
    routeOf(await classify(...await formOf({ model: "whisper", stream: "true", file }))),
    { model: "whisper", stream: true },
  );
  assert.deepEqual(routeOf(await classify(...await formOf({ file }))), {
    model: undefined,
    stream: false,
  });
});

Deno.test("an upload's fields are read wherever they are, however long its files are", async () => {
  const file = new Blob([new Uint8Array(2_000_000)], { type: "audio/wav" });
  const text = new Blob([`\r\n--x\r\ncontent-disposition: form-data; name="model"\r\n\r\nother`]);
  const expected = { model: "whisper", stream: true };
  for (
    const fields of [
      { model: "whisper", stream: "true", file },
      { file, stream: "true", model: "whisper" },
      { model: "whisper", file, second: file, stream: "true", text },
    ]
  ) {
    assert.deepEqual(routeOf(await classify(...await formOf(fields))), expected);
  }
  const long = await classify(...await formOf({ model: "m".repeat(100_000), file }));
  assert.equal("status" in long && long.status, 400);
});

Deno.test("a form has at most a hundred parts", async () => {
  const part = 'content-disposition: form-data; name="a"\r\n\r\nb\r\n';
  const form = (parts: number) => `--x\r\n${part}`.repeat(parts) + "--x--\r\n";
  for (const [parts, isTaken] of [[1, true], [100, true], [101, false]] as const) {
    const answer = await asked(form(parts), "multipart/form-data; boundary=x");
    assert.equal("profile" in answer, isTaken, `${parts}`);
  }
});

Deno.test("text like a boundary in the middle of a file is not a boundary", async () => {
  const boundary = "x";
  const part = (head: string, value: string) =>
    `--${boundary}\r\ncontent-disposition: form-data; ${head}\r\n\r\n${value}\r\n`;
  const inner = part('name="model"', "inner").replaceAll("\r\n", "\n");
  const file = "a".repeat(20_000) + inner + "b".repeat(20_000);
  const body = part('name="file"; filename="f"', file) + part('name="model"', "outer") +
    `--${boundary}--\r\n`;
  assert.deepEqual(
    routeOf(await asked(body, `multipart/form-data; boundary=${boundary}`)),
    { model: "outer", stream: false },
  );
});

Deno.test("the content type of an upload is case-insensitive, as in RFC 9110", async () => {
  const [body, type] = await formOf({ model: "whisper" });
  const shouted = type.replace("multipart/form-data", "Multipart/Form-Data");
  assert.deepEqual(routeOf(await classify(body, shouted)), {
    model: "whisper",
    stream: false,
  });
});

Deno.test("a form's `stream` is true for the values that servers read as true", async () => {
  for (
    const [value, stream] of [
      ...["true", "True", "TRUE", "1", "yes", "y", "on", "t"].map((value) => [value, true]),
      ...["false", "0", "no", "off", "", "true "].map((value) => [value, false]),
    ] as [string, boolean][]
  ) {
    const read = await classify(...await formOf({ model: "m", stream: value }));
    assert.deepEqual(routeOf(read), { model: "m", stream }, value);
  }
});

Deno.test("a form whose `model` is empty asks for any model", async () => {
  assert.equal(routeOf(await classify(...await formOf({ model: "" }))).model, undefined);
});

Deno.test("a byte order mark before JSON is skipped, as servers do", async () => {
  assert.deepEqual(routeOf(await asked(`\uFEFF {"model":"m"}`)), { model: "m", stream: false });
});

Deno.test("an ambiguous `model` or `stream` in a form is refused, and the error names it", async () => {
  const type = "multipart/form-data; boundary=x";
  const form = (...parts: string[]) =>
    parts.map((part) => `--x\r\nContent-Disposition: form-data; ${part}\r\n`).join("") + "--x--";
  for (const name of ["model", "stream"]) {
    const one = `name="${name}"\r\n\r\ntrue`;
    for (
      const [text, said] of [
        [form(one, one), /several/],
        [form(`name="${name}"; filename="a"\r\n\r\ntrue`), /is a file/],
        [form(`name="${name}"\r\n\r\n${"t".repeat(1_025)}`), /longer than 1024 bytes/],
      ] as const
    ) {
      const error = await asked(text, type);
      assert.ok("status" in error);
      assert.deepEqual([error.status, error.param], [400, name]);
      assert.match(error.message, said);
    }
  }
});

Deno.test("an upload that isn't a form is a bad request", async () => {
  for (
    const type of ["multipart/form-data", "multipart/form-data; boundary=x"]
  ) {
    const error = await asked("not a form", type);
    assert.equal("status" in error && error.status, 400, type);
  }
});

/**
 * Walks to the end. Returns whether a single step took over 100 ms of CPU time and, because a slow
 * machine takes longer for each, most of the whole.
 */
function blocks(walked: ReturnType<typeof walk>): boolean {
  const startedAt = cpuTimeMs();
  let longestMs = 0;
  for (let done = false; !done;) {
    const stepAt = cpuTimeMs();
    const step = walked.next();
    longestMs = Math.max(longestMs, cpuTimeMs() - stepAt);
    done = step.done ?? false;
    assert.ok(!step.done || "profile" in step.value, JSON.stringify(step.value));
  }
  return longestMs > Math.max(100, (cpuTimeMs() - startedAt) / 2);
}

Deno.test("no body of 60 MiB blocks the event loop for 100 ms at a time", async (t) => {
  const size = 60 * 1024 * 1024;
  const filled = (start: string, unit: string, end: string) =>
    new TextEncoder().encode(start + unit.repeat((size - 100) / unit.length) + end);
  for (
    const [what, body, type] of [
      ["empty texts", filled(`{"messages":[`, `"",`, `""]}`)],
      ["empty objects", filled(`{"messages":[`, `{},`, `""]}`)],
      ["escapes", filled(`{"messages":["`, String.raw`\\\"`, `"]}`)],
      ["one prompt", filled(`{"prompt":"`, `a`, `"}`)],
      ["a session", filled(`{"prompt_cache_key":"`, `a`, `"}`)],
      ["images", filled(`{"messages":[`, `"data:${"a".repeat(8_190)}",`, `""]}`)],
      ["white space", filled(`{"messages":[`, `\t`, `""]}`)],
      [
        "a file",
        filled(`--x\r\nContent-Disposition: form-data; name="a"\r\n\r\n`, "\r", "\r\n--x--"),
        "multipart/form-data; boundary=x",
      ],
    ] as const
  ) {
    await t.step(what, () => {
      // A step that blocks does so each time; a garbage collection doesn't.
      const tries = Array.from({ length: 5 }).values();
      assert.ok(tries.some(() => !blocks(walk(body, type ?? JSON_TYPE))));
    });
  }
});

Deno.test("a byte that is not UTF-8 is found at any position relative to slices", async () => {
  const letters = new TextEncoder().encode(`{"a":"${"模😀é".repeat(60_000)}"}`);
  assert.ok(letters.length > 2 * SLICE_BYTES);
  assert.ok("profile" in await classify(letters, JSON_TYPE));
  for (const at of [7, SLICE_BYTES - 1, SLICE_BYTES, SLICE_BYTES + 1, letters.length - 3]) {
    for (const byte of [0, 0xc0, 0xff]) {
      const broken = letters.with(at, byte);
      const error = await classify(broken, JSON_TYPE);
      assert.equal("status" in error && error.status, 400, `${byte} at ${at}`);
    }
  }
});

Deno.test("of any object, its own model and stream are read", () =>
  fc.assert(
    fc.asyncProperty(
      fc.dictionary(fc.string(), fc.jsonValue(), { noNullPrototype: true }),
      fc.option(fc.string(), { nil: undefined }),
      fc.boolean(),
      async (rest, model, stream) => {
        const body = JSON.stringify({ ...rest, model, stream });
        assert.deepEqual(routeOf(await asked(body)), { model: model || undefined, stream });
      },
    ),
    { numRuns },
  ));
