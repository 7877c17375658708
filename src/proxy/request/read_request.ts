import type { Exchange } from "../../http/exchange.ts";
import type { Admission } from "../admission.ts";
import { maxBytesOf, readBody, type UploadLimits } from "./read_body.ts";
import { classify, type ParsedRequest } from "./classify.ts";
import type { Client } from "../client.ts";
import { type ApiError, forbiddenModel } from "../../http/api_errors.ts";
import { compressionOf, inflate } from "./read_compressed.ts";
import { asksEngine } from "../../vllm/endpoints.ts";
import type { Body } from "./body_buffer.ts";
import { inTimeSlices } from "../../util/time_slices.ts";

/** A request whose body has been read and classified. */
export interface ReadRequest extends ParsedRequest {
  readonly body: Body;
  /** When its whole body had arrived, on the clock of `performance.now()`. */
  readonly readAt: number;
}

/**
 * Reads a request, classifies it, and checks that its client may use the model.
 *
 * @returns `undefined` if the client left before the end
 */
export async function readRequest(
  exchange: Exchange,
  client: Client,
  admission: Admission,
  settings: UploadLimits & { readonly sessionHeader: string },
): Promise<ReadRequest | ApiError | undefined> {
  const { headers } = exchange;
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
  const error = "status" in classified
    ? classified
    : client.mayUse(classified.profile.model)
    ? undefined
    : forbiddenModel(classified.profile.model);
  if (!error && !("status" in classified)) return { ...classified, body, readAt };
  body.drop();
  return error;
}
