import { Button, NativeSelect, TextInput } from '@mantine/core';
import { IconPlus } from '@tabler/icons-react';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import { COMPONENT_NAME } from '../../../shared/contract/config-table.ts';
import { valueFactAt } from './config-keys.ts';
import { useForm } from './form-context.ts';
import { isTree, type ConfigPath } from './yaml-text.ts';
import styles from './form.module.css';

export interface AddComponentProps {
  readonly section: 'sources' | 'channels' | 'sinks';
  readonly onAdded: (path: ConfigPath) => void;
}

/** A section of components: what it is about, and a new one. */
export function AddComponent({ section, onAdded }: AddComponentProps) {
  const { t } = useTranslation();
  const { tree, set, isReadOnly } = useForm();
  const fact = valueFactAt([section, 'new'], () => undefined);
  const types = fact?.kind === 'variants' ? fact.types : [];
  const [name, setName] = useState('');
  const [type, setType] = useState(types[0] ?? '');
  const components = tree[section];
  const isTaken = isTree(components) && Object.hasOwn(components, name);
  const isGood = COMPONENT_NAME.test(name) && !isTaken;
  const [channel] = isTree(tree['channels']) ? Object.keys(tree['channels']) : [];
  const add = (): void => {
    if (!isGood || isReadOnly) return;
    const link =
      section === 'channels' || channel === undefined
        ? {}
        : section === 'sinks'
          ? { channel }
          : { channels: [channel] };
    set([section, name], { type, ...link });
    onAdded([section, name]);
  };
  return (
    <>
      <h2 className={styles['heading']}>{t(`configuration.form.sections.${section}`)}</h2>
      <p className={styles['about']}>{t(`configuration.form.about.${section}`)}</p>
      <form
        className={styles['add']}
        onSubmit={(event) => {
          event.preventDefault();
          add();
        }}
      >
        <TextInput
          label={t('configuration.form.newName')}
          description={t('configuration.form.nameHint')}
          value={name}
          disabled={isReadOnly}
          error={
            name === '' || isGood
              ? undefined
              : t(isTaken ? 'configuration.form.nameTaken' : 'configuration.form.nameBad')
          }
          onChange={(event) => setName(event.currentTarget.value.trim())}
        />
        <NativeSelect
          label={t('configuration.form.type')}
          value={type}
          data={[...types]}
          disabled={isReadOnly || types.length < 2}
          onChange={(event) => setType(event.currentTarget.value)}
        />
        <Button
          type="submit"
          variant="default"
          disabled={!isGood || isReadOnly}
          leftSection={<IconPlus size={14} aria-hidden />}
        >
          {t(`configuration.form.add.${section}`)}
        </Button>
      </form>
    </>
  );
}
