/** The keys of one map: those that are written or must be, and behind a fold the rest with their defaults. */
import { ActionIcon, Tooltip, UnstyledButton } from '@mantine/core';
import { IconChevronDown, IconChevronRight, IconX } from '@tabler/icons-react';
import { useId, useState } from 'react';
import { useTranslation } from 'react-i18next';
import { keysAt, type KeyFact } from './config-keys.ts';
import { FieldProblems } from './field-problems.tsx';
import { useForm } from './form-context.ts';
import { ItemList } from './item-list.tsx';
import { MapField } from './map-field.tsx';
import { PlainField } from './plain-field.tsx';
import { isTree, valueAt, type ConfigPath } from './yaml-text.ts';
import { useKeyText } from './key-text.ts';
import { VariantType } from './variant-type.tsx';
import styles from './form.module.css';

export function KeyFields({ path }: { readonly path: ConfigPath }) {
  const { t } = useTranslation();
  const { tree } = useForm();
  const [isOpen, setOpen] = useState(false);
  const facts = keysAt(path, (at) => valueAt(tree, at));
  const here = valueAt(tree, path);
  const isShown = (fact: KeyFact): boolean => fact.isRequired || hasValue(here, fact);
  const [shown, more] = [facts.filter(isShown), facts.filter((fact) => !isShown(fact))];
  const isAll = shown.length === 0 || more.length <= 2;
  return (
    <div className={styles['keys']}>
      {shown.map((fact) => (
        <KeyField key={fact.key} fact={fact} path={path} />
      ))}
      {!isAll && (
        <UnstyledButton className={styles['more']} aria-expanded={isOpen} onClick={() => setOpen(!isOpen)}>
          {isOpen ? <IconChevronDown size={14} aria-hidden /> : <IconChevronRight size={14} aria-hidden />}
          {t('configuration.form.more', { count: more.length })}
        </UnstyledButton>
      )}
      {(isAll || isOpen) && more.map((fact) => <KeyField key={fact.key} fact={fact} path={path} />)}
    </div>
  );
}

function KeyField({ fact, path }: { readonly fact: KeyFact; readonly path: ConfigPath }) {
  const { t } = useTranslation();
  const form = useForm();
  const id = useId();
  const at: ConfigPath = [...path, fact.key];
  const value = valueAt(form.tree, at);
  const canReset = value !== undefined && !fact.isRequired && !form.isReadOnly && !fact.isFamily;
  const text = useKeyText(fact.key);
  return (
    <div className={styles['field']} data-set={value !== undefined || undefined}>
      <div className={styles['label']}>
        <label htmlFor={id} id={`${id}-label`} className={styles['key']}>
          {fact.key}
          {fact.isRequired && <span className={styles['required']}>{t('configuration.form.required')}</span>}
        </label>
        {canReset && (
          <Tooltip label={t('configuration.form.reset')}>
            <ActionIcon
              size={18}
              aria-label={t('configuration.form.resetKey', { key: fact.key })}
              onClick={() => form.set(at, undefined)}
            >
              <IconX size={12} />
            </ActionIcon>
          </Tooltip>
        )}
      </div>
      {text !== '' && <div className={styles['hint']}>{text}</div>}
      <FieldInput fact={fact} path={at} id={id} />
      <FieldProblems path={at} isDeep={fact.value.kind === 'plain'} />
    </div>
  );
}

function FieldInput({
  fact,
  path,
  id,
}: {
  readonly fact: KeyFact;
  readonly path: ConfigPath;
  readonly id: string;
}) {
  const { value } = fact;
  switch (value.kind) {
    case 'plain':
      if (fact.isFamily || value.of.kind === 'map') return <MapField fact={fact} path={path} id={id} />;
      return <PlainField fact={fact} kind={value.of} path={path} id={id} />;
    case 'table':
      return <Nested path={path} id={id} />;
    case 'variants':
      return (
        <div className={styles['nested']} role="group" aria-labelledby={`${id}-label`}>
          <VariantType path={path} />
          <KeyFields path={path} />
        </div>
      );
    case 'list':
      return <ItemList path={path} id={id} renderKeys={(at) => <KeyFields path={at} />} />;
    case 'components':
      return null;
  }
}

/** A map in a map opens when somebody wants it, and stands open where it is written. */
function Nested({ path, id }: { readonly path: ConfigPath; readonly id: string }) {
  const { t } = useTranslation();
  const { tree } = useForm();
  const isWritten = valueAt(tree, path) !== undefined;
  const [isOpen, setOpen] = useState(isWritten);
  if (!isOpen && !isWritten)
    return (
      <UnstyledButton id={id} className={styles['more']} onClick={() => setOpen(true)}>
        <IconChevronRight size={14} aria-hidden />
        {t('configuration.form.open')}
      </UnstyledButton>
    );
  return (
    <div className={styles['nested']} role="group" aria-labelledby={`${id}-label`}>
      <KeyFields path={path} />
    </div>
  );
}

function hasValue(here: unknown, { key, isFamily }: KeyFact): boolean {
  if (!isTree(here)) return false;
  if (!isFamily) return Object.hasOwn(here, key);
  return Object.keys(here).some((name) => name.startsWith(key.slice(0, -1)));
}
