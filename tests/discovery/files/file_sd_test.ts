import assert from "node:assert/strict";
import { parseFileSd } from "../../../src/discovery/files/file_sd.ts";
import { assertLinear } from "../../support/linear.ts";

const ENTRY = { scheme: "http", defaults: { capacity: 3 } } as const;

const inJson = (groups: unknown) => parseFileSd(JSON.stringify(groups), false, ENTRY);

function serversOf(parsed: ReturnType<typeof parseFileSd>) {
  assert.ok("servers" in parsed, JSON.stringify(parsed));
  return parsed.servers;
}

Deno.test("every target of every group is a server", () => {
  const parsed = inJson([
    { targets: ["10.0.0.1:8000", "gpu-2:8001"] },
    { targets: ["[fd00::1]:8000", "https://gpu-3/v1/"], labels: {} },
    { targets: [] },
  ]);
  assert.deepEqual(serversOf(parsed).map(({ config: { url, name } }) => `${url} ${name}`), [
    "http://10.0.0.1:8000 10.0.0.1:8000",
    "http://gpu-2:8001 gpu-2:8001",
    "http://[fd00::1]:8000 [fd00::1]:8000",
    "https://gpu-3 gpu-3",
  ]);
});

Deno.test("labels say what differs from the defaults, others are Prometheus' own", () => {
  const labels = {
    __scheme__: "https",
    __metrics_path__: "/x",
    job: "vllm",
    max_concurrent_requests: "8",
    name: "big",
    engine: "sglang",
    models: "a, org/b",
    draining: "true",
  };
  const [server] = serversOf(inJson([{ targets: ["gpu-1:8000"], labels }]));
  assert.deepEqual(server, {
    config: {
      capacity: 8,
      name: "big",
      engine: "sglang",
      models: ["a", "org/b"],
      url: "https://gpu-1:8000",
    },
    draining: true,
  });
});

Deno.test("YAML is read, with scalars of any kind, and [] has no servers", () => {
  const text = `# comment
- targets: ["10.0.0.1:8000"]
  labels:
    max_concurrent_requests: 8
    draining: true
`;
  const [server] = serversOf(parseFileSd(text, true, ENTRY));
  assert.deepEqual([server!.config.capacity, server!.draining], [8, true]);
  assert.deepEqual(serversOf(parseFileSd("[] # none", true, ENTRY)), []);
});

Deno.test("a file without content is not valid, since it may be about to be written", () => {
  for (const text of ["", "\n", "# comment", "---", "null"]) {
    const problem = "it is empty; [] means no servers";
    assert.deepEqual(parseFileSd(text, true, ENTRY), { problem }, text);
  }
  assert.ok("problem" in parseFileSd("null", false, ENTRY));
});

Deno.test("of YAML, keys that occur twice, second documents and long texts are refused", () => {
  for (
    const [text, problem] of [
      ['- targets: ["a:1"]\n  targets: ["b:1"]', "line 2, column 3: duplicate key"],
      ["- {targets: [], labels: {1: a, '1': b}}", "line 1, column 32: duplicate key"],
      ['- targets: ["a:1"]\n---\n- targets: ["b:1"]', /^line 2, .* expected one YAML document$/],
      ["# x".padEnd(256 * 1024 + 1), "expected at most 256 KiB of YAML; JSON may be longer"],
    ] as const
  ) {
    const parsed = parseFileSd(text, true, ENTRY);
    assert.ok("problem" in parsed);
    if (typeof problem === "string") assert.equal(parsed.problem, problem);
    else assert.match(parsed.problem, problem);
  }
});

Deno.test("YAML with many keys is read in time in proportion to its length", async () => {
  const text = (size: number) => Array.from({ length: size }, (_, i) => `k${i}: 1\n`).join("");
  await assertLinear((size) => parseFileSd(text(size), true, ENTRY), 500);
});

Deno.test("YAML may have a hundred aliases, since each takes time", () => {
  const text = (count: number) =>
    Array.from({ length: count }, (_, i) => `- targets: &a${i} ["a${i}:1"]\n- targets: *a${i}\n`);
  assert.equal(serversOf(parseFileSd(text(100).join(""), true, ENTRY)).length, 200);
  assert.deepEqual(parseFileSd(text(101).join(""), true, ENTRY), {
    problem: "not valid YAML: it has too many aliases",
  });
});

for (
  const [written, problem] of [
    ["{", "line 1, column 2: not valid JSON"],
    ["", "not valid JSON"],
    ["{}", "the file: expected a list of groups of targets, got a table"],
    ["[3]", '[0]: expected a group such as { "targets": ["10.0.0.3:8000"] }, got 3'],
    ['[{"targets": "a:1"}]', '[0].targets: expected a list of targets, got "a:1"'],
    [
      '[{"targets": ["a:1", "b"]}]',
      '[0].targets[1]: expected a target such as "10.0.0.3:8000" or a URL, got "b"',
    ],
    [
      '[{"targets": ["http://user:secret@a:1"]}]',
      "[0].targets[0]: expected host:port or a URL without user or query",
    ],
    [
      '[{"targets": ["a:1"]}, {"targets": ["b:1"], "labels": {"max_concurrent_requests": "0"}}]',
      '[1].labels.max_concurrent_requests: expected a whole number of at least 1, got "0"',
    ],
    [
      '[{"targets": ["a:1"], "labels": {"draining": "yes"}}]',
      '[0].labels.draining: expected true or false, got "yes"',
    ],
    [
      '[{"targets": ["a:1"], "labels": {"name": "a\\u001b[2J"}}]',
      '[0].labels.name: expected a name of up to 200 characters, got "a\\u001b[2J"',
    ],
    [
      '[{"targets": ["a:1"], "labels": {"__scheme__": "ftp"}}]',
      '[0].labels.__scheme__: expected http or https, got "ftp"',
    ],
  ] as const
) {
  Deno.test(`one bad entry makes the file invalid: ${written}`, () => {
    assert.deepEqual(parseFileSd(written, false, ENTRY), { problem });
  });
}

Deno.test("invalid YAML names the line, and one that unfolds without end is refused", () => {
  assert.deepEqual(parseFileSd('- targets: ["a:1"]\n- {', true, ENTRY), {
    problem: "line 2, column 4: not valid YAML",
  });
  const doubled = Array.from({ length: 40 }, (_, i) => `a${i + 1}: &a${i + 1} [*a${i}, *a${i}]`);
  const { problem } = parseFileSd(`a0: &a0 [x]\n${doubled.join("\n")}`, true, ENTRY) as {
    problem: string;
  };
  assert.match(problem, /too many aliases/);
});
