import { IconArrowDown } from '@tabler/icons-react';
import { useTranslation } from 'react-i18next';
import type { WhatIfResult } from '../../../shared/contract/control-what-if.ts';
import { useFormat } from '../../text/use-format.ts';
import { CodeText } from '../../widgets/code-text.tsx';
import { EventBody } from './try-samples.tsx';
import styles from './try.module.css';

const KINDS = ['same', 'moved', 'nowPlaced', 'nowNotPlaced'] as const;

type Difference = NonNullable<WhatIfResult['difference']>;

/** Against the rules that run now. */
export function TryDifference({ difference }: { readonly difference: Difference }) {
  const { t } = useTranslation();
  const format = useFormat();
  return (
    <section>
      <h2>{t('configuration.try.difference')}</h2>
      <dl className={styles['figures']}>
        {KINDS.map((kind) => (
          <div key={kind} data-kind={kind} data-zero={difference[kind] === 0 || undefined}>
            <dt>{t(`configuration.try.differences.${kind}`)}</dt>
            <dd>{format.count(difference[kind])}</dd>
          </div>
        ))}
      </dl>
      {difference.samples.map(({ event, before, after }, place) => (
        <div key={place} className={styles['moved']}>
          <EventBody event={event} />
          <div className={styles['places']}>
            <CodeText as="wrap" isDim>
              {before}
            </CodeText>
            <IconArrowDown size={13} aria-label={t('configuration.try.becomes')} />
            <CodeText as="wrap">{after}</CodeText>
          </div>
        </div>
      ))}
    </section>
  );
}
