/** The same keys with other words: what a translation must have, no more and no less. */
export type TextsOf<T> = { readonly [K in keyof T]: T[K] extends string ? string : TextsOf<T[K]> };
