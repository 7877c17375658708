import { isObject } from "./body.ts";
import { errorDocument } from "./errors.ts";
import type { HttpRequest } from "../http/http_request.ts";
import type { HttpResponse } from "../http/http_response.ts";
import type { ServerState } from "../server_state.ts";

const decoder = new TextDecoder();

/** POST /v1/load_lora_adapter: adds the model named by `lora_name`. */
export function loadAdapter(server: ServerState, request: HttpRequest, response: HttpResponse) {
  const name = adapterName(request);
  if (name === undefined) return refuse(response, 400, "InvalidUserInput", "'lora_name' missing.");
  if (server.models.includes(name)) {
    const message = `The lora adapter '${name}' has already been loaded.`;
    return refuse(response, 400, "InvalidUserInput", message);
  }
  server.models = [...server.models, name];
  response.send(200, `Success: LoRA adapter '${name}' added successfully.`);
}

/** POST /v1/unload_lora_adapter */
export function unloadAdapter(server: ServerState, request: HttpRequest, response: HttpResponse) {
  const name = adapterName(request);
  const [base, ...adapters] = server.models;
  if (name === undefined || !adapters.includes(name)) {
    const message = `The lora adapter '${name}' cannot be found.`;
    return refuse(response, 404, "NotFoundError", message);
  }
  server.models = [base!, ...adapters.filter((adapter) => adapter !== name)];
  response.send(200, `Success: LoRA adapter '${name}' removed successfully.`);
}

function adapterName({ body }: HttpRequest): string | undefined {
  try {
    const document = JSON.parse(decoder.decode(body));
    return isObject(document) && document.lora_name ? String(document.lora_name) : undefined;
  } catch {
    return undefined;
  }
}

function refuse(response: HttpResponse, status: number, type: string, message: string): void {
  response.json(status, errorDocument("", status, type, message));
}
