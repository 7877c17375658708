import { sampleOf } from "../inference/regex_sample.ts";
import type { Tool, ToolChoice } from "../inference/tool_calls.ts";
import { isObject, type Json } from "./body.ts";
import { badRequest, invalidValue } from "./errors.ts";
import { toPython } from "./python.ts";

/** What the text of an answer must be. */
export type Format = { readonly schema: unknown } | { readonly text: string };

const ANY_OBJECT = { type: "object", properties: { answer: { type: "string" } } };

/** Reads a chat's `response_format` and `structured_outputs`. */
export function readFormat(body: Json): Format | undefined {
  const { response_format: given, structured_outputs: structured } = body;
  if (isObject(given)) {
    if (given.type === "json_object") return { schema: ANY_OBJECT };
    if (given.type === "json_schema" && isObject(given.json_schema)) {
      return { schema: given.json_schema.schema };
    }
  }
  if (!isObject(structured)) return undefined;
  const { json, json_object: isJson, choice, regex } = structured;
  if (json !== undefined && json !== null) return { schema: readSchema(json) };
  if (isJson === true) return { schema: ANY_OBJECT };
  if (Array.isArray(choice) && choice.length > 0) return { text: String(choice[0]) };
  return typeof regex === "string" ? { text: sampleOf(regex) } : undefined;
}

/**
 * Reads a chat's `tools`.
 *
 * @throws {RequestError} when the list is empty
 */
export function readTools({ tools }: Json): readonly Tool[] {
  if (!Array.isArray(tools)) return [];
  if (tools.length === 0) {
    const message =
      "`tools` must not be an empty array. Either provide at least one tool or omit " +
      "the field entirely.";
    throw invalidValue(message, "tools");
  }
  return tools.flatMap((tool) => {
    const { name, parameters } = isObject(tool?.function) ? tool.function : {};
    return typeof name === "string" ? [{ name, parameters }] : [];
  });
}

/**
 * Reads a chat's `tool_choice`.
 *
 * @throws {RequestError} when it names no tool of the request
 */
export function readToolChoice(
  { tool_choice: choice }: Json,
  tools: readonly Tool[],
): ToolChoice {
  if (tools.length === 0) {
    if (choice === undefined || choice === null || choice === "none") return "none";
    throw invalidValue("When using `tool_choice`, `tools` must be set.", "tool_choice");
  }
  if (choice === undefined || choice === null) return "auto";
  if (choice === "auto" || choice === "required" || choice === "none") return choice;
  if (!isObject(choice)) {
    const message = `Invalid value for \`tool_choice\`: ${choice}! Only named tools, "none", ` +
      `"auto" or "required" are supported.`;
    throw invalidValue(message, "tool_choice");
  }
  const usage = 'Correct usage: `{"type": "function", "function": {"name": "my_function"}}`';
  const called = choice.function;
  if (!isObject(called)) {
    const message = `Invalid value for \`function\`: \`${toPython(called)}\` in \`tool_choice\`! `;
    throw invalidValue(message + usage, "tool_choice.function");
  }
  const { name } = called;
  if (name === undefined) {
    const message = "Expected field `name` in `function` in `tool_choice`! ";
    throw invalidValue(message + usage, "tool_choice.function.name");
  }
  if (!tools.some((tool) => tool.name === name)) {
    const message = "The tool specified in `tool_choice` does not match any of the specified " +
      "`tools`";
    throw invalidValue(message, "tool_choice");
  }
  return { name: String(name) };
}

function readSchema(json: unknown): unknown {
  if (typeof json !== "string") return json;
  try {
    return JSON.parse(json);
  } catch {
    throw badRequest("Invalid grammar specification.", "structured_outputs");
  }
}
