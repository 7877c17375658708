import type { Engine } from "./engine.ts";

/**
 * Ollama, read in 0.33.0. It has neither metrics nor a health page, and tells nothing of its load:
 * `/api/ps` lists the models in memory, not their requests. Its models are owned by the first part
 * of their name, which is `library` for those of its own library.
 */
export const ollama: Engine = {
  name: "ollama",
  owner: "library",
  healthPath: "/api/version",
};

/** What its `/` answers, whatever its models are called. */
export const OLLAMA_GREETING = "Ollama is running";
