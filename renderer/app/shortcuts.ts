/** Keys that work everywhere: `/` searches, `?` lists the keys, `g` and a letter goes to a page. */
import { useEffect } from 'react';
import { PAGES } from '../pages/registry.ts';
import { goTo } from './route.ts';

/** The letter has to follow its `g` by then. */
const SECOND_KEY_WITHIN_MS = 1_500;

export function useShortcuts(onHelp: () => void): void {
  useEffect(() => {
    let goUntil = 0;
    const press = (event: KeyboardEvent) => {
      if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey || isTyping(event.target))
        return;
      if (event.timeStamp < goUntil) {
        goUntil = 0;
        const page = PAGES.find(({ key }) => key === event.key);
        if (page === undefined) return;
        event.preventDefault();
        goTo(page.id);
      } else if (event.key === 'g') goUntil = event.timeStamp + SECOND_KEY_WITHIN_MS;
      else if (event.key === '?') {
        event.preventDefault();
        onHelp();
      } else if (event.key === '/') {
        const search = document.querySelector<HTMLInputElement>('input[data-page-search]');
        if (search === null) return;
        event.preventDefault();
        search.focus();
        search.select();
      }
    };
    addEventListener('keydown', press);
    return () => removeEventListener('keydown', press);
  }, [onHelp]);
}

function isTyping(target: EventTarget | null): boolean {
  return (
    target instanceof Element && target.closest('input, textarea, select, [contenteditable="true"]') !== null
  );
}
