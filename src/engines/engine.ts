import type { EngineName } from "../config/engine_name.ts";
import type { Model } from "../fleet/state/models.ts";
import type { MetricNames } from "./metrics_page.ts";

/** What the router asks an engine's servers for, and how they answer. */
export interface Engine {
  /** As `engine` of a server names it. */
  readonly name: EngineName;
  /** Answers with a status of success while the server can take requests. @default "/health" */
  readonly healthPath?: string;
  /** Lists the models. @default "/v1/models" */
  readonly modelsPath?: string;
  /** Reads that list. Throws an `Error` with the reason. @default OpenAI's format */
  readonly parseModels?: (page: string) => Model[];
  /** `owned_by` of its models, by which it is recognised. */
  readonly owner?: string;
  /** Its metrics; `undefined` if it has none. */
  readonly metrics?: MetricNames;
}
