import type { Palette } from "./paint.ts";
import { fit } from "./text.ts";

/** Explains keys and columns. */
export function helpLines(palette: Palette): string[] {
  const key = (name: string, what: string) => `${palette.title(fit(name, 20))}${what}`;
  return [
    palette.heading("Keys"),
    key("q, Ctrl-C", "quit; a router finishes what it has first"),
    key("↑ ↓ j k", "select a server; also Page Up, Page Down, Home, End"),
    key("Enter", "all about the selected server; Esc or q goes back"),
    key("s, f", "next order of the servers; only unhealthy ones, or all"),
    key("m, a", "models; API keys"),
    key("?", "this help; any key closes it"),
    "",
    palette.heading("Columns"),
    key("run, wait, cap", "requests running and waiting, and room for"),
    key("usage", "running and waiting, of the capacity"),
    key("KV", "KV cache in use"),
    key("prefix hits", "prompt tokens found in the prefix cache, last minute"),
    key("backlog, todo", "prompt tokens of this router yet to be computed, estimated"),
    key("TTFT, p50 and p95", "time to first token, last minute"),
    key("tok/s, err", "tokens generated a second, failed attempts"),
  ];
}
