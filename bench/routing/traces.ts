import { renderChat } from "../../src/simulator/inference/prompt.ts";
import { type Draft, scaledAnswer } from "./request.ts";
import { textOf } from "./text.ts";

/** A request of a published trace. */
export interface Row {
  /** Time since the trace's first request, in milliseconds. */
  readonly atMs: number;
  readonly promptTokens: number;
  readonly answerTokens: number;
  /** One id per {@linkcode BLOCK_TOKENS} of the prompt, equal for equal text; absent in Azure's. */
  readonly blocks?: readonly number[];
}

/** Prompt tokens per block of a row. */
const BLOCK_TOKENS = 512;
/** Distance between the parts of a trace for two seeds: more rows than a replay has. */
const ROWS_APART = 1_200;
/** Tokens that the chat format adds to a single message. */
const FORM_TOKENS = renderChat({ messages: [{ role: "user", content: "" }] }).length;

/**
 * Parses a trace and sorts it by arrival: Mooncake's JSON lines or Azure's CSV.
 *
 * @throws {Error} with the line that has neither format
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
    throw new Error(`Line ${index + 1} of the trace is not a request: ${line.slice(0, 80)}`);
  }
}

function parseCsvLine(line: string, index: number): Row {
  const [time, promptTokens, answerTokens] = line.split(",");
  try {
    // Date.parse accepts milliseconds at most; the trace has more digits.
    const atMs = Date.parse(`${time!.slice(0, 23).replace(" ", "T")}Z`);
    return checked({
      atMs,
      promptTokens: Number(promptTokens),
      answerTokens: Number(answerTokens),
    });
  } catch {
    throw new Error(`Line ${index + 2} of the trace is not a request: ${line.slice(0, 80)}`);
  }
}

function checked(row: Row): Row {
  const { atMs, promptTokens, answerTokens } = row;
  if (![atMs, promptTokens, answerTokens].every((value) => Number.isFinite(value) && value >= 0)) {
    throw new RangeError("Expected numbers");
  }
  return row;
}

/** Yields the trace's requests with generated text of their length; equal blocks get equal text. */
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

/** Returns the trace rotated by the seed, so that repeats differ. It wraps around at its end. */
export function partOf(rows: readonly Row[], seed: number): readonly Row[] {
  const start = (seed * ROWS_APART) % rows.length;
  const endMs = rows.at(-1)!.atMs;
  return [
    ...rows.slice(start),
    ...rows.slice(0, start).map((row) => ({ ...row, atMs: row.atMs + endMs })),
  ];
}
