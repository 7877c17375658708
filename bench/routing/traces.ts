import { renderChat } from "../../src/simulator/prompt.ts";
import { type Draft, scaledAnswer } from "./request.ts";
import { textOf } from "./text.ts";

/** A request as a published trace describes it. */
export interface Row {
  /** Since the trace's first request, in milliseconds. */
  readonly atMs: number;
  readonly promptTokens: number;
  readonly answerTokens: number;
  /** One for each {@linkcode BLOCK_TOKENS} of the prompt, equal where the text is; or nothing. */
  readonly blocks?: readonly number[];
}

/** Prompt tokens to one of a row's blocks. */
const BLOCK_TOKENS = 512;
/** From where one seed's part of a trace begins to where the next one's does: more than a replay has. */
const ROWS_APART = 1_200;
/** What the chat's form adds to a single message. */
const FORM_TOKENS = renderChat({ messages: [{ role: "user", content: "" }] }).length;

/**
 * Reads a trace, in order of arrival: the lines of JSON that Mooncake publishes, or the CSV that
 * Azure does.
 *
 * @throws {Error} with the line that is of neither format
 */
export function parseTrace(text: string): Row[] {
  const lines = text.trim().split(/\r?\n/);
  const isJson = lines[0]!.startsWith("{");
  const rows = isJson ? lines.map(parseJsonLine) : lines.slice(1).map(parseCsvLine);
  rows.sort((a, b) => a.atMs - b.atMs);
  const startMs = rows[0]?.atMs ?? 0;
  return rows.map((row) => ({ ...row, atMs: row.atMs - startMs }));
}

function parseJsonLine(line: string, index: number): Row {
  try {
    const { timestamp, input_length, output_length, hash_ids } = JSON.parse(line);
    const row = { atMs: timestamp, promptTokens: input_length, answerTokens: output_length };
    return checked({ ...row, ...(hash_ids && { blocks: hash_ids }) });
  } catch {
    throw new Error(`Line ${index + 1} of the trace is no request: ${line.slice(0, 80)}`);
  }
}

function parseCsvLine(line: string, index: number): Row {
  const [time, promptTokens, answerTokens] = line.split(",");
  try {
    // Ten-thousandths of a millisecond are more than dates can take.
    const atMs = Date.parse(`${time!.slice(0, 23).replace(" ", "T")}Z`);
    return checked({
      atMs,
      promptTokens: Number(promptTokens),
      answerTokens: Number(answerTokens),
    });
  } catch {
    throw new Error(`Line ${index + 2} of the trace is no request: ${line.slice(0, 80)}`);
  }
}

function checked(row: Row): Row {
  const { atMs, promptTokens, answerTokens } = row;
  if (![atMs, promptTokens, answerTokens].every((value) => Number.isFinite(value) && value >= 0)) {
    throw new RangeError("Expected numbers");
  }
  return row;
}

/** The trace's requests with a text of their length, the same for the same blocks. */
export function* draftsOf(rows: readonly Row[]): Generator<Draft> {
  for (const [index, { atMs, promptTokens, answerTokens, blocks }] of rows.entries()) {
    const tokens = Math.max(1, promptTokens - FORM_TOKENS);
    const content = blocks === undefined
      ? textOf(tokens, 5, index)
      : blocks.map((id) => textOf(BLOCK_TOKENS, 6, id)).join("").slice(0, 4 * tokens);
    yield {
      messages: [{ role: "user", content }],
      answerTokens: scaledAnswer(answerTokens),
      originalMs: atMs,
    };
  }
}

/** The trace from a place of its own for each seed, so that repeats differ; its end goes on with its beginning. */
export function partOf(rows: readonly Row[], seed: number): readonly Row[] {
  const start = (seed * ROWS_APART) % rows.length;
  const endMs = rows.at(-1)!.atMs;
  return [
    ...rows.slice(start),
    ...rows.slice(0, start).map((row) => ({ ...row, atMs: row.atMs + endMs })),
  ];
}
