/** Fields of a log line. */
export type Fields = Readonly<Record<string, unknown>>;

/** The log, as a port: a constant message and its fields. */
export interface Log {
  debug(fields: Fields, message: string): void;
  info(fields: Fields, message: string): void;
  warn(fields: Fields, message: string): void;
  error(fields: Fields, message: string): void;
}
