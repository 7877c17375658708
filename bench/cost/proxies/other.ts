import { freePort, startListening } from "../../support/processes.ts";
import type { Proxy } from "./proxy.ts";

/** A proxy given on the command line. */
export interface Other {
  readonly name: string;
  /** A shell command. `{port}` and `{upstream}` stand for the port and the upstream's URL. */
  readonly command: string;
}

/** Lines of its output that are shown if a proxy doesn't start. */
const SHOWN_LINES = 10;

/**
 * Parses `NAME=COMMAND`.
 *
 * @returns the reason as text if it is invalid
 */
export function parseOther(text: string): Other | string {
  const [, name = "", command = ""] = /^([^=]*)=(.*)$/s.exec(text) ?? [];
  if (name.trim() === "" || command.trim() === "") return "Expected NAME=COMMAND.";
  if (!command.includes("{port}")) {
    return "The command must contain {port}, the port to listen on.";
  }
  return { name: name.trim(), command: command.trim() };
}

export function commandLine({ command }: Other, port: number, upstream: number): string {
  return command
    .replaceAll("{port}", String(port))
    .replaceAll("{upstream}", `http://127.0.0.1:${upstream}`);
}

/** Returns the proxy that this command starts. Its output goes to a file. */
export function otherProxy(other: Other): Proxy {
  return {
    name: other.name,
    canServeTls: false,
    async start({ upstream, folder }) {
      const port = freePort();
      const log = `${folder}/other-${port}.log`;
      const script = `exec >"$1" 2>&1\n${commandLine(other, port, upstream)}`;
      try {
        return await startListening("sh", ["-c", script, "sh", log], port);
      } catch {
        const output = (await Deno.readTextFile(log)).trimEnd().split("\n").slice(-SHOWN_LINES);
        throw new Error(`${other.name} does not listen on port ${port}:\n${output.join("\n")}`);
      }
    },
  };
}
