import { basename, dirname } from "node:path";
import { unreadable } from "../../config/file/load.ts";

/** The files that a pattern matches, or why its folder can't be listed. */
export type Matches =
  | { readonly paths: readonly string[] }
  | { readonly problem: string };

/** Lists the files that match a path with `*` in its last part. */
export async function listFiles(pattern: string): Promise<Matches> {
  const folder = dirname(pattern);
  const name = basename(pattern);
  const parts = name.split("*").map((part) => part.replace(/[^\w-]/g, "\\$&"));
  const matching = new RegExp(`^${parts.join("[^/]*")}$`);
  const paths: string[] = [];
  try {
    for await (const entry of Deno.readDir(folder)) {
      // As in a shell, a * at the start matches no hidden file.
      const isHidden = entry.name.startsWith(".") && name.startsWith("*");
      if (!isHidden && !entry.isDirectory && matching.test(entry.name)) {
        paths.push(`${folder}/${entry.name}`);
      }
    }
  } catch (error) {
    return { problem: `${folder}: ${unreadable(error).replace("no such file", "no such folder")}` };
  }
  return { paths: paths.sort() };
}
