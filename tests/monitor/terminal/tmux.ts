/** A terminal of a given size with a program in it, seen as a user sees it. */
export interface TestTerminal extends AsyncDisposable {
  /** Returns the visible text, with colour escapes if requested. */
  capture(options?: { readonly colours?: boolean }): Promise<string>;
  /** Presses keys, given by their tmux names. */
  press(...keys: string[]): Promise<void>;
  /** Types a line into the shell. */
  type(line: string): Promise<void>;
  resize(columns: number, rows: number): Promise<void>;
  /** Returns whether the alternate screen is in use, the cursor visible and wrapping on. */
  state(): Promise<{ alternate: boolean; cursor: boolean; wraps: boolean }>;
  /** Removes the terminal from the program that runs in it. */
  close(): Promise<void>;
}

export interface TerminalOptions {
  readonly columns?: number;
  readonly rows?: number;
  readonly env?: Readonly<Record<string, string>>;
}

/** The shell's prompt. */
export const PROMPT = "prompt$";

const CONFIGURATION = `set -g default-terminal tmux-256color
set -g status off
set -sg escape-time 0
set -g remain-on-exit off
`;

/** Returns whether tmux is installed; if not, prints how to install it. */
export function hasTmux(): boolean {
  try {
    return new Deno.Command("tmux", { args: ["-V"] }).outputSync().success;
  } catch {
    console.log("No tmux, so its tests are skipped: apt-get install tmux");
    return false;
  }
}

/** Opens a terminal with a shell in it. */
export async function openTerminal(
  { columns = 80, rows = 24, env = {} }: TerminalOptions = {},
): Promise<TestTerminal> {
  const folder = await Deno.makeTempDir();
  await Deno.writeTextFile(`${folder}/tmux.conf`, CONFIGURATION);
  await Deno.writeTextFile(`${folder}/bashrc`, `PS1='${PROMPT} '\n`);
  // Variables that would disable colours or interactivity.
  const { NO_COLOR: _, FORCE_COLOR: __, CI: ___, ...outside } = Deno.env.toObject();

  async function tmux(...args: string[]): Promise<string> {
    const { success, stdout, stderr } = await new Deno.Command("tmux", {
      args: ["-u", "-S", `${folder}/socket`, "-f", `${folder}/tmux.conf`, ...args],
      clearEnv: true,
      env: { ...outside, LC_ALL: "C.UTF-8", TERM: "xterm-256color", ...env },
    }).output();
    const decoder = new TextDecoder();
    if (!success) throw new Error(`tmux ${args.join(" ")}: ${decoder.decode(stderr)}`);
    return decoder.decode(stdout);
  }
  await tmux(
    ...["new-session", "-d", "-x", String(columns), "-y", String(rows)],
    `bash --noprofile --rcfile ${folder}/bashrc`,
  );

  let open = true;
  async function close(): Promise<void> {
    if (!open) return;
    open = false;
    await tmux("kill-server");
    await Deno.remove(folder, { recursive: true });
  }
  return {
    capture: ({ colours = false } = {}) =>
      tmux("capture-pane", "-p", ...(colours ? ["-e"] : []), "-t", "0"),
    press: async (...keys) => void await tmux("send-keys", "-t", "0", ...keys),
    type: async (line) => {
      await tmux("send-keys", "-t", "0", "-l", line);
      await tmux("send-keys", "-t", "0", "Enter");
    },
    resize: async (columns, rows) =>
      void await tmux("resize-window", "-t", "0", "-x", String(columns), "-y", String(rows)),
    async state() {
      const flags = "#{alternate_on}#{cursor_flag}#{wrap_flag}";
      const [alternate, cursor, wraps] = await tmux("display", "-p", "-t", "0", flags);
      return { alternate: alternate === "1", cursor: cursor === "1", wraps: wraps === "1" };
    },
    close,
    [Symbol.asyncDispose]: close,
  };
}
