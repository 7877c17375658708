import { type Api, type Failure, isResponse, type Kind } from "./api.ts";
import { textOf } from "./lines.ts";
import { readPage } from "./objects.ts";
import { startTimeLimit } from "./time_limit.ts";

/** All objects of a kind at one version. */
export interface Listed {
  /** As they came; none has been checked. */
  readonly objects: readonly unknown[];
  /** Where a watch goes on. */
  readonly version: string;
}

/** Objects a page: 200 slices of 100 endpoints have some 10 MB. */
const PAGE = 200;
const MAX_PAGE_BYTES = 64 * 1024 ** 2;
/** Time for one page. */
const PAGE_MS = 15_000;

/** Lists all objects of a kind, page by page; more than `maxObjects` are a failure. */
export async function list(
  api: Api,
  kind: Kind,
  maxObjects: number,
  stopping: AbortSignal,
): Promise<Listed | Failure> {
  const objects: unknown[] = [];
  let next: string | undefined;
  while (true) {
    using limit = startTimeLimit(PAGE_MS, stopping);
    const query = { limit: String(PAGE), ...(next && { continue: next }) };
    const answer = await api.get(kind, query, limit.signal);
    if (!isResponse(answer)) return answer;
    const page = await pageIn(answer, kind, limit.signal);
    if ("reason" in page) return page;
    if (objects.length + page.items.length > maxObjects) {
      return { reason: `there are more than ${maxObjects} ${kind.plural}` };
    }
    objects.push(...page.items);
    next = page.metadata.continue;
    if (!next) return { objects, version: page.metadata.resourceVersion };
  }
}

async function pageIn(response: Response, { plural }: Kind, signal: AbortSignal) {
  const failed = (why: string): Failure => ({ reason: `the list of ${plural}: ${why}` });
  let text: string;
  try {
    text = await textOf(response, MAX_PAGE_BYTES, signal);
  } catch (error) {
    if (error instanceof RangeError) return failed(error.message);
    return { ...failed("it broke off"), isUsual: true };
  }
  try {
    return readPage(JSON.parse(text)) ?? failed("expected metadata.resourceVersion and items");
  } catch {
    return failed("expected JSON");
  }
}
