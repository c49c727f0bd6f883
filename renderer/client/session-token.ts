/** The token that the engine's address carries in its fragment: `#token=…`. It goes out of the address bar and the history at once. */
export function takeTokenFromAddress(view: Pick<Window, 'location' | 'history'>): string | undefined {
  const match = /^#token=([^&/]+)/.exec(view.location.hash);
  if (match === null) return undefined;
  view.history.replaceState(null, '', `${view.location.pathname}${view.location.search}#/`);
  return decodeURIComponent(match[1] ?? '');
}
