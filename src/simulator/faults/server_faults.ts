import { DEFAULT_DRAIN_SECONDS, DEFAULT_SLOW_FACTOR, type Fault } from "./fault.ts";
import type { HttpServer } from "../http/http_server.ts";
import { metricsPage, type Probes } from "../api/probes.ts";
import type { ServerState } from "../server_state.ts";
import { drain, endOpenRequests, restart } from "../shutdown.ts";

/** The parts of a server that a fault can change. */
export interface Controls {
  readonly server: ServerState;
  readonly http: HttpServer;
  readonly probes: Probes;
  /** Clears the fault. */
  clear(): void;
}

/** Reverts the effect of a fault. */
export type Undo = () => void | Promise<void>;

type OfKind<Kind> = Extract<Fault, { readonly kind: Kind }>;

/** Effects of faults on the server while they are active. All other faults act per request. */
const EFFECTS: {
  readonly [Kind in Fault["kind"]]?: (
    controls: Controls,
    fault: OfKind<Kind>,
  ) => Undo | Promise<Undo>;
} = {
  slow({ server: { engine } }, { factor = DEFAULT_SLOW_FACTOR, probability, times }) {
    if (probability === undefined && times === undefined) engine.slowdown = factor;
    return () => void (engine.slowdown = 1);
  },
  refuse: (controls, { seconds }) => closePort(controls, "refuse", seconds),
  connect_hang: (controls, { seconds }) => closePort(controls, "hang", seconds),
  stalled({ server: { engine }, probes }) {
    engine.setStalled(true);
    // A stalled engine reports nothing new.
    probes.frozenMetrics = metricsPage(probes);
    return () => {
      probes.frozenMetrics = undefined;
      engine.setStalled(false);
    };
  },
  stalled_idle({ server: { engine } }) {
    engine.setDeaf(true);
    return () => engine.setDeaf(false);
  },
  sleeping({ server: { engine } }) {
    engine.sleep();
    return () => {};
  },
  async terminated({ server, http }, { how = "abort" }) {
    const refusing = http.refuse();
    endOpenRequests(server, how);
    await refusing;
    return async () => {
      restart(server);
      await http.accept();
    };
  },
  draining({ server, http }, { seconds = DEFAULT_DRAIN_SECONDS }) {
    const { cancel } = drain(server, http, seconds);
    return async () => {
      cancel();
      await http.accept();
    };
  },
};

/** Starts a fault. Returns a function that ends it. */
export async function beginFault(controls: Controls, fault: Fault | null): Promise<Undo> {
  const effect = fault && EFFECTS[fault.kind] as
    | ((controls: Controls, fault: Fault) => Undo | Promise<Undo>)
    | undefined;
  return await effect?.(controls, fault!) ?? (() => {});
}

async function closePort(
  { http, clear }: Controls,
  how: "refuse" | "hang",
  seconds: number | undefined,
): Promise<Undo> {
  const timer = seconds === undefined ? undefined : setTimeout(clear, seconds * 1000);
  await http[how]();
  return async () => {
    clearTimeout(timer);
    await http.accept();
  };
}
