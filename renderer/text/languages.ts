/** Starts i18next with the texts of both languages; keys are checked by the compiler. */
import i18next from 'i18next';
import { initReactI18next } from 'react-i18next';
import { en } from './en.ts';
import { zh } from './zh.ts';

export const LANGUAGES = ['en', 'zh'] as const;
export type Language = (typeof LANGUAGES)[number];
/** Each in its own words: who can't read the page must be able to find theirs. */
export const LANGUAGE_NAMES: Readonly<Record<Language, string>> = { en: 'English', zh: '简体中文' };
/** For the `lang` attribute and for `Intl`. */
export const LOCALES: Readonly<Record<Language, string>> = { en: 'en-GB', zh: 'zh-CN' };

declare module 'i18next' {
  interface CustomTypeOptions {
    defaultNS: 'translation';
    resources: { translation: typeof en };
  }
}

export function startLanguages(language: Language): void {
  void i18next.use(initReactI18next).init({
    lng: language,
    fallbackLng: 'en',
    resources: { en: { translation: en }, zh: { translation: zh } },
    // React escapes what it draws.
    interpolation: { escapeValue: false },
    initAsync: false,
    returnNull: false,
  });
}

/** The language of the browser where it is one of ours. */
export function languageOfBrowser(tags: readonly string[] = navigator.languages): Language {
  return tags.some((tag) => /^zh\b/i.test(tag)) && !/^en\b/i.test(tags[0] ?? '') ? 'zh' : 'en';
}

export async function changeLanguage(language: Language): Promise<void> {
  document.documentElement.lang = LOCALES[language];
  await i18next.changeLanguage(language);
}

/**
 * Chromium on a machine without a locale says `en-US@posix`, which no `Intl` takes, and uPlot would throw when it is loaded. Then plain
 * English stands in its place.
 */
export function makeLanguageUsable(view: Pick<Window, 'navigator'> = window): void {
  try {
    Intl.getCanonicalLocales(view.navigator.language);
  } catch {
    Object.defineProperty(view.navigator, 'language', { value: 'en', configurable: true });
  }
}
