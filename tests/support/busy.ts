import http from "node:http";
import https from "node:https";

/** The results of a client that sends one request after another on a kept connection. */
export interface BusyClient {
  /** Complete answers. */
  readonly answered: number;
  /** Requests without an answer although their connection was open when they were sent. */
  readonly lost: readonly string[];
  /** Settles when an answer asks to close the connection, or no connection is accepted any more. */
  readonly done: Promise<void>;
}

/**
 * Starts a client that keeps its connection until an answer asks to close it, as most clients do.
 *
 * @param ca certificate authorities for the router's certificate
 */
export function startBusyClient(url: string, body: string, ca?: readonly string[]): BusyClient {
  const { Agent, request } = ca ? https : http;
  const agent = new Agent({ keepAlive: true, maxSockets: 1, ...(ca && { ca: [...ca] }) });
  const lost: string[] = [];
  let answered = 0;
  let isAskedToClose = false;

  const ask = () =>
    new Promise<void>((resolve, reject) => {
      const sent = request(url, {
        method: "POST",
        agent,
        headers: { "content-type": "application/json", "content-length": body.length },
      }, (response) => {
        response.resume();
        response.on("error", reject);
        response.on("end", () => {
          if (response.statusCode === 200) answered++;
          else lost.push(`answered ${response.statusCode}`);
          isAskedToClose ||= response.headers.connection === "close";
          resolve();
        });
      });
      sent.on("error", reject);
      sent.end(body);
    });

  async function run(): Promise<void> {
    try {
      while (!isAskedToClose) {
        try {
          await ask();
        } catch (error) {
          const { code, message } = error as Error & { code?: string };
          lost.push(code ?? message);
          if (code === "ECONNREFUSED") return;
        }
      }
    } finally {
      agent.destroy();
    }
  }

  return {
    get answered() {
      return answered;
    },
    lost,
    done: run(),
  };
}
