import type { Context } from "hono";
import type { Server } from "../fleet/state/server.ts";
import { bodyText } from "./body_text.ts";
import { type Changed, type NotChanged, notFound, type ServerChanges } from "./change_servers.ts";
import type { SetDrained } from "./drain.ts";
import type { Handler, Routes } from "./hono_app.ts";
import { workerDocument, workerId, workersDocument } from "./worker_document.ts";

/** Characters of a body. A thousand of them have to fit into a state file. */
const LONGEST_BODY = 16 * 1024;

/**
 * Returns what answers at the paths that SMG has for listing and changing servers, in its shapes and
 * with its status codes.
 */
export function workerRoutes(changes: ServerChanges, setDrained: SetDrained): Routes {
  /** Wraps a handler for the server that the path names. */
  const ofServer =
    (answer: (server: Readonly<Server>, c: Context) => Response | Promise<Response>): Handler =>
    (c) => {
      const id = c.req.param("id") ?? "";
      const server = changes.find(id);
      return server ? answer(server, c) : refused(notFound(id));
    };
  const update = (put: ServerChanges["replace"]) =>
    ofServer(async (server, { req }) => {
      const read = await tableIn(req.raw);
      const result = "error" in read ? read : await put(server, read.table);
      return "error" in result ? refused(result) : accepted(result, "The server is changed");
    });
  const drain = (isDrained: boolean) =>
    ofServer(({ config: { name, url } }) => {
      setDrained(name, isDrained);
      const message = isDrained
        ? "The server finishes its requests and gets no new ones"
        : "The server gets requests again";
      return accepted({ url, warnings: [] }, message);
    });

  return {
    "/workers": {
      GET: () => Response.json(workersDocument(changes.servers())),
      async POST({ req }) {
        const read = await tableIn(req.raw);
        const result = "error" in read ? read : await changes.add(read.table);
        if ("error" in result) return refused(result);
        const message = "The server gets requests once it has passed its first check";
        return accepted(result, message, `/workers/${workerId(result.url)}`);
      },
    },
    "/workers/:id": {
      GET: ofServer((server) => Response.json(workerDocument(server))),
      PUT: update(changes.replace),
      PATCH: update(changes.change),
      DELETE: ofServer(async ({ config: { url } }) => {
        const result = await changes.remove(url);
        return "error" in result
          ? refused(result)
          : accepted(result, "The server finishes its requests and is then gone");
      }),
    },
    "/workers/:id/drain": { POST: drain(true), DELETE: drain(false) },
  };
}

/** Reads a body of JSON. */
async function tableIn(request: Request): Promise<{ readonly table: unknown } | NotChanged> {
  const body = await bodyText(request, LONGEST_BODY);
  if (body === undefined) return badRequest(`The body is longer than ${LONGEST_BODY} characters`);
  try {
    return { table: JSON.parse(body) };
  } catch {
    return badRequest('expected a JSON object such as {"url": "http://gpu-server-1:8081"}');
  }
}

const badRequest = (error: string): NotChanged => ({ status: 400, code: "BAD_REQUEST", error });

/** SMG's shape of a success. */
function accepted({ url, warnings }: Changed, message: string, location?: string): Response {
  const where = location === undefined ? {} : { location };
  return Response.json({
    status: "accepted",
    worker_id: workerId(url),
    url,
    ...where,
    message,
    ...(warnings.length > 0 && { warnings }),
  }, { status: 202, headers: where });
}

/** SMG's shape of an error. */
function refused({ status, code, error }: NotChanged): Response {
  return Response.json({ error, code }, { status });
}
