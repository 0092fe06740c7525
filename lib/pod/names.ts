/**
 * Names as Kubernetes takes them. They become parts of URLs, store keys and selectors, so whatever cannot be a name is
 * told before anything is asked about it.
 */
const label = "[a-z0-9](?:[-a-z0-9]*[a-z0-9])?";
const NAMESPACE = new RegExp(`^(?=.{1,63}$)${label}$`, "u");
const POD = new RegExp(String.raw`^(?=.{1,253}$)${label}(?:\.${label})*$`, "u");
const NETWORK_ID = /^(?=.{1,63}$)[A-Za-z0-9](?:[-_.A-Za-z0-9]*[A-Za-z0-9])?$/u;

/** An RFC 1123 label. */
export const isNamespace = (text: string): boolean => NAMESPACE.test(text);
/** An RFC 1123 subdomain. */
export const isPodName = (text: string): boolean => POD.test(text);
/** A label value that is not empty. */
export const isNetworkId = (text: string): boolean => NETWORK_ID.test(text);
