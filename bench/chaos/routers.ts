import { openPath, type Path } from "../support/path.ts";
import { sleep } from "../support/processes.ts";
import { type ConfigFile, configFile } from "./config_file.ts";
import { ROUTERS } from "./peer_troubles.ts";
import { type Router, startRouter } from "./router.ts";
import { type RouterLog, routerLog } from "./router_log.ts";

/** A router at fixed addresses, which may be ended and started again. */
export interface Member {
  readonly port: number;
  /** Its admin address. */
  readonly admin: string;
  /** The way to its admin address that its peer takes. */
  readonly path: Path;
  /** What all its processes logged. */
  readonly log: RouterLog;
  readonly config: ConfigFile;
  /** Of its processes that got SIGTERM; undefined for one that didn't end in time. */
  readonly exitCodes: readonly (number | undefined)[];
  /** Ends it by SIGTERM. */
  stop(): Promise<void>;
  /** Ends it by SIGKILL. */
  kill(): Promise<void>;
  start(): Promise<void>;
  /** SIGSTOP or SIGCONT. */
  freeze(isFrozen: boolean): void;
}

/** Routers that are peers, in front of the same servers. */
export interface Routers extends AsyncDisposable {
  readonly members: readonly Member[];
}

export interface RoutersOptions {
  /** For configuration and state files. */
  readonly folder: string;
  readonly urls: readonly string[];
  readonly settings: Readonly<Record<string, number | string | boolean>>;
  /** A file that lists more servers. */
  readonly targets: string;
}

/** Of routers, for {@linkcode Member.admin}. */
export const PEER_KEY = "the-key-of-both-routers";
const STOP_MS = 15_000;
/** Below the ports that outgoing connections get, which could take that of a router that restarts. */
const LEAST_PORT = 20_000;
const MOST_PORT = 30_000;

/** Starts the routers, which find each other. */
export async function startRouters(options: RoutersOptions): Promise<Routers> {
  await using stack = new AsyncDisposableStack();
  const ports = Array.from({ length: ROUTERS }, () => ({ main: fixedPort(), admin: fixedPort() }));
  const paths = ports.map(({ admin }) => stack.use(openPath(admin)));
  const members = ports.map(({ main, admin }, router) => {
    const peers = paths.filter((_, other) => other !== router).map(({ url }) => url);
    return createMember({ ...options, router, main, admin, path: paths[router]!, peers });
  });
  for (const member of members) {
    stack.defer(member.kill);
    await member.start();
  }
  while (!await arePeers(members)) await sleep(20);
  const moved = stack.move();
  return { members, [Symbol.asyncDispose]: () => moved.disposeAsync() };
}

interface MemberOptions extends RoutersOptions {
  readonly router: number;
  readonly main: number;
  readonly admin: number;
  readonly path: Path;
  /** The ways to its peers. */
  readonly peers: readonly string[];
}

function createMember(options: MemberOptions): Member {
  const { router: index, main, admin, path, peers, targets } = options;
  const folder = `${options.folder}/${index}`;
  Deno.mkdirSync(folder);
  const settings = { ...options.settings, state_file: "state" };
  const config = configFile(folder, options.urls, settings, [
    `[admin]\nlisten = "127.0.0.1:${admin}"`,
    `[peers]\nrouters = ${JSON.stringify(peers)}\nkey = "${PEER_KEY}"`,
    `[[discovery]]\nfiles = ["${targets}"]`,
  ]);
  const log = routerLog();
  const exitCodes: (number | undefined)[] = [];
  let router: Router | undefined;
  return {
    port: main,
    admin: `http://127.0.0.1:${admin}`,
    ...{ path, log, config, exitCodes },
    async stop() {
      exitCodes.push(await router?.stop(STOP_MS));
    },
    kill: async () => await router?.[Symbol.asyncDispose](),
    async start() {
      await config.write();
      router = await startRouter(config.path, { port: main, log, writes: folder });
    },
    freeze: (isFrozen) => Deno.kill(router!.pid, isFrozen ? "SIGSTOP" : "SIGCONT"),
  };
}

/** Whether each router hears its peer. */
export async function arePeers(members: readonly Member[]): Promise<boolean> {
  const heard = await Promise.all(members.map(isPeerUp));
  return heard.every((isUp) => isUp);
}

/** Whether a router says that its peer counts. */
async function isPeerUp({ admin }: Pick<Member, "admin">): Promise<boolean> {
  const { peers } = await (await fetch(`${admin}/health`)).json();
  return peers.every(({ up }: { up: boolean }) => up);
}

/** Returns a port that is free, also a little later. */
function fixedPort(): number {
  while (true) {
    const port = LEAST_PORT + Math.floor((MOST_PORT - LEAST_PORT) * Math.random());
    try {
      Deno.listen({ hostname: "127.0.0.1", port }).close();
      return port;
    } catch {
      // It is taken.
    }
  }
}
