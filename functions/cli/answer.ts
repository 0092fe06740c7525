/** Exit codes of every command: part of what scripts rely on. */
export const EXIT = {
  /** The pod is in; it was done; nothing is wrong. */
  well: 0,
  /** The pod is not in; it was not done; something is wrong. */
  notWell: 1,
  /** The command is wrong. */
  usage: 2,
  /** It cannot be told: no answer, or not all that is needed could be read. */
  unknown: 3,
  /** Who asks may not. */
  denied: 4,
} as const;

export type ExitCode = (typeof EXIT)[keyof typeof EXIT];

/** What a command prints, and how it ends. */
export interface CliAnswer {
  /** For a person. */
  readonly words: string;
  /** For a program: what `-o json` prints. */
  readonly json: unknown;
  readonly code: ExitCode;
}

/** A command that ends without an answer: what is said, and the exit code. */
export class CommandFailed extends Error {
  readonly code: ExitCode;

  constructor(code: ExitCode, message: string) {
    super(message);
    this.code = code;
  }
}
