import { z } from "zod";
import type { Diagnostic } from "./diagnostic.ts";

type Issue = z.core.$ZodIssue;

/** Converts issues to diagnostics, with key paths below `where`. */
export function diagnosticsIn(error: z.ZodError | undefined, where: string): Diagnostic[] {
  return (error?.issues ?? []).flatMap(closestIssues).map(({ path, message }) => ({
    where: where + z.core.toDotPath(path) || "the file",
    what: message,
  }));
}

/** For a union, returns the issues of the variant that the value was meant to match. */
function closestIssues(issue: Issue): Issue[] {
  if (issue.code !== "invalid_union") return [issue];
  // The variant whose type matches and only whose contents are wrong.
  const found = issue.errors.find((issues) => issues.every(({ path }) => path.length > 0));
  return found?.map((inner) => ({ ...inner, path: [...issue.path, ...inner.path] })) ?? [issue];
}
