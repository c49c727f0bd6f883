/** The nonce of this response's content security policy, from the page's head; CodeMirror's `cspNonce` wants it too. */
export function readNonce(): string {
  const nonce = document.querySelector<HTMLMetaElement>('meta[name="csp-nonce"]')?.content ?? '';
  // The library that keeps the page from scrolling behind a dialog makes a style element of its own and looks for the nonce here.
  Reflect.set(globalThis, '__webpack_nonce__', nonce);
  return nonce;
}
