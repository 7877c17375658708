/** Something to tell the operator: where it stands and what is the matter. */
export interface Diagnostic {
  /** Key path such as `servers.servers[1].url`, or `line 3, column 7`. */
  readonly where: string;
  /** What is the matter and what was expected. */
  readonly what: string;
}
