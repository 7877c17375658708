import type { Access } from "../config/config.ts";
import { type Listener, type ListenerOptions, startListener } from "./listener.ts";

/** The router's listeners, for clients and for operators. */
export interface Endpoints {
  readonly main: Listener;
  /** Defined if an admin address is configured. */
  readonly admin: Listener | undefined;
  /**
   * Applies what can change while listening: the certificate.
   *
   * @returns human-readable warnings about what couldn't be applied
   */
  take(access: Access): string[];
}

/** Options of the main listener, and the handler of the admin listener. */
export interface EndpointsOptions extends Omit<ListenerOptions, "tls"> {
  readonly access: Access;
  readonly adminHandler: ListenerOptions["handler"];
}

/**
 * Starts all listeners or none. Throws the error of `Deno.serve`; for the admin address, as the
 * cause of an error named `NoAdminAddress`.
 */
export function startEndpoints(
  { access, adminHandler, ...main }: EndpointsOptions,
): Endpoints {
  const { adminListen } = access;
  let admin: Listener | undefined;
  try {
    admin = adminListen &&
      startListener({ ...adminListen, handler: adminHandler, onError: main.onError });
  } catch (cause) {
    const error = new Error("Can't listen on the admin address", { cause });
    error.name = "NoAdminAddress";
    throw error;
  }
  let tls = access.tls;
  try {
    const serving = startListener({ ...main, tls });
    return {
      main: serving,
      admin,
      take(next) {
        const problems: string[] = [];
        if (JSON.stringify(next.adminListen) !== JSON.stringify(adminListen)) {
          problems.push("admin.listen takes effect after a restart");
        }
        if (!next.tls !== !tls) problems.push("tls takes effect after a restart");
        else if (next.tls && JSON.stringify(next.tls) !== JSON.stringify(tls)) {
          try {
            serving.renew(next.tls);
            tls = next.tls;
          } catch (error) {
            problems.push(`tls: the certificate can't be used: ${(error as Error).message}`);
          }
        }
        return problems;
      },
    };
  } catch (error) {
    void admin?.drain(0, () => {});
    throw error;
  }
}
