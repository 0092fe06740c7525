/** What klight's dependencies are made for; `engines` in package.json says the same. */
const OLDEST = { major: 22, minor: 19 } as const;

/** What is wrong with this version of Node, as `process.versions.node` has it; undefined: nothing. */
export function nodeProblem(version: string): string | undefined {
  const [major = 0, minor = 0] = version.split(".").map(Number);
  const isOld = major < OLDEST.major || (major === OLDEST.major && minor < OLDEST.minor);
  return isOld ? `Node ${version}: must be ${OLDEST.major}.${OLDEST.minor} or newer` : undefined;
}
