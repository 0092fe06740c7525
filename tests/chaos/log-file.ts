import { createWriteStream } from "node:fs";
import { finished } from "node:stream/promises";

/** Where everything that was said can be read afterwards, as JSON lines. */
export interface LogFile {
  write(line: Readonly<Record<string, unknown>>): void;
  close(): Promise<void>;
}

/** Without a path nothing is kept. */
export function openLog(path: string | undefined): LogFile {
  if (path === undefined) return { write: () => undefined, close: () => Promise.resolve() };
  const stream = createWriteStream(path);
  return {
    write: (line) => {
      stream.write(`${JSON.stringify(line)}\n`);
    },
    close: async () => {
      stream.end();
      await finished(stream);
    },
  };
}
