/**
 * The key of a network: `NAMESPACE/ID`; just `ID` with `KLIGHT_SCOPE=cluster`. Neither namespaces nor label values
 * hold a slash, so a key tells its scope.
 */
export const networkKey = (scope: "namespace" | "cluster", namespace: string, id: string): string =>
  scope === "namespace" ? `${namespace}/${id}` : id;

/** Where the pods of a network are found. */
export function whereOf(network: string): { readonly namespace?: string; readonly networkId: string } {
  const slash = network.indexOf("/");
  if (slash < 0) return { networkId: network };
  return { namespace: network.slice(0, slash), networkId: network.slice(slash + 1) };
}
