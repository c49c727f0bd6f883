/** The input for a plain value, by its kind. What is typed goes into the text at once; the default stands as a placeholder. */
import { Autocomplete, NativeSelect, PasswordInput, Switch, TagsInput, TextInput } from '@mantine/core';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import type { ValueKind } from '../../../shared/contract/config-kinds.ts';
import { SECRET_KEPT } from '../../../shared/contract/control-config.ts';
import type { KeyFact } from './config-keys.ts';
import { useForm } from './form-context.ts';
import { QuantityInput } from './quantity-input.tsx';
import { isTree, valueAt, type ConfigPath } from './yaml-text.ts';
import styles from './form.module.css';

export interface FieldProps {
  readonly fact: KeyFact;
  readonly path: ConfigPath;
  readonly id: string;
}

const ZONES_SHOWN = 12;
const ZONES: readonly string[] = ['UTC', ...Intl.supportedValuesOf('timeZone')];

export function PlainField(props: FieldProps & { readonly kind: ValueKind }) {
  const { fact, kind, path } = props;
  const { tree } = useForm();
  if (fact.isSecret) return <SecretField {...props} />;
  const key = String(path.at(-1));
  if (key === 'channel' || key === 'channels') return <ChannelField {...props} isMany={key === 'channels'} />;
  switch (kind.kind) {
    case 'flag':
      return isReference(valueAt(tree, path)) ? (
        <TextField {...props} kind={kind} />
      ) : (
        <FlagField {...props} />
      );
    case 'choice':
      return <ChoiceField {...props} words={kind.words} />;
    case 'size':
    case 'duration':
      return <QuantityField {...props} kind={kind} />;
    case 'texts':
      return <ListField {...props} />;
    case 'time-zone':
      return <ZoneField {...props} />;
    case 'text':
    case 'integer':
    case 'map':
      return <TextField {...props} kind={kind} />;
  }
}

function usePlaceholder({ fallback }: KeyFact): string {
  const { t } = useTranslation();
  if (fallback === undefined || isTree(fallback) || (Array.isArray(fallback) && fallback.length === 0))
    return '';
  return fallback === ''
    ? t('configuration.form.defaultEmpty')
    : t('configuration.form.defaultIs', { value: scalar(fallback) });
}

function TextField({ fact, path, id, kind }: FieldProps & { readonly kind: ValueKind }) {
  const form = useForm();
  const written = scalar(valueAt(form.tree, path));
  const [typed, setTyped] = useState<string>();
  const commit = (text: string): void => {
    setTyped(text);
    const isNumber = kind.kind === 'integer' && /^-?\d{1,15}$/.test(text.trim());
    form.set(path, text === '' ? undefined : isNumber ? Number(text) : text);
  };
  return (
    <TextInput
      id={id}
      value={typed ?? written}
      placeholder={usePlaceholder(fact)}
      readOnly={form.isReadOnly}
      classNames={{ input: styles['code'] ?? '' }}
      {...(kind.kind === 'integer' ? { inputMode: 'numeric' as const } : {})}
      onFocus={() => {
        setTyped(written);
        form.reveal(path);
      }}
      onChange={(event) => commit(event.currentTarget.value)}
      onBlur={() => setTyped(undefined)}
    />
  );
}

function QuantityField({
  fact,
  path,
  id,
  kind,
}: FieldProps & { readonly kind: Extract<ValueKind, { kind: 'size' | 'duration' }> }) {
  const form = useForm();
  return (
    <QuantityInput
      id={id}
      label={fact.key}
      value={valueAt(form.tree, path)}
      kind={kind}
      fallback={fact.fallback}
      placeholder={usePlaceholder(fact)}
      isReadOnly={form.isReadOnly}
      onFocus={() => form.reveal(path)}
      onChange={(value) => form.set(path, value)}
    />
  );
}

function FlagField({ fact, path, id }: FieldProps) {
  const { t } = useTranslation();
  const form = useForm();
  const written = valueAt(form.tree, path);
  const isOn = String(written ?? fact.fallback).toLowerCase() === 'true';
  const word = isOn ? 'true' : 'false';
  return (
    <Switch
      id={id}
      checked={isOn}
      disabled={form.isReadOnly}
      label={written === undefined ? t('configuration.form.defaultIs', { value: word }) : word}
      onFocus={() => form.reveal(path)}
      onChange={(event) => form.set(path, event.currentTarget.checked)}
    />
  );
}

function ChoiceField({ fact, path, id, words }: FieldProps & { readonly words: readonly string[] }) {
  const { t } = useTranslation();
  const form = useForm();
  const written = scalar(valueAt(form.tree, path));
  const none = usePlaceholder(fact);
  const known = words.find((word) => word.toLowerCase() === written.toLowerCase());
  return (
    <NativeSelect
      id={id}
      value={known ?? written}
      disabled={form.isReadOnly}
      data={[
        { value: '', label: none === '' ? t('configuration.form.notSet') : none },
        ...words,
        ...(known === undefined && written !== '' ? [written] : []),
      ]}
      onFocus={() => form.reveal(path)}
      onChange={(event) =>
        form.set(path, event.currentTarget.value === '' ? undefined : event.currentTarget.value)
      }
    />
  );
}

function ListField({ fact, path, id }: FieldProps) {
  const { t } = useTranslation();
  const form = useForm();
  const items = itemsOf(valueAt(form.tree, path));
  return (
    <TagsInput
      id={id}
      size="xs"
      value={[...items]}
      placeholder={items.length === 0 ? usePlaceholderOr(t('configuration.form.listHint'), fact) : ''}
      readOnly={form.isReadOnly}
      splitChars={[',', ' ']}
      acceptValueOnBlur
      onFocus={() => form.reveal(path)}
      onChange={(values) => changeList(form, path, values)}
    />
  );
}

function usePlaceholderOr(other: string, fact: KeyFact): string {
  const placeholder = usePlaceholder(fact);
  return placeholder === '' ? other : placeholder;
}

function ChannelField({ path, id, isMany }: FieldProps & { readonly isMany: boolean }) {
  const { t } = useTranslation();
  const form = useForm();
  const names = isTree(form.tree['channels']) ? Object.keys(form.tree['channels']) : [];
  const value = valueAt(form.tree, path);
  if (isMany)
    return (
      <TagsInput
        id={id}
        size="xs"
        value={[...itemsOf(value)]}
        data={names}
        placeholder={itemsOf(value).length === 0 ? t('configuration.form.listHint') : ''}
        readOnly={form.isReadOnly}
        onFocus={() => form.reveal(path)}
        onChange={(values) => changeList(form, path, values)}
      />
    );
  const written = scalar(value);
  return (
    <NativeSelect
      id={id}
      value={written}
      disabled={form.isReadOnly}
      data={[
        ...(written === '' ? [{ value: '', label: t('configuration.form.notSet') }] : []),
        ...new Set([...names, ...(written === '' ? [] : [written])]),
      ]}
      onFocus={() => form.reveal(path)}
      onChange={(event) => form.set(path, event.currentTarget.value)}
    />
  );
}

function ZoneField({ fact, path, id }: FieldProps) {
  const form = useForm();
  return (
    <Autocomplete
      id={id}
      size="xs"
      value={scalar(valueAt(form.tree, path))}
      placeholder={usePlaceholder(fact)}
      readOnly={form.isReadOnly}
      data={[...ZONES]}
      limit={ZONES_SHOWN}
      onFocus={() => form.reveal(path)}
      onChange={(value) => form.set(path, value === '' ? undefined : value)}
    />
  );
}

/** Can be set, never read back: what is typed is written once the field is left, and then it is gone from here. */
function SecretField({ path, id }: FieldProps) {
  const { t } = useTranslation();
  const form = useForm();
  const [typed, setTyped] = useState('');
  const written = valueAt(form.tree, path);
  const state =
    written === undefined
      ? 'none'
      : written === SECRET_KEPT
        ? 'kept'
        : isReference(written)
          ? 'reference'
          : 'new';
  const commit = (): void => {
    if (typed !== '') form.set(path, typed);
    setTyped('');
  };
  return (
    <PasswordInput
      id={id}
      value={typed}
      autoComplete="new-password"
      readOnly={form.isReadOnly}
      placeholder={t(`configuration.form.secret.${state}`, { reference: scalar(written) })}
      visibilityToggleButtonProps={{ 'aria-label': t('configuration.form.secret.show') }}
      onFocus={() => form.reveal(path)}
      onChange={(event) => setTyped(event.currentTarget.value)}
      onBlur={commit}
      onKeyDown={(event) => {
        if (event.key === 'Enter') commit();
      }}
    />
  );
}

/** One item more or less is a change of that item; so the others keep their lines. */
function changeList(form: ReturnType<typeof useForm>, path: ConfigPath, values: readonly string[]): void {
  const written = valueAt(form.tree, path);
  const before = itemsOf(written);
  if (values.length === 0) return form.set(path, undefined);
  const added =
    values.length === before.length + 1 && before.every((item, place) => item === values[place])
      ? values.at(-1)
      : undefined;
  if (added !== undefined && Array.isArray(written)) return form.append(path, added);
  const gone = before.findIndex((item, place) => item !== values[place]);
  const isOneLess =
    values.length === before.length - 1 &&
    before.filter((_, place) => place !== gone).every((item, place) => item === values[place]);
  if (isOneLess && Array.isArray(written)) form.set([...path, gone], undefined);
  else form.set(path, [...values]);
}

function itemsOf(value: unknown): readonly string[] {
  if (Array.isArray(value)) return value.map(scalar);
  return scalar(value)
    .split(/[\s,]+/)
    .filter((item) => item !== '');
}

function scalar(value: unknown): string {
  return typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean'
    ? String(value)
    : '';
}

function isReference(value: unknown): boolean {
  return typeof value === 'string' && /\$\{(?:env|file):[^{}]+\}/.test(value);
}
