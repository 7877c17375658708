import { isFailure, type Outcome } from "../fleet/outcome.ts";

/**
 * Whether a failed attempt goes to another server. Only attempts of which nothing has reached the
 * client come here.
 *
 * @param attempts made so far, at least 1
 */
export function shouldRetry(
  outcome: Outcome,
  attempts: number,
  maxRetries: number,
): boolean {
  return isFailure(outcome) && attempts <= maxRetries;
}

/** The outcome that an upstream status alone decides. */
export function outcomeOfStatus(status: number): Outcome {
  switch (status) {
    case 429:
    case 503:
      return "backpressure";
    case 500:
    case 502:
    case 504:
      return "bad_status";
    default:
      return status >= 400 ? "client_error" : "ok";
  }
}
