import { descriptorLimit, type Listening } from "../../support/processes.ts";

/** The name of the router in tables. */
export const ROUTER = "vllm-router";

/** A certificate for `localhost`, as files, with the authority that signed it. */
export interface Certificate {
  /** PEM files with the certificate chain, its private key, and both. */
  readonly certFile: string;
  readonly keyFile: string;
  readonly bothFile: string;
  /** The authority's certificate, in PEM. */
  readonly ca: string;
}

/** What a proxy is started with. */
export interface Setup {
  /** The upstream's loopback port. */
  readonly upstream: number;
  /** Folder for the proxy's files. */
  readonly folder: string;
  /** Serve TLS with this certificate. @default plain */
  readonly tls?: Certificate | undefined;
}

/** Something that forwards requests to one upstream. */
export interface Proxy {
  readonly name: string;
  readonly canServeTls: boolean;
  start(setup: Setup): Promise<Listening>;
}

/** Enough for 10,000 streams and more. nginx and HAProxy reserve memory for each. */
const MOST_DESCRIPTORS = 40_000;

/** Returns the file descriptors that a proxy is configured for. */
export function proxyDescriptors(): number {
  return Math.min(descriptorLimit(), MOST_DESCRIPTORS);
}
