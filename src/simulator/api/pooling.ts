import { planPooling } from "../inference/answer.ts";
import { type Json, parseJsonBody, readCount } from "./body.ts";
import { missingField } from "./errors.ts";
import { servedModel } from "./models.ts";
import { contentText, readPrompts, renderChat } from "../inference/prompt.ts";
import { createRandom } from "../random.ts";
import { requestId } from "../server_state.ts";
import { hashTokens } from "../engine/token_hash.ts";
import { joinTokens, tokenize } from "../inference/tokenizer.ts";
import { countTokens, usage } from "../inference/usage.ts";
import type { Choice, InferenceEndpoint } from "../inference/wording.ts";

const DEFAULT_DIMENSIONS = 64;

/** What differs between pooling endpoints. */
interface PoolingKind {
  readonly idPrefix: string;
  prompts(body: Json): Uint32Array[];
  document(choices: readonly Choice[], body: Json, common: Json): unknown;
}

/** Creates an endpoint that computes prompts in the engine and generates nothing. */
function poolingEndpoint({ idPrefix, prompts, document }: PoolingKind): InferenceEndpoint {
  return (request, server) => {
    const body = parseJsonBody(request);
    const model = servedModel(body, server.models);
    const id = `${idPrefix}-${requestId(request, server)}`;
    const created = Math.floor(Date.now() / 1000);
    const common = { id, object: "list", created, model };
    return {
      stream: false,
      plans: prompts(body).map((prompt) => planPooling(prompt, server.maxModelLen)),
      wording: { document: (choices) => document(choices, body, common) },
    };
  };
}

/** POST /v1/embeddings: unit vectors, as numbers or, with `encoding_format`, as base64. */
export const embeddings = poolingEndpoint({
  idPrefix: "embd",
  prompts: inputPrompts,
  document: (choices, body, common) => ({
    ...common,
    data: choices.map(({ index, prompt }) => ({
      index,
      object: "embedding",
      embedding: encodeVector(embed(prompt, body), body.encoding_format),
    })),
    usage: usage(choices),
  }),
});

/** POST /pooling */
export const pooling = poolingEndpoint({
  idPrefix: "pool",
  prompts: inputPrompts,
  document: (choices, body, common) => ({
    ...common,
    data: choices.map(({ index, prompt }) => ({
      index,
      object: "pooling",
      data: encodeVector(embed(prompt, body), body.encoding_format),
    })),
    usage: usage(choices),
  }),
});

/** POST /v2/embed, in Cohere's format. */
export const cohereEmbed = poolingEndpoint({
  idPrefix: "embd",
  prompts: (body) => readPrompts(body.texts, "texts"),
  document: (choices, body, { id }) => ({
    id,
    embeddings: {
      float: choices.map(({ prompt }) => [...embed(prompt, body)]),
    },
    texts: body.texts,
    meta: {
      api_version: { version: "2" },
      billed_units: { input_tokens: countTokens(choices).prompt },
    },
  }),
});

/** POST /classify */
export const classify = poolingEndpoint({
  idPrefix: "classify",
  prompts: inputPrompts,
  document: (choices, _body, common) => ({
    ...common,
    data: choices.map(({ index, prompt }) => {
      const positive = relevance(prompt);
      const label = positive > 0.5 ? "LABEL_1" : "LABEL_0";
      return { index, label, probs: [1 - positive, positive], num_classes: 2 };
    }),
    usage: usage(choices),
  }),
});

/** POST /score and /v1/score */
export const score = poolingEndpoint({
  idPrefix: "score",
  prompts(body) {
    const queries = readTexts(body.queries ?? body.text_1, "text_1");
    const documents = readTexts(body.documents ?? body.text_2, "text_2");
    return documents.map((document, index) => pairPrompt(queries[index] ?? queries[0]!, document));
  },
  document: (choices, _body, common) => ({
    ...common,
    data: choices.map(({ index, prompt }) => {
      return { index, object: "score", score: relevance(prompt) };
    }),
    usage: usage(choices),
  }),
});

/** POST /rerank, /v1/rerank and /v2/rerank */
export const rerank = poolingEndpoint({
  idPrefix: "rerank",
  prompts(body) {
    const [query] = readTexts(body.query, "query");
    return readTexts(body.documents, "documents").map((each) => pairPrompt(query!, each));
  },
  document(choices, body, { id, model }) {
    const documents = readTexts(body.documents, "documents");
    const results = choices
      .map(({ index, prompt }) => ({
        index,
        document: { text: documents[index], multi_modal: null },
        relevance_score: relevance(prompt),
      }))
      .sort((a, b) => b.relevance_score - a.relevance_score)
      .slice(0, readCount(body, "top_n", 0) || undefined); // 0 means all
    const { prompt } = countTokens(choices);
    return {
      id,
      model,
      usage: { prompt_tokens: prompt, total_tokens: prompt },
      results,
    };
  },
});

function inputPrompts(body: Json): Uint32Array[] {
  return body.messages === undefined ? readPrompts(body.input, "input") : [renderChat(body)];
}

function readTexts(value: unknown, name: string): string[] {
  if (value === undefined) throw missingField(name);
  const values = Array.isArray(value) ? value : [value];
  return values.map((each) => typeof each === "string" ? each : contentText([each]));
}

function pairPrompt(query: string, document: string): Uint32Array {
  return joinTokens([tokenize(query), tokenize("\n"), tokenize(document)]);
}

/** Returns a number from 0 to 1 that depends only on the tokens. */
function relevance(tokens: Uint32Array): number {
  return createRandom(hashTokens(0, tokens))();
}

/** Returns a unit vector that depends only on the tokens. */
function embed(tokens: Uint32Array, body: Json): Float32Array {
  const random = createRandom(hashTokens(0, tokens));
  const dimensions = readCount(body, "dimensions", 1) ?? DEFAULT_DIMENSIONS;
  const vector = Float32Array.from({ length: dimensions }, () => random() - 0.5);
  const length = Math.hypot(...vector);
  return vector.map((value) => value / length);
}

function encodeVector(vector: Float32Array, format: unknown): number[] | string {
  if (format !== "base64") return [...vector];
  return btoa(String.fromCharCode(...new Uint8Array(vector.buffer)));
}
