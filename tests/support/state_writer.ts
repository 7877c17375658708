import { openStateFile } from "../../src/state_file.ts";

/** Writes a state file over and over, each time with another state, until it is killed. */
let count = 0;
openStateFile({
  path: () => Deno.args[0],
  parts: {
    count: {
      *save() {
        count++;
        for (const piece of ["[", ...Array(500).fill(`${count},`.repeat(500)), `${count}]`]) {
          yield piece;
        }
      },
      restore: () => undefined,
    },
  },
  onRestored: () => {},
  onProblem: (_, problem) => console.log(problem),
  everyMs: 1,
});
