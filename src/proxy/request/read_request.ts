import type { Exchange } from "../../http/exchange.ts";
import type { Admission } from "../admission.ts";
import { maxBytesOf, readBody, type UploadLimits } from "./read_body.ts";
import { withModel } from "./model_place.ts";
import { classify, type ParsedRequest } from "./classify.ts";
import type { Client, ModelFor } from "../client.ts";
import { type ApiError, forbiddenModel } from "../../http/api_errors.ts";
import { readStored } from "../stored/read_stored.ts";
import type { ResponseHomes } from "../stored/response_homes.ts";
import { storedResponseIn } from "../../vllm/stored_response.ts";
import { readGet } from "./read_get.ts";
import { compressionOf, inflate } from "./read_compressed.ts";
import { asksEngine } from "../../vllm/endpoints.ts";
import type { Body } from "./body_buffer.ts";
import { inTimeSlices } from "../../util/time_slices.ts";

/** A request whose body has been read and classified. */
export interface ReadRequest extends Omit<ParsedRequest, "modelPlace"> {
  readonly body: Body;
  /** When its whole body had arrived, on the clock of `performance.now()`. */
  readonly readAt: number;
  /** The model's name as the client asked for it, if another name runs. */
  readonly asked: string | undefined;
}

/** What reading a request depends on. */
export interface ReadOptions {
  readonly admission: Admission;
  readonly settings: UploadLimits & { readonly sessionHeader: string };
  /** Returns the model that runs for the name that a client asked for. */
  readonly modelFor: ModelFor;
  /** Where stored responses are. */
  readonly homes: ResponseHomes;
}

/**
 * Reads a request, classifies it, names the model that runs, and checks that its client may use it.
 *
 * @returns `undefined` if the client left before the end
 */
export async function readRequest(
  exchange: Exchange,
  client: Client,
  { admission, settings, modelFor, homes }: ReadOptions,
): Promise<ReadRequest | ApiError | undefined> {
  const { headers } = exchange;
  const stored = storedResponseIn(exchange.target);
  if (stored) {
    const read = readStored(stored.id, exchange.target, client, homes);
    return "status" in read ? read : { ...read, readAt: performance.now() };
  }
  if (exchange.method === "GET") {
    const read = readGet(exchange, client, modelFor);
    return "status" in read ? read : { ...read, readAt: performance.now(), asked: undefined };
  }
  const compression = compressionOf(headers);
  if (typeof compression === "object") return compression;
  const read = await readBody(exchange, admission, settings);
  if (!read || "status" in read) return read;
  const body = compression
    ? await inflate(read, compression, admission, maxBytesOf(settings))
    : read;
  if ("status" in body) return body;
  const readAt = performance.now();
  const session = headers.get(settings.sessionHeader) ?? undefined;
  const classified = await inTimeSlices(
    classify(body.bytes, headers.get("content-type"), {
      session,
      asksEngine: asksEngine(exchange.target),
      target: exchange.target,
    }),
  );
  if ("status" in classified) {
    body.drop();
    return classified;
  }
  const { model: asked } = classified.profile;
  const model = modelFor(asked, client.mayUse);
  if (!client.mayUse(model)) {
    body.drop();
    return forbiddenModel(model);
  }
  if (model === asked) return { ...classified, body, readAt, asked: undefined };
  body.replace(withModel(body.bytes, classified.modelPlace, model!));
  return { ...classified, profile: { ...classified.profile, model }, body, readAt, asked };
}
