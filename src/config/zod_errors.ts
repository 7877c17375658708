import { z } from "zod";
import type { Diagnostic } from "./diagnostic.ts";

type Issue = z.core.$ZodIssue;

/** What a check found, a problem each, at its place below `where`. */
export function diagnosticsIn(error: z.ZodError | undefined, where: string): Diagnostic[] {
  return (error?.issues ?? []).flatMap(closestIssues).map(({ path, message }) => ({
    where: where + z.core.toDotPath(path) || "the file",
    what: message,
  }));
}

/** Of what may be written in several ways, what is wrong with the way that was meant. */
function closestIssues(issue: Issue): Issue[] {
  if (issue.code !== "invalid_union") return [issue];
  // The one that fits but for what it holds.
  const found = issue.errors.find((issues) => issues.every(({ path }) => path.length > 0));
  return found?.map((inner) => ({ ...inner, path: [...issue.path, ...inner.path] })) ?? [issue];
}
