import { chatCompletions, completions } from "./chat.ts";
import type { InferenceEndpoint } from "./inference.ts";

/** The endpoints that run inference, all of them POST. */
export const INFERENCE_ENDPOINTS: Readonly<Record<string, InferenceEndpoint>> =
  {
    "/v1/chat/completions": chatCompletions,
    "/v1/completions": completions,
  };
