import type { Access } from "../config/config.ts";
import { type Listener, type ListenerOptions, startListener } from "./listener.ts";

/** Where the router listens, for clients and for those who run it. */
export interface Endpoints {
  readonly main: Listener;
  /** Where an address of its own is configured. */
  readonly admin: Listener | undefined;
  /**
   * Takes what of a new configuration can be taken while listening: the certificate.
   *
   * @returns what can't be, in sentences for people
   */
  take(access: Access): string[];
}

/** How to listen at the main address, and who answers at each. */
export interface EndpointsOptions extends Omit<ListenerOptions, "tls"> {
  readonly access: Access;
  readonly adminHandler: ListenerOptions["handler"];
}

/**
 * Listens at all addresses or at none: throws what `Deno.serve` throws, for the second address as
 * the cause of an error named `NoAdminAddress`.
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
    const error = new Error("The second address can't be listened at", { cause });
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
