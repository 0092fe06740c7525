/** Compares names as people do: `orders-9` before `orders-10`. */
export const inOrder = new Intl.Collator("en", { numeric: true }).compare;
