import { ActionIcon, Button, CloseButton, CopyButton, Tooltip } from '@mantine/core';
import { IconCheck, IconCopy } from '@tabler/icons-react';
import { useMemo, useState } from 'react';
import { useTranslation } from 'react-i18next';
import { useFormat } from '../../text/use-format.ts';
import { CodeText } from '../../widgets/code-text.tsx';
import styles from './backlog.module.css';
import { prettyJson, type PlacedEvent } from './peek-pages.ts';

export interface EventBodyProps {
  readonly event: PlacedEvent;
  readonly onClose: () => void;
}

/** One event as it will land; JSON with line breaks on demand. */
export function EventBody({ event, onClose }: EventBodyProps) {
  const { t } = useTranslation();
  const format = useFormat();
  const { topic, partition, offset, body, bodyBytes, isCut } = event;
  const pretty = useMemo(() => prettyJson(body), [body]);
  const [wantsPretty, setWantsPretty] = useState(false);
  const isPretty = wantsPretty && pretty !== undefined;
  return (
    <section className={styles['event']} aria-label={t('backlog.peek.event')}>
      <header>
        <CodeText>{`${topic}/${partition}${offset < 0 ? '' : `@${offset}`}`}</CodeText>
        <span className={styles['dim']}>{format.bytes(bodyBytes)}</span>
        {isCut && (
          <span className={styles['cut']}>{t('backlog.peek.cut', { size: format.bytes(bodyBytes) })}</span>
        )}
        <span className={styles['spread']} />
        {pretty !== undefined && (
          <Button
            variant="default"
            size="compact-xs"
            aria-pressed={isPretty}
            onClick={() => setWantsPretty(!wantsPretty)}
          >
            {t(isPretty ? 'backlog.peek.asIs' : 'backlog.peek.format')}
          </Button>
        )}
        <CopyButton value={body}>
          {({ copied, copy }) => (
            <Tooltip label={copied ? t('widgets.copied') : t('backlog.peek.copy')}>
              <ActionIcon size="sm" aria-label={t('backlog.peek.copy')} onClick={copy}>
                {copied ? <IconCheck size={14} /> : <IconCopy size={14} />}
              </ActionIcon>
            </Tooltip>
          )}
        </CopyButton>
        <CloseButton size="sm" aria-label={t('backlog.peek.close')} onClick={onClose} />
      </header>
      <div className={styles['eventBody']} tabIndex={0}>
        <CodeText as="wrap">{isPretty ? pretty : body}</CodeText>
      </div>
    </section>
  );
}
