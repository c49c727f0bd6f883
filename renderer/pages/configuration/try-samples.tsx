import { UnstyledButton } from '@mantine/core';
import { IconChevronDown, IconChevronRight } from '@tabler/icons-react';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import type { WhatIfResult } from '../../../shared/contract/control-what-if.ts';
import { CodeText } from '../../widgets/code-text.tsx';
import styles from './try.module.css';

export type TryEvent = WhatIfResult['failures'][number]['samples'][number];

/** A few of the events, to be opened. */
export function TrySamples({ samples }: { readonly samples: readonly TryEvent[] }) {
  const { t } = useTranslation();
  const [isOpen, setOpen] = useState(false);
  if (samples.length === 0) return null;
  return (
    <>
      <UnstyledButton className={styles['more']} aria-expanded={isOpen} onClick={() => setOpen(!isOpen)}>
        {isOpen ? <IconChevronDown size={13} aria-hidden /> : <IconChevronRight size={13} aria-hidden />}
        {t('configuration.try.samples', { count: samples.length })}
      </UnstyledButton>
      {isOpen && samples.map((event, place) => <EventBody key={place} event={event} />)}
    </>
  );
}

export function EventBody({ event }: { readonly event: TryEvent }) {
  const { topic, partition, offset, body } = event;
  return (
    <div className={styles['event']}>
      <CodeText as="line" isDim>
        {`${topic}/${partition}@${offset}`}
      </CodeText>
      <CodeText as="wrap">{body}</CodeText>
    </div>
  );
}
