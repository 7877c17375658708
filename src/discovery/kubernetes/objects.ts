import { z } from "zod";

/** What is read of an object, besides the name and version that all objects have. */
export interface Named<T> {
  readonly name: string;
  /** Its `resourceVersion`, which grows with each change. */
  readonly version: string;
  /** `undefined` if the object is malformed. */
  readonly value: T | undefined;
}

/** An EndpointSlice, reduced to what describes servers. */
export type EndpointSlice = z.output<typeof sliceShape>;

/** One endpoint of a slice: a pod, as far as a Service knows it. */
export type Endpoint = EndpointSlice["endpoints"][number];

/** A pod, reduced to its identity and annotations. */
export interface Pod {
  readonly name: string;
  readonly uid: string;
  readonly annotations: Readonly<Record<string, string>>;
}

const metadataShape = z.object({
  name: z.string().min(1).max(253),
  resourceVersion: z.string().min(1).max(64),
  uid: z.string().max(64).default(""),
  annotations: z.record(z.string(), z.string()).nullish(),
});

const objectShape = z.object({ metadata: metadataShape });

/** Kubernetes writes an absent condition as `null` or leaves it out. */
const condition = z.boolean().nullish();

const sliceShape = z.object({
  addressType: z.enum(["IPv4", "IPv6", "FQDN"]),
  /** Kubernetes allows 1,000; its controller writes 100. */
  endpoints: z.array(z.object({
    addresses: z.array(z.string().max(253)).min(1).max(100),
    conditions: z.object({ ready: condition, serving: condition, terminating: condition })
      .nullish(),
    targetRef: z.object({
      kind: z.string().max(253).optional(),
      name: z.string().max(253).optional(),
      uid: z.string().max(64).optional(),
    }).nullish(),
  })).max(1_000).nullish().transform((endpoints) => endpoints ?? []),
  ports: z.array(z.object({
    name: z.string().max(253).nullish(),
    port: z.number().int().min(1).max(65_535).nullish(),
    protocol: z.string().max(16).nullish(),
  })).max(100).nullish().transform((ports) => ports ?? []),
});

const listShape = z.object({
  metadata: z.object({
    resourceVersion: z.string().min(1).max(64),
    continue: z.string().max(16_384).optional(),
  }),
  // A list without items may have `null`.
  items: z.array(z.unknown()).nullish().transform((items) => items ?? []),
});

/** One page of a list. */
export type ListPage = z.output<typeof listShape>;

const eventShape = z.object({
  type: z.enum(["ADDED", "MODIFIED", "DELETED", "BOOKMARK", "ERROR"]),
  object: z.unknown(),
});

/** An event of a watch; its object has not been checked. */
export type WatchEvent = z.output<typeof eventShape>;

const statusShape = z.object({ message: z.string().optional(), code: z.number().optional() });

/** What the API server says of an error. */
export type Status = z.output<typeof statusShape>;

/** Reads an object. Returns `undefined` if it has no usable name or version. */
export function readNamed<T>(
  object: unknown,
  read: (object: unknown) => T | undefined,
): Named<T> | undefined {
  const { data } = objectShape.safeParse(object);
  if (!data) return undefined;
  const { name, resourceVersion: version } = data.metadata;
  return { name, version, value: read(object) };
}

/** Reads an EndpointSlice. Returns `undefined` if it is malformed. */
export function readSlice(object: unknown): EndpointSlice | undefined {
  return sliceShape.safeParse(object).data;
}

/** Reads a pod and keeps only its annotations that begin with `prefix`. */
export function readPod(object: unknown, prefix: string): Pod | undefined {
  const { data } = objectShape.safeParse(object);
  if (!data) return undefined;
  const { name, uid, annotations } = data.metadata;
  const kept = Object.entries(annotations ?? {}).filter(([key]) => key.startsWith(prefix));
  return { name, uid, annotations: Object.fromEntries(kept) };
}

/** Reads one page of a list. */
export function readPage(json: unknown): ListPage | undefined {
  return listShape.safeParse(json).data;
}

/** Reads one event of a watch. */
export function readEvent(json: unknown): WatchEvent | undefined {
  return eventShape.safeParse(json).data;
}

/** Reads the version that a bookmark tells. */
export function bookmarkedVersion(object: unknown): string | undefined {
  const shape = z.object({ metadata: metadataShape.pick({ resourceVersion: true }) });
  return shape.safeParse(object).data?.metadata.resourceVersion;
}

/** Reads the body of an error. */
export function readStatus(json: unknown): Status {
  return statusShape.safeParse(json).data ?? {};
}

/**
 * Whether a version came before another. Versions of one kind of objects are decimal numbers that
 * grow. Where an API server has others, none counts as older.
 */
export function isOlder(version: string, than: string): boolean {
  if (!/^\d+$/.test(version) || !/^\d+$/.test(than)) return false;
  return BigInt(version) < BigInt(than);
}
