import { parseArgs } from "node:util";
import { bytesOf, type Kind } from "../parse_message.ts";
import { chanceOf } from "./chance.ts";
import { compare } from "./compare.ts";
import { VERSION } from "./llhttp.ts";
import { mutatedMessages } from "./mutations.ts";
import { run } from "./run.ts";

const { values } = parseArgs({
  options: {
    seed: { type: "string", default: "1" },
    count: { type: "string", default: "1000000" },
    kind: { type: "string" },
    case: { type: "string" },
  },
});
const seed = Number(values.seed);
const count = Number(values.count);
const kinds = (["request", "response"] as const).filter((kind) => kind === (values.kind ?? kind));

/** Prints one case of a run, and what the parsers make of it. */
function show(kind: Kind, nth: number): void {
  const text = mutatedMessages(kind, chanceOf(seed, nth));
  console.log(JSON.stringify(text), compare(kind, bytesOf(text)));
}

function fuzz(kind: Kind): boolean {
  const startedMs = performance.now();
  const { alike, differences, refusals } = run(kind, seed, 0, count);
  const seconds = ((performance.now() - startedMs) / 1_000).toFixed(0);
  console.log(
    `${count} ${kind} cases with seed ${seed} against llhttp ${VERSION} in ${seconds} s: ` +
      `${alike} messages read alike, ${differences.length} differences`,
  );
  for (const difference of differences.slice(0, 50)) console.log(difference);
  console.log("refused by ours, of these accepted by llhttp:");
  for (const [why, { refused, accepted }] of refusals) {
    console.log(`  ${refused + accepted} ${accepted} ${why}`);
  }
  return differences.length === 0;
}

if (values.case !== undefined) { for (const kind of kinds) show(kind, Number(values.case)); }
else if (!kinds.map(fuzz).every(Boolean)) Deno.exit(1);
