/** Where the reader is: kept in the address's fragment, which works under app:// and under any address of a browser console. */
import { useMemo, useSyncExternalStore } from 'react';

export interface Route {
  /** The page's id as it stands in the address; empty at the root. */
  readonly page: string;
  readonly params: URLSearchParams;
}

/** `#/backlog?topic=www` */
export function routeOf(hash: string): Route {
  const [path = '', query = ''] = hash.replace(/^#\/?/, '').split('?', 2);
  return { page: path.replace(/\/+$/, ''), params: new URLSearchParams(query) };
}

export function hrefOf(page: string, params: Readonly<Record<string, string | undefined>> = {}): string {
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries(params))
    if (value !== undefined && value !== '') query.set(name, value);
  const text = query.toString();
  return text === '' ? `#/${page}` : `#/${page}?${text}`;
}

export function useRoute(): Route {
  const hash = useSyncExternalStore(watchHash, () => location.hash);
  return useMemo(() => routeOf(hash), [hash]);
}

export function goTo(page: string, params: Readonly<Record<string, string | undefined>> = {}): void {
  location.hash = hrefOf(page, params);
}

/** Changes filters and the like of this page's address, without a step in the history. Empty values go. */
export function changeParams(change: Readonly<Record<string, string | undefined>>): void {
  const { page, params } = routeOf(location.hash);
  history.replaceState(null, '', hrefOf(page, { ...Object.fromEntries(params), ...change }));
  dispatchEvent(new HashChangeEvent('hashchange'));
}

function watchHash(watcher: () => void): () => void {
  addEventListener('hashchange', watcher);
  return () => removeEventListener('hashchange', watcher);
}
