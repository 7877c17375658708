import type { Fleet } from "../fleet/fleet.ts";
import type { ClientPool } from "../http/client_pool.ts";
import type { Admission } from "./admission.ts";
import type { ModelFor } from "./client.ts";
import type { Observer } from "./observer.ts";
import type { ResponseHomes } from "./stored/response_homes.ts";
import type { RetryBudget } from "./retry_budget.ts";
import type { Tracer } from "./trace.ts";

/** The dependencies of the proxy. */
export interface ProxyOptions {
  /** Chooses servers and counts requests. */
  readonly fleet: Fleet;
  /** Connections to servers. */
  readonly connections: ClientPool;
  /** @internal shared with the other way, see `create_proxies.ts` */
  readonly admission: Admission;
  /** @internal shared likewise */
  readonly retries: RetryBudget;
  /** @internal where stored responses are, shared likewise */
  readonly homes: ResponseHomes;
  /** Called as requests progress. */
  readonly observer: Observer;
  /** Returns the tracer, if requests are traced. */
  readonly tracer: () => Tracer | undefined;
  /** Aborts when a stopping router takes no more requests and stops waiting for those in flight. */
  readonly cutOff: AbortSignal;
  /** Returns the model that runs for the name that a client asked for. */
  readonly modelFor: ModelFor;
  /** Has all servers list their models again. */
  readonly relist: () => Promise<void>;
  /** Returns the names that are listed to clients. */
  readonly listedModels: () => readonly string[];
}
