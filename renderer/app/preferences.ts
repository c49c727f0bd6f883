/** What a reader chose for this browser: kept in local storage, told to every component. */
import { useSyncExternalStore } from 'react';
import { LANGUAGES, languageOfBrowser, type Language } from '../text/languages.ts';

export const SCHEMES = ['auto', 'light', 'dark'] as const;
export type Scheme = (typeof SCHEMES)[number];

export interface Preferences {
  readonly language: Language;
  readonly scheme: Scheme;
  /** An IANA zone that times are shown in; the browser's own when absent. */
  readonly timeZone?: string;
  /** Who asks for pauses, retries and the like: kept with what was asked. */
  readonly operator: string;
}

const KEY = 'headgate.preferences';
const watchers = new Set<() => void>();
let current: Preferences = read();

export function preferences(): Preferences {
  return current;
}

export function changePreferences(part: Partial<Preferences>): void {
  const { timeZone, ...rest } = { ...current, ...part };
  // An empty zone takes the choice back.
  current = timeZone === undefined || timeZone === '' ? rest : { ...rest, timeZone };
  try {
    localStorage.setItem(KEY, JSON.stringify(current));
  } catch {
    // A browser that keeps nothing: the choice holds until the page is closed.
  }
  for (const watcher of watchers) watcher();
}

export function usePreferences(): Preferences {
  return useSyncExternalStore(watch, preferences);
}

function watch(watcher: () => void): () => void {
  watchers.add(watcher);
  return () => watchers.delete(watcher);
}

function read(): Preferences {
  const kept = keptValues();
  const { language, scheme, timeZone, operator } = kept;
  return {
    language: LANGUAGES.find((known) => known === language) ?? languageOfBrowser(),
    scheme: SCHEMES.find((known) => known === scheme) ?? 'auto',
    operator: typeof operator === 'string' ? operator : '',
    ...(typeof timeZone === 'string' && isZone(timeZone) ? { timeZone } : {}),
  };
}

function keptValues(): Partial<Record<keyof Preferences, unknown>> {
  try {
    const kept: unknown = JSON.parse(localStorage.getItem(KEY) ?? '{}');
    return typeof kept === 'object' && kept !== null ? kept : {};
  } catch {
    // Nothing kept, or not by us.
    return {};
  }
}

function isZone(name: string): boolean {
  try {
    return Intl.DateTimeFormat('en', { timeZone: name }).resolvedOptions().timeZone !== '';
  } catch {
    return false;
  }
}
