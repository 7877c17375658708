import { type EngineName, engineNames } from "../../config/engine_name.ts";
import { isKeyVariable, isOneLine } from "../../config/outside_text.ts";
import { isKey } from "../../config/references.ts";
import type { Said } from "../server.ts";
import type { Pod } from "./objects.ts";

/** How the annotations begin that the router reads. */
export const PREFIX = "vllm-router/";

const MAX_CAPACITY = 100_000;
const MAX_MODELS = 1_000;

/** Reads one annotation's text. Throws what was expected. */
type Read = (text: string, env: (name: string) => string | undefined) => Said;

const readers: Readonly<Record<string, Read>> = {
  "max-concurrent-requests"(text) {
    const capacity = Number(text);
    if (!/^\d{1,9}$/.test(text) || capacity < 1 || capacity > MAX_CAPACITY) {
      throw new Error(`a whole number from 1 to ${MAX_CAPACITY}`);
    }
    return { capacity };
  },
  name(text) {
    if (!isOneLine(text)) throw new Error("a name of up to 200 characters");
    return { name: text };
  },
  engine(text) {
    const engine = engineNames.find((name): name is EngineName => name === text);
    if (!engine) throw new Error(`one of ${engineNames.join(", ")}`);
    return { engine };
  },
  models(text) {
    const models = text.split(",").map((model) => model.trim()).filter((model) => model !== "");
    if (models.length === 0 || models.length > MAX_MODELS || !models.every(isOneLine)) {
      throw new Error("names of models, separated by commas");
    }
    return { models };
  },
  "api-key-env"(name, env) {
    if (!isKeyVariable(name)) {
      throw new Error("the name of a variable that begins with VLLM_API_KEY");
    }
    const apiKey = env(name)?.trim();
    if (!apiKey || !isKey(apiKey)) throw new Error("a variable of the router that has a key");
    return { apiKey };
  },
};

/**
 * Reads what a pod's annotations say of its server. An annotation that isn't valid is left out.
 *
 * @param env looks up a variable of the router's environment
 * @param onWarning told of each annotation that isn't valid; its value is not shown, since it could
 *   be a key
 */
export function annotationsOf(
  pod: Pod,
  env: (name: string) => string | undefined,
  onWarning: (text: string) => void,
): Said {
  const said: Said = {};
  for (const [annotation, text] of Object.entries(pod.annotations)) {
    const where = `pod ${pod.name}: annotation ${annotation}`;
    const read = Object.hasOwn(readers, annotation.slice(PREFIX.length))
      ? readers[annotation.slice(PREFIX.length)]
      : undefined;
    if (!read) {
      const known = Object.keys(readers).map((name) => PREFIX + name).join(", ");
      onWarning(`${where}: unknown, ignored; expected one of ${known}`);
      continue;
    }
    try {
      Object.assign(said, read(text.trim(), env));
    } catch (error) {
      onWarning(`${where}: expected ${(error as Error).message}; it is ignored`);
    }
  }
  return said;
}
