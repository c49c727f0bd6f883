/** Free names with a value each: host names, record headers, channels of a header's values. */
import { ActionIcon, TextInput } from '@mantine/core';
import { IconPlus, IconX } from '@tabler/icons-react';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import { useForm } from './form-context.ts';
import type { FieldProps } from './plain-field.tsx';
import { isTree, valueAt, type ConfigPath } from './yaml-text.ts';
import styles from './form.module.css';

export function MapField({ fact, path, id }: FieldProps) {
  const { t } = useTranslation();
  const form = useForm();
  const [name, setName] = useState('');
  const { isFamily } = fact;
  const prefix = isFamily ? fact.key.slice(0, -1) : '';
  // Of a family the members are keys of the map around it.
  const home: ConfigPath = isFamily ? path.slice(0, -1) : path;
  const map = valueAt(form.tree, home);
  const names = isTree(map) ? Object.keys(map).filter((key) => key.startsWith(prefix)) : [];
  const isList =
    fact.value.kind === 'plain' && fact.value.of.kind === 'map' && fact.value.of.of.kind === 'texts';
  const set = (key: string, text: string): void => {
    const items = text.split(/[\s,]+/).filter((item) => item !== '');
    form.set([...home, key], isList ? items : text);
  };
  const add = (): void => {
    if (name === '' || form.isReadOnly) return;
    form.set([...home, `${prefix}${name}`], isList ? [] : '');
    setName('');
  };
  return (
    <div className={styles['map']} role="group" aria-labelledby={`${id}-label`}>
      {names.map((key) => (
        <div key={key} className={styles['mapRow']}>
          <span className={styles['mapName']} title={key}>
            {key.slice(prefix.length)}
          </span>
          <MapValue
            label={key}
            value={textOf(isTree(map) ? map[key] : undefined)}
            onChange={(text) => set(key, text)}
          />
          <ActionIcon
            size={22}
            disabled={form.isReadOnly}
            aria-label={t('configuration.form.remove', { name: key })}
            onClick={() => form.set([...home, key], undefined)}
          >
            <IconX size={12} />
          </ActionIcon>
        </div>
      ))}
      <div className={styles['mapRow']}>
        <TextInput
          id={id}
          value={name}
          placeholder={t('configuration.form.newEntry')}
          readOnly={form.isReadOnly}
          onChange={(event) => setName(event.currentTarget.value.trim())}
          onKeyDown={(event) => {
            if (event.key === 'Enter') add();
          }}
        />
        <span />
        <ActionIcon
          size={22}
          disabled={name === '' || form.isReadOnly}
          aria-label={t('configuration.form.addEntry')}
          onClick={add}
        >
          <IconPlus size={13} />
        </ActionIcon>
      </div>
    </div>
  );
}

function MapValue(props: {
  readonly label: string;
  readonly value: string;
  readonly onChange: (text: string) => void;
}) {
  const { isReadOnly } = useForm();
  const [typed, setTyped] = useState<string>();
  return (
    <TextInput
      aria-label={props.label}
      value={typed ?? props.value}
      readOnly={isReadOnly}
      onChange={(event) => {
        setTyped(event.currentTarget.value);
        props.onChange(event.currentTarget.value);
      }}
      onBlur={() => setTyped(undefined)}
    />
  );
}

function textOf(value: unknown): string {
  if (Array.isArray(value)) return value.map(textOf).join(', ');
  return typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean'
    ? String(value)
    : '';
}
