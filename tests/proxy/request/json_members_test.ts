import assert from "node:assert/strict";
import fc from "fast-check";
import {
  membersOf as walkMembers,
  MOST_MEMBERS,
  valueIn,
} from "../../../src/proxy/request/json_members.ts";
import { LONG_STRING, type Span } from "../../../src/proxy/request/json_scan.ts";
import { SLICE_BYTES } from "../../../src/util/walk.ts";
import { runToEnd } from "../../support/run_to_end.ts";
import { numRuns } from "../../support/property.ts";

const DEEPEST = 128;
const NAMES = ["model", "stream"] as const;
const encoder = new TextEncoder();
const decoder = new TextDecoder();

function membersOf(json: Uint8Array, names: readonly (typeof NAMES)[number][], deepest: number) {
  const [members] = runToEnd(walkMembers(json, names, deepest));
  return typeof members === "string" ? members : members.values;
}

const membersIn = (json: string, deepest = DEEPEST) =>
  membersOf(encoder.encode(json), NAMES, deepest);

/** The text of each member found, or why the object can't be read. */
function textsIn(json: string): Partial<Record<string, string>> | string {
  const members = membersIn(json);
  if (typeof members === "string") return members;
  return Object.fromEntries(
    Object.entries(members).map(([name, [start, end]]) => [
      name,
      decoder.decode(encoder.encode(json).subarray(start, end)),
    ]),
  );
}

for (
  const [json, found] of [
    ["{}", {}],
    [" \t\r\n{ \n} \r\n", {}],
    [`{"model":"m"}`, { model: `"m"` }],
    [`{"stream":true,"model":"m"}`, { stream: "true", model: `"m"` }],
    [` { "model" : "m" , "stream"\n:\tfalse } `, { model: `"m"`, stream: "false" }],
    [`{"model":"a\\"b\\\\","stream":null}`, { model: `"a\\"b\\\\"`, stream: "null" }],
    [`{"model":"first","model":"last"}`, { model: `"last"` }],
    [`{"model":{"model":"inner"}}`, { model: `{"model":"inner"}` }],
    [`{"a":{"model":"inner"},"b":["model",":","}"]}`, {}],
    [`{"a":"\\"model\\":\\"inner\\""}`, {}],
    [`{"prompt":"}","model":"m"}`, { model: `"m"` }],
    [`{"\\u006dodel":"m"}`, { model: `"m"` }],
    [`{"mod\\u0065l":"m","st\\u0072eam":1}`, { model: `"m"`, stream: "1" }],
    [`{"Model":"m","model ":"m","":"m"}`, {}],
    [`{"größe":1,"模型":"]","model":"模"}`, { model: `"模"` }],
    [`{"model":-1.5e+3}`, { model: "-1.5e+3" }],
    [`{"${"a".repeat(100_000)}":1,"model":"m"}`, { model: `"m"` }],
    [`{"__proto__":1,"constructor":2,"model":"m"}`, { model: `"m"` }],

    ["", "not_json"],
    ["   ", "not_json"],
    ["[]", "no_object"],
    [`"{}"`, "no_object"],
    ["null", "no_object"],
    ["\uFEFF\uFEFF{}", "no_object"],
    [" \uFEFF{}", "no_object"],
    [`\uFEFF{"model":"m"}`, { model: `"m"` }],
    ["{", "not_json"],
    [`{"model"`, "not_json"],
    [`{"model`, "not_json"],
    [`{"model":`, "not_json"],
    [`{"model":"m"`, "not_json"],
    [`{"model":"m\\"}`, "not_json"],
    [`{"model":}`, "not_json"],
    [`{"model" "m"}`, "not_json"],
    [`{model:"m"}`, "not_json"],
    [`{"model":"m",}`, "not_json"],
    [`{,"model":"m"}`, "not_json"],
    [`{"model":"m"}}`, "not_json"],
    [`{"model":"m"} {}`, "not_json"],
    [`{"model":"m" "stream":true}`, "not_json"],
    [`{"a":[}`, "not_json"],
    [`{"a":"\\`, "not_json"],
    [`{"a":[[]}`, "not_json"],
  ] as [string, Record<string, string> | string][]
) {
  const shown = json.length > 60 ? `${json.slice(0, 60)}…` : json;
  Deno.test(`in ${JSON.stringify(shown)} there is ${JSON.stringify(found)}`, () => {
    assert.deepEqual(textsIn(json), found);
  });
}

Deno.test("the allowed nesting passes and one more level doesn't, with any brackets", () => {
  const nested = (levels: number, open: string, close: string) =>
    `{"a":${open.repeat(levels - 1)}0${close.repeat(levels - 1)},"model":"m"}`;
  for (const [open, close] of [["[", "]"], [`{"b":`, "}"]] as const) {
    assert.deepEqual(
      Object.keys(membersIn(nested(DEEPEST, open, close)) as object),
      ["model"],
    );
    assert.equal(membersIn(nested(DEEPEST + 1, open, close)), "too_deep");
  }
  // Depth is nesting, not the number of brackets.
  const wide = `{"a":[${"[],".repeat(1_000)}{}],"model":"m"}`;
  assert.deepEqual(Object.keys(membersIn(wide, 3) as object), ["model"]);
});

Deno.test("the allowed number of members passes and one more doesn't, however many follow", () => {
  const members = (count: number) => `{${`"a":0,`.repeat(count - 1)}"model":"m"}`;
  assert.deepEqual(textsIn(members(MOST_MEMBERS)), { model: `"m"` });
  for (const more of [1, 1_000_000]) {
    assert.equal(membersIn(members(MOST_MEMBERS + more)), "too_many");
  }
});

Deno.test("an invalid value in an otherwise valid object is undefined", () => {
  for (const value of ["nul", "NaN", "01", "tru e".slice(0, 4), `"\\x"`, "[1,]", "\uFEFF1"]) {
    const json = encoder.encode(`{"model":${value}}`);
    const members = membersOf(json, NAMES, DEEPEST);
    assert.ok(typeof members === "object" && members.model, value);
    assert.equal(valueIn(json, members.model), undefined, value);
  }
});

const space = fc.stringMatching(/^[ \t\r\n]{0,3}$/);
/** Spellings of a name: each letter plain or escaped. */
const nameWritten = (name: string) =>
  fc.array(fc.nat(2), { minLength: name.length, maxLength: name.length }).map((ways) =>
    `"${
      [...Array(name.length).keys()].map((i) => {
        const code = name.charCodeAt(i).toString(16).padStart(4, "0");
        if (ways[i] === 0) return JSON.stringify(name[i]).slice(1, -1);
        return `\\u${ways[i] === 1 ? code : code.toUpperCase()}`;
      }).join("")
    }"`
  );
const name = fc.oneof(
  fc.constantFrom("model", "stream"),
  fc.constantFrom("models", "mode", "Model", "", "\\", '"', "}", "__proto__"),
  fc.string({ unit: "binary", maxLength: 8 }),
);
const indented = fc.tuple(fc.json({ depthSize: "medium" }), fc.nat(2)).map(([json, indent]) =>
  JSON.stringify(JSON.parse(json), null, indent)
);
const value = fc.oneof(
  indented,
  fc.json({ noUnicodeString: false } as object),
  fc.string({ unit: "binary" }).map((text) => JSON.stringify(text)),
  fc.constantFrom("true", "null", "-0", "1E5", `"\\\\"`, `"\\""`, `"}"`, `"{\\"model\\":1}"`),
);
const member = name.chain((name) =>
  fc.tuple(space, nameWritten(name), space, space, value, space).map((
    [a, written, b, c, value, d],
  ) => `${a}${written}${b}:${c}${value}${d}`)
);
const anyObject = fc.tuple(space, fc.array(member, { maxLength: 8 }), space, space).map((
  [before, members, inside, after],
) => `${before}{${members.join(",") || inside}}${after}`);

Deno.test("in any object, the members found are those that a parser finds", () => {
  fc.assert(
    fc.property(anyObject, (text) => {
      const json = encoder.encode(text);
      const members = membersOf(json, NAMES, 1_000);
      assert.ok(typeof members === "object", `${members}`);
      // Compare what is encoded: a lone surrogate has no UTF-8 encoding.
      const parsed = JSON.parse(decoder.decode(json));
      for (const name of NAMES) {
        const span: Span | undefined = members[name];
        assert.equal(span !== undefined, Object.hasOwn(parsed, name));
        if (span) assert.deepEqual(valueIn(json, span), parsed[name]);
      }
    }),
    { numRuns },
  );
});

Deno.test("a text that a parser reads as an object is one here, and a text refused here is refused by a parser", () => {
  const broken = fc.tuple(anyObject, fc.nat(), fc.nat(), fc.constantFrom(...'{}[]",:\\ 0a'));
  fc.assert(
    fc.property(broken, ([text, at, length, put]) => {
      const where = at % (text.length + 1);
      const changed = text.slice(0, where) + put + text.slice(where + length % 3);
      const json = encoder.encode(changed);
      const members = membersOf(json, NAMES, 1_000);
      let parsed: unknown;
      try {
        parsed = JSON.parse(decoder.decode(json));
      } catch {
        return;
      }
      const isObject = typeof parsed === "object" && parsed !== null && !Array.isArray(parsed);
      assert.equal(typeof members === "object", isObject, `${members}`);
      if (typeof members !== "object") return;
      for (const name of NAMES) {
        const expected = (parsed as Record<string, unknown>)[name];
        assert.deepEqual(members[name] && valueIn(json, members[name]), expected);
      }
    }),
    { numRuns },
  );
});

Deno.test("no input makes it throw, and spans lie within the input", () => {
  const likely = fc.constantFrom(...`{}[]":,\\ \nmodelstream0`).map((c) => c.charCodeAt(0));
  const bytes = fc.array(fc.oneof({ weight: 8, arbitrary: likely }, fc.nat(255)), {
    maxLength: 60,
  });
  const begun = fc.tuple(fc.constantFrom("", "{", `{"model":`, `{"model":"m",`), bytes).map((
    [start, rest],
  ) => Uint8Array.from([...encoder.encode(start), ...rest]));
  fc.assert(
    fc.property(begun, fc.nat(5), (json, deepest) => {
      const members = membersOf(json, NAMES, deepest);
      if (typeof members === "string") return;
      for (const [start, end] of Object.values(members)) {
        assert.ok(start < end && end <= json.length);
        valueIn(json, [start, end]);
      }
    }),
    { numRuns },
  );
});

Deno.test("input that is slow for a parser, or for a scan that looks back, is fast here", () => {
  const LONG = 4 * 1024 * 1024;
  for (
    const text of [
      `{"a":"${"\\\\".repeat(LONG / 2)}","model":"m"}`,
      `{"a":"${'\\"'.repeat(LONG / 2)}","model":"m"}`,
      `{"a":[${"{},".repeat(LONG / 3)}0],"model":"m"}`,
      `{"a":${" ".repeat(LONG)}0,"model":"m"}`,
      `{"a":${"1".repeat(LONG)},"model":"m"}`,
    ]
  ) {
    const started = performance.now();
    const members = membersIn(text);
    assert.deepEqual(typeof members === "object" && Object.keys(members), ["model"]);
    const took = performance.now() - started;
    assert.ok(took < 20_000, `${took} ms for ${text.slice(0, 20)}`);
  }
});

Deno.test("an object with too many members is not scanned to its end", () => {
  const members = (count: number) => `{${`"a":1,`.repeat(count - 1)}"model":"m"}`;
  assert.deepEqual(Object.keys(membersIn(members(1_000)) as object), ["model"]);
  assert.equal(membersIn(members(1_001)), "too_many");
  assert.equal(membersIn(members(1_000_000)), "too_many");
});

Deno.test("values that cross the end of a slice are read correctly", () => {
  const ends = [String.raw`\\\"`, String.raw`\\\\`, String.raw`\u0022`, `模`, "😀", "a"];
  for (const unit of ends) {
    for (let shift = -12; shift <= 2; shift++) {
      // The string's first slice begins at its quote.
      const before = "a".repeat(SLICE_BYTES + shift) + unit;
      const text = `{"a":"${before}","model":"m","b":["${before}","${before}"],"stream":true}`;
      assert.deepEqual(textsIn(text), { model: `"m"`, stream: "true" }, `${unit} at ${shift}`);
      assert.equal(textsIn(`{"a":"${before}\\"}`), "not_json", `${unit} at ${shift}`);
    }
  }
  for (const shift of [-1, 0, 1]) {
    const long = SLICE_BYTES + shift;
    const space = " ".repeat(long);
    assert.deepEqual(
      textsIn(
        `${space}{${space}"model"${space}:${space}"m"${space},${space}"stream":1${space}}${space}`,
      ),
      { model: `"m"`, stream: "1" },
    );
    assert.deepEqual(textsIn(`{"a":${"1".repeat(long)},"model":"m"}`), { model: `"m"` });
    assert.deepEqual(textsIn(`{"a":[${"[],".repeat(long / 3)}[]],"model":"m"}`), { model: `"m"` });
    assert.deepEqual(textsIn(`{"${"a".repeat(long)}":1,"model":"m"}`), { model: `"m"` });
    assert.equal(textsIn(`{"a":${"1".repeat(long)}`), "not_json");
  }
});

Deno.test("the scan of a large body can be interrupted, whichever part of it is long", () => {
  const LONG = 16 * SLICE_BYTES;
  for (
    const text of [
      `{"a":["",${'"",'.repeat(LONG / 3)}""]}`,
      `{"a":"${"a".repeat(LONG)}"}`,
      `{"a":"${"\\\\".repeat(LONG / 2)}"}`,
      `{"a":${" ".repeat(LONG)}1}`,
      `{"a":${"1".repeat(LONG)}}`,
      `{"${"a".repeat(LONG)}":1}`,
    ]
  ) {
    const [members, pauses] = runToEnd(walkMembers(encoder.encode(text), NAMES, DEEPEST));
    assert.equal(typeof members, "object");
    assert.ok(pauses >= 14, `${pauses} pauses for ${text.slice(0, 20)}`);
  }
  assert.equal(runToEnd(walkMembers(encoder.encode(`{"model":"m"}`), NAMES, DEEPEST))[1], 0);
});

Deno.test("long strings are reported at any depth, in order", () => {
  const text = (length: number) => `"${"a".repeat(length - 2)}"`;
  const json = `{"a":${text(LONG_STRING)},"b":[{"c":${text(LONG_STRING - 1)}},[${
    text(SLICE_BYTES + LONG_STRING)
  }]]}`;
  const [members] = runToEnd(walkMembers(encoder.encode(json), NAMES, DEEPEST));
  assert.ok(typeof members === "object");
  assert.deepEqual(
    members.longStrings.map(([start, end]) => json.slice(start, end)),
    [text(LONG_STRING), text(SLICE_BYTES + LONG_STRING)],
  );
});
