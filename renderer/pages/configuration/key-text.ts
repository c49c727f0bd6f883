import { useMemo } from 'react';
import { useTranslation } from 'react-i18next';

/** What a key is for, in a sentence; empty where its name says it all. The keys of HDFS sinks are described without their prefix. */
export function useKeyText(key: string): string {
  return useKeyTexts()(key);
}

export function useKeyTexts(): (key: string) => string {
  const { t } = useTranslation();
  return useMemo(() => {
    const texts: Readonly<Record<string, string>> = t('configuration.keys', { returnObjects: true });
    return (key) => {
      const bare = key.replace(/^hdfs\./, '');
      return (Object.hasOwn(texts, key) ? texts[key] : Object.hasOwn(texts, bare) ? texts[bare] : '') ?? '';
    };
  }, [t]);
}
