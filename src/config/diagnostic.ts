/** A problem or warning about the configuration. */
export interface Diagnostic {
  /** Key path such as `servers.servers[1].url`, or `line 3, column 7`. */
  readonly where: string;
  /** What is wrong and what was expected. */
  readonly what: string;
}
