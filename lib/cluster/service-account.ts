import { readFile } from "node:fs/promises";

/** The files by which a pod is known to the API server. The kubelet renews them. */
export const ACCOUNT_DIRECTORY = "/var/run/secrets/kubernetes.io/serviceaccount";

export interface Credentials {
  /** The cluster's own certificate authority. */
  readonly ca: Buffer;
  readonly token: string;
}

/** Token and certificate authority as they are now. Throws where they cannot be read. */
export async function readAccount(directory: string): Promise<Credentials> {
  const [ca, token] = await Promise.all([
    readFile(`${directory}/ca.crt`),
    readFile(`${directory}/token`, "utf8"),
  ]);
  return { ca, token: token.trim() };
}

/** The namespace of the pod; undefined where that cannot be read. */
export async function readNamespace(directory: string): Promise<string | undefined> {
  try {
    return (await readFile(`${directory}/namespace`, "utf8")).trim();
  } catch {
    return undefined;
  }
}
