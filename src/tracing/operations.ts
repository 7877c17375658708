import { pathIn } from "../http/paths.ts";

/** Operations by the names of OpenTelemetry's conventions for generative AI. */
const OPERATIONS: ReadonlyMap<string, string> = new Map([
  ["/v1/chat/completions", "chat"],
  ["/v1/chat/completions/batch", "chat"],
  ["/v1/responses", "chat"],
  ["/v1/messages", "chat"],
  ["/cohere/v2/chat", "chat"],
  ["/v1/completions", "text_completion"],
  ["/inference/v1/generate", "text_completion"],
  ["/v1/embeddings", "embeddings"],
  ["/v2/embed", "embeddings"],
]);

/** A path that ends with the id of a stored response: names of spans are to be few. */
const STORED = /^\/v1\/responses\/.*/;

/** Returns `gen_ai.operation.name` of a request, `undefined` if the conventions have none for it. */
export function operationOf(method: string, target: string): string | undefined {
  return method === "POST" ? OPERATIONS.get(pathIn(target)) : undefined;
}

/** Returns a request's kind as a span's name begins: its operation, or its method and path. */
export function kindOf(method: string, target: string): string {
  return operationOf(method, target) ??
    `${method} ${pathIn(target).replace(STORED, "/v1/responses/{id}")}`;
}
