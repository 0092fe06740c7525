import { execFileSync } from "node:child_process";
import { chmodSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { basename } from "node:path";
import { build as bundle, type BuildOptions, type Plugin, transform } from "esbuild";
import { readOptions } from "./options.ts";

const { maps } = readOptions(
  "npm run build\n\nMakes dist/: the function, index.js with late/, and the command klight.js.",
  { maps: { type: "boolean", default: false, says: "source maps too, for node --enable-source-maps" } },
);

/** Puts the Lua scripts into the bundle: what reads them from files in the sources must run without files. */
const inlineScripts: Plugin = {
  name: "inline-scripts",
  setup(build) {
    build.onLoad({ filter: /store[/\\]scripts\.ts$/ }, ({ path }) => {
      const source = readFileSync(path, "utf8");
      const contents = source.replaceAll(/\bscript\("([\w-]+\.lua)"\)/gu, (_call, name: string) =>
        JSON.stringify(readFileSync(new URL(`../lib/store/scripts/${name}`, import.meta.url), "utf8")),
      );
      return { contents, loader: "ts" };
    });
  },
};

/** Puts the files of the page into the bundle, likewise. */
const inlinePage: Plugin = {
  name: "inline-page",
  setup(build) {
    build.onLoad({ filter: /page[/\\]assets\.ts$/ }, ({ path }) => {
      const source = readFileSync(path, "utf8");
      const contents = source.replaceAll(/\basset\("([\w.-]+)"\)/gu, (_call, name: string) =>
        JSON.stringify(readFileSync(new URL(`../functions/page/${name}`, import.meta.url), "utf8")),
      );
      return { contents, loader: "ts" };
    });
  },
};

/**
 * Takes Node's own modules by `require`. An import makes an export of every property, and to read those of `node:http`
 * loads all of Node's fetch and WebSocket: 30 ms of a start.
 */
const requireBuiltins: Plugin = {
  name: "require-builtins",
  setup(build) {
    build.onResolve({ filter: /^node:/ }, ({ path, kind }) =>
      kind === "require-call" ? { path, external: true } : { path, namespace: "builtin" },
    );
    build.onLoad({ filter: /.*/, namespace: "builtin" }, ({ path }) => ({
      contents: `module.exports = require(${JSON.stringify(path)});`,
    }));
  },
};

/** What nothing here uses of packages, by the file that imports it. It would be two thirds of the bundle. */
const unused = [
  // Of the API server's client the configuration is used, which can also make clients of two other kinds.
  { of: /@kubernetes[/\\]client-node[/\\]dist[/\\]config\.js$/, parts: /^(?:undici|\.\/gen\/index\.js)$/ },
  // Of express its routes are: it reads no bodies, sends no files, and looks up no types.
  {
    of: /[/\\](?:express[/\\]lib[/\\]\w+|mime-types[/\\]index)\.js$/,
    parts: /^(?:body-parser|serve-static|send|qs|mime-db)$/,
  },
  // Of gRPC all but the services that it can offer about itself.
  { of: /grpc-js[/\\]build[/\\]src[/\\]\w+\.js$/, parts: /^@grpc\/proto-loader$/ },
] as const;

const withoutUnused: Plugin = {
  name: "without-unused",
  setup(build) {
    for (const { of, parts } of unused)
      build.onResolve({ filter: parts }, ({ path, importer }) =>
        of.test(importer) ? { path, namespace: "left-out" } : undefined,
      );
    build.onLoad({ filter: /.*/, namespace: "left-out" }, ({ path }) => ({
      contents: `
        const leftOut = () => { throw new Error(${JSON.stringify(`${path} is not in the bundle`)}); };
        module.exports = new Proxy(leftOut, { get: () => leftOut });`,
    }));
  },
};

const root = new URL("..", import.meta.url).pathname;

const shared: BuildOptions = {
  absWorkingDir: root,
  bundle: true,
  platform: "node",
  format: "esm",
  target: "node20",
  // Packages that have both are written as modules too: of those only what is used is taken.
  mainFields: ["module", "main"],
  minify: true,
  legalComments: "none",
  logLevel: "warning",
  plugins: [inlineScripts, inlinePage, requireBuiltins, withoutUnused],
};
// CommonJS dependencies call require for Node's own modules.
const requireForCommonJs =
  'import { createRequire } from "node:module"; const require = createRequire(import.meta.url);';

/** The function in chunks: what is loaded late (the engine, the API server's client) is in files of its own. */
async function bundleFunction(): Promise<void> {
  const { outputFiles } = await bundle({
    ...shared,
    entryPoints: ["functions/main.ts"],
    outdir: "dist/late",
    splitting: true,
    chunkNames: "[name]-[hash]",
    sourcemap: maps ? "inline" : false,
    write: false,
  });
  mkdirSync(`${root}dist/late`, { recursive: true });
  for (const { path, text } of outputFiles) {
    // Chunks are made of modules alone, but of modules V8 keeps nothing that was compiled after they were loaded.
    const { code, map } = await transform(text, {
      format: "cjs",
      platform: "node",
      target: "node20",
      supported: { "dynamic-import": false },
      minify: true,
      legalComments: "none",
      sourcemap: maps ? "external" : false,
      sourcefile: basename(path),
    });
    writeFileSync(path, maps ? `${code}//# sourceMappingURL=${basename(path)}.map\n` : code);
    if (maps) writeFileSync(`${path}.map`, map);
  }
  await bundle({
    ...shared,
    entryPoints: ["functions/index.ts"],
    outfile: "dist/index.js",
    banner: { js: requireForCommonJs },
  });
}

/** The command, one file that needs nothing beside it. */
async function bundleCommand(): Promise<void> {
  const file = `${root}dist/klight.js`;
  const banner = { js: `#!/usr/bin/env node\n${requireForCommonJs}` };
  await bundle({
    ...shared,
    entryPoints: ["functions/cli/main.ts"],
    outfile: file,
    banner,
    ...(maps && { sourcemap: "linked" }),
  });
  chmodSync(file, 0o755);
}

rmSync(`${root}dist`, { recursive: true, force: true });
await Promise.all([bundleFunction(), bundleCommand()]);
// A process of its own: the function reads its environment, and never ends by itself.
execFileSync(process.execPath, [`${root}scripts/write-code-cache.ts`], {
  stdio: ["ignore", "ignore", "inherit"],
  timeout: 60_000,
});
