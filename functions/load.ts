import { readFileSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { Script } from "node:vm";
import { crc32 } from "node:zlib";

/** Of the code cache: checksums of the chunk that it was made of, and of what follows. V8 itself looks at neither. */
const HEAD_BYTES = 8;

/** A chunk that has been loaded. */
export interface Chunk {
  readonly file: string;
  readonly source: Buffer;
  readonly script: Script;
}

/**
 * Loads the chunks of the bundle, CommonJS modules in `folder`, by name, and what they require of each other. Beside a
 * chunk may be what V8 compiled of it at build time, all functions that a first join needs: to compile them again would be
 * most of a start. Without it, or with that of another chunk or another Node, it only takes longer.
 *
 * @param onChunk - told of each chunk before it runs
 */
export function createLoader(folder: string, onChunk?: (chunk: Chunk) => void): (name: string) => unknown {
  const requireBuiltin = createRequire(import.meta.url);
  const loaded = new Map<string, { exports: unknown }>();
  const load = (name: string): unknown => {
    const known = loaded.get(name);
    if (known) return known.exports;
    const module = { exports: {} };
    loaded.set(name, module);
    const chunk = compiled(join(folder, name));
    onChunk?.(chunk);
    const run = chunk.script.runInThisContext() as (...scope: readonly unknown[]) => void;
    run(module, module.exports, requireFrom);
    return module.exports;
  };
  const requireFrom = (path: string): unknown =>
    path.startsWith("./") ? load(path.slice("./".length)) : requireBuiltin(path);
  return load;
}

function compiled(file: string): Chunk {
  const source = readFileSync(file);
  const cachedData = cacheOf(file, source);
  const wrapped = `(function (module, exports, require) {\n${source.toString()}\n})`;
  // The line before the chunk's own is not counted.
  const options = { filename: file, lineOffset: -1, ...(cachedData && { cachedData }) };
  return { file, source, script: new Script(wrapped, options) };
}

/** What V8 has compiled of a chunk so far, for later starts. */
export function writeCache({ file, source, script }: Chunk): void {
  const cache = script.createCachedData();
  writeFileSync(cacheFile(file), Buffer.concat([checksums(source, cache), cache]));
}

const cacheFile = (chunk: string): string => `${chunk}.cache`;

/** What V8 made of this source, if that is what lies there. */
function cacheOf(file: string, source: Buffer): Buffer | undefined {
  try {
    const kept = readFileSync(cacheFile(file));
    const cache = kept.subarray(HEAD_BYTES);
    return kept.subarray(0, HEAD_BYTES).equals(checksums(source, cache)) ? cache : undefined;
  } catch {
    return undefined;
  }
}

function checksums(source: Buffer, cache: Buffer): Buffer {
  const head = Buffer.alloc(HEAD_BYTES);
  head.writeUInt32LE(crc32(source), 0);
  head.writeUInt32LE(crc32(cache), 4);
  return head;
}
