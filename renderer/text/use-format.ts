import { useMemo } from 'react';
import { useTranslation } from 'react-i18next';
import { usePreferences } from '../app/preferences.ts';
import { Format } from './format.ts';
import { LOCALES } from './languages.ts';

/** Numbers and times in the language and zone of the reader. */
export function useFormat(): Format {
  const { t } = useTranslation();
  const { language, timeZone } = usePreferences();
  return useMemo(
    () =>
      new Format({
        locale: LOCALES[language],
        timeZone,
        units: {
          day: t('widgets.units.day'),
          hour: t('widgets.units.hour'),
          minute: t('widgets.units.minute'),
          second: t('widgets.units.second'),
          ms: t('widgets.units.ms'),
          perSecond: (value) => t('widgets.units.perSecond', { value }),
          eventsPerSecond: (value) => t('widgets.units.eventsPerSecond', { value }),
        },
      }),
    [t, language, timeZone],
  );
}
