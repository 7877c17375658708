/** The inference engines that the router knows, as `engine` of a server names them. */
export const engineNames = [
  "vllm",
  "sglang",
  "llama.cpp",
  "tgi",
  "tensorrt-llm",
  "lmdeploy",
  "ollama",
  "tei",
] as const;

/** One of them. */
export type EngineName = typeof engineNames[number];
