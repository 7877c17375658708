import type { Access } from "../config/config.ts";
import {
  type Certificate,
  type ConnectionFailure,
  type Listener,
  startListener,
} from "./listener.ts";
import { startOwnListener } from "./h1/own_listener.ts";
import type { Refusal } from "./h1/request_head.ts";
import type { Service } from "./service.ts";

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

/** Where to listen, and who answers. */
export interface EndpointsOptions {
  readonly hostname: string;
  /** 0 picks a free port. */
  readonly port: number;
  readonly access: Access;
  readonly service: Service;
  /** Answers at the admin address. */
  readonly adminService: Service;
  /** Called for a request that breaks HTTP's rules or limits. */
  readonly onRefused: (refusal: Refusal, address: string) => void;
  /** Called when a connection could not be accepted, or a TLS handshake failed. */
  readonly onConnectionFailed?: ((reason: ConnectionFailure) => void) | undefined;
  readonly onError: (error: unknown) => void;
}

/**
 * Starts all listeners or none. Throws the system's error; for the admin address, as the cause of an
 * error named `NoAdminAddress`.
 */
export function startEndpoints(options: EndpointsOptions): Endpoints {
  const { hostname, port, access, service, adminService, onRefused } = options;
  const { onConnectionFailed, onError } = options;
  const { adminListen, http1 } = access;

  function start(
    address: { readonly hostname: string; readonly port: number },
    by: Service,
    tls?: Certificate,
  ): Listener {
    return http1 === "deno"
      ? startListener({ ...address, tls, handler: by.answer, onConnectionFailed, onError })
      : startOwnListener({
        ...address,
        tls,
        service: by,
        onRefused,
        onConnectionFailed,
        onError,
      });
  }

  let admin: Listener | undefined;
  try {
    admin = adminListen && start(adminListen, adminService);
  } catch (cause) {
    const error = new Error("Can't listen on the admin address", { cause });
    error.name = "NoAdminAddress";
    throw error;
  }
  let tls = access.tls;
  try {
    const main = start({ hostname, port }, service, tls);
    return {
      main,
      admin,
      take(next) {
        const problems: string[] = [];
        if (JSON.stringify(next.adminListen) !== JSON.stringify(adminListen)) {
          problems.push("admin.listen takes effect after a restart");
        }
        if (next.http1 !== http1) problems.push("server.http1 takes effect after a restart");
        if (!next.tls !== !tls) problems.push("tls takes effect after a restart");
        else if (next.tls && JSON.stringify(next.tls) !== JSON.stringify(tls)) {
          try {
            main.renew(next.tls);
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
