/** Attempts, with the router's permissions, what the router never does, and prints the results. */
const [elsewhere = ""] = Deno.args;

const attempts: Record<string, () => unknown> = {
  "write a file": () => Deno.writeTextFile(elsewhere, "written"),
  "make a folder": () => Deno.mkdir(`${elsewhere}-folder`),
  "remove a file": () => Deno.remove(Deno.args[1]!),
  "rename a file": () => Deno.rename(Deno.args[1]!, elsewhere),
  "link a file": () => Deno.symlink(Deno.args[1]!, elsewhere),
  "write to the temporary folder": () => Deno.makeTempFile(),
  "run a program": () => new Deno.Command("true").output(),
  "run a program by its path": () => new Deno.Command(Deno.execPath()).output(),
  "load a library": () => Deno.dlopen("libc.so.6", {}),
  "load a program over the network": () => import(`${"https"}://deno.land/std/version.ts`),
  "signal another process": () => Deno.kill(Deno.ppid, "SIGCONT"),
  "read the machine's name": () => Deno.hostname(),
  "write to the log folder": async () => {
    await Deno.mkdir("logs", { recursive: true });
    await Deno.writeTextFile("logs/written.log", "written");
  },
};

const results: Record<string, string> = {};
for (const [name, attempt] of Object.entries(attempts)) {
  try {
    await attempt();
    results[name] = "done";
  } catch (error) {
    const isForbidden = error instanceof Deno.errors.NotCapable ||
      (error instanceof TypeError && error.message.includes("--no-remote is specified"));
    results[name] = isForbidden ? "not allowed" : String(error);
  }
}
console.log(JSON.stringify(results));
