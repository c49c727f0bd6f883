import { Kbd, Modal } from '@mantine/core';
import { Fragment, type ReactNode } from 'react';
import { useTranslation } from 'react-i18next';
import { PAGES } from '../pages/registry.ts';
import styles from './keys-dialog.module.css';

export function KeysDialog({ isOpen, onClose }: { readonly isOpen: boolean; readonly onClose: () => void }) {
  const { t } = useTranslation();
  return (
    <Modal
      opened={isOpen}
      onClose={onClose}
      title={t('shell.keys.title')}
      size="lg"
      closeButtonProps={{ 'aria-label': t('widgets.close') }}
      transitionProps={{ duration: 100 }}
    >
      <div className={styles['columns']}>
        <KeyList
          title={t('shell.keys.general')}
          rows={[
            [['/'], t('shell.keys.search')],
            [['?'], t('shell.keys.help')],
            [['Esc'], t('shell.keys.close')],
            ...PAGES.filter(({ isHidden }) => isHidden !== true).map(
              ({ id, key }) => [['g', key], t('shell.keys.go', { page: t(`shell.pages.${id}`) })] as const,
            ),
          ]}
        />
        <KeyList
          title={t('shell.keys.tables')}
          rows={[
            [['↑', '↓'], t('shell.keys.tableMove')],
            [['PgUp', 'PgDn'], t('shell.keys.tablePage')],
            [['Home', 'End'], t('shell.keys.tableEnds')],
            [['Enter'], t('shell.keys.tableOpen')],
            [['Space'], t('shell.keys.tableSelect')],
          ]}
        />
      </div>
    </Modal>
  );
}

function KeyList(props: {
  readonly title: string;
  readonly rows: readonly (readonly [readonly string[], ReactNode])[];
}) {
  return (
    <section>
      <h3>{props.title}</h3>
      <dl className={styles['list']}>
        {props.rows.map(([keys, words]) => (
          <Fragment key={keys.join(' ')}>
            <dt>
              {keys.map((key) => (
                <Kbd key={key} size="xs">
                  {key}
                </Kbd>
              ))}
            </dt>
            <dd>{words}</dd>
          </Fragment>
        ))}
      </dl>
    </section>
  );
}
