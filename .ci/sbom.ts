// Writes the list of what the executables contain, as CycloneDX 1.6, to stdout:
//
//   deno info --json main.ts | deno run --no-prompt --allow-read=. .ci/sbom.ts COMMIT
//
// Packages that only tests use are not part of it. The same input gives the same output.

/** The parts of `deno info --json` that are used. */
export interface ModuleGraph {
  readonly modules: readonly { readonly npmPackage?: string }[];
  /** All packages in `deno.lock`, by name and version, with peers. */
  readonly npmPackages: Readonly<Record<string, NpmPackage>>;
}

interface NpmPackage {
  readonly name: string;
  readonly version: string;
  readonly dependencies: readonly string[];
}

/** The parts of `deno.lock` that are used. */
export interface LockFile {
  readonly npm: Readonly<Record<string, { readonly integrity: string }>>;
}

export interface Release {
  readonly version: string;
  readonly commit: string;
  /** Version of the runtime in the executables. */
  readonly deno: string;
}

/** Lists the packages that the graph's modules import, directly or through others, and the runtime. */
export function sbomOf(graph: ModuleGraph, lock: LockFile, release: Release) {
  const used = new Set<string>();
  const visit = (id: string) => {
    if (used.has(id)) return;
    used.add(id);
    graph.npmPackages[id]!.dependencies.forEach(visit);
  };
  const direct = new Set(graph.modules.flatMap(({ npmPackage }) => npmPackage ?? []));
  direct.forEach(visit);
  const refOf = (id: string) => purlOf(graph.npmPackages[id]!);
  // A package may be there twice, with different peers.
  const ids = [...new Map([...used].sort().map((id) => [refOf(id), id])).values()];

  const router = `pkg:generic/vllm-router@${release.version}`;
  const runtime = `pkg:github/denoland/deno@v${release.deno}`;
  return {
    $schema: "http://cyclonedx.org/schema/bom-1.6.schema.json",
    bomFormat: "CycloneDX",
    specVersion: "1.6",
    version: 1,
    metadata: {
      component: {
        type: "application",
        "bom-ref": router,
        name: "vllm-router",
        version: release.version,
        purl: router,
        licenses: [{ license: { id: "MIT" } }],
        properties: [{ name: "git:commit", value: release.commit }],
      },
    },
    components: [
      {
        type: "platform",
        "bom-ref": runtime,
        name: "deno",
        version: release.deno,
        purl: runtime,
        licenses: [{ license: { id: "MIT" } }],
      },
      ...ids.map((id) => ({
        type: "library",
        "bom-ref": refOf(id),
        ...namesOf(graph.npmPackages[id]!),
        version: graph.npmPackages[id]!.version,
        purl: refOf(id),
        hashes: [hashOf(lock.npm[id]!.integrity)],
      })),
    ],
    dependencies: [
      { ref: router, dependsOn: [runtime, ...[...direct].map(refOf).sort()] },
      ...ids.map((id) => ({
        ref: refOf(id),
        dependsOn: graph.npmPackages[id]!.dependencies.map(refOf).sort(),
      })),
    ],
  };
}

function purlOf({ name, version }: NpmPackage): string {
  return `pkg:npm/${name.replace("@", "%40")}@${version}`;
}

function namesOf({ name }: NpmPackage): { readonly group?: string; readonly name: string } {
  const [scope, own] = name.split("/");
  return own === undefined ? { name } : { group: scope!, name: own };
}

/** Translates an integrity such as `sha512-…`, in base64. */
function hashOf(integrity: string): { readonly alg: string; readonly content: string } {
  const [, bits, base64] = /^sha(256|384|512)-(\S+)$/.exec(integrity)!;
  const hex = [...atob(base64!)].map((byte) => byte.charCodeAt(0).toString(16).padStart(2, "0"));
  return { alg: `SHA-${bits}`, content: hex.join("") };
}

if (import.meta.main) {
  const graph = await new Response(Deno.stdin.readable).json();
  const read = (path: string) => JSON.parse(Deno.readTextFileSync(path));
  const { version } = read("deno.json");
  const [commit = ""] = Deno.args;
  const sbom = sbomOf(graph, read("deno.lock"), { version, commit, deno: Deno.version.deno });
  console.log(JSON.stringify(sbom, undefined, 2));
}
