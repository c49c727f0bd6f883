import { NativeSelect, TextInput } from '@mantine/core';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import type { ValueKind } from '../../../shared/contract/config-kinds.ts';
import { parseQuantity } from '../../../shared/units.ts';
import styles from './form.module.css';

const SIZE_UNITS = ['B', 'KiB', 'MiB', 'GiB', 'TiB'] as const;
const TIME_UNITS = ['ms', 's', 'min', 'h', 'd'] as const;

export interface QuantityInputProps {
  readonly id: string;
  readonly label: string;
  readonly value: unknown;
  readonly kind: Extract<ValueKind, { kind: 'size' | 'duration' }>;
  readonly fallback: unknown;
  readonly placeholder: string;
  readonly isReadOnly: boolean;
  readonly onFocus: () => void;
  /** As it is to be written; undefined: nothing. */
  readonly onChange: (value: string | number | undefined) => void;
}

/** A number with its unit beside it. A bare number of the file has the unit that the key gives it. */
export function QuantityInput(props: QuantityInputProps) {
  const { t } = useTranslation();
  const { id, kind, value, isReadOnly, onChange } = props;
  const units = kind.kind === 'size' ? SIZE_UNITS : TIME_UNITS;
  const bare = kind.kind === 'size' ? 'B' : (kind.bareUnit ?? 's');
  const written = partsOf(value, bare);
  const [typed, setTyped] = useState<string>();
  const ofDefault = partsOf(props.fallback, bare)?.unit;
  const [chosen, setChosen] = useState<string>();
  const unit = written?.unit ?? chosen ?? ofDefault ?? bare;
  const isForeign = value !== undefined && written === undefined;
  const write = (amount: string, of: string): void => {
    const text = amount.trim();
    if (text === '') onChange(undefined);
    else if (!/^\d+(\.\d+)?$/.test(text)) onChange(text);
    else onChange(of === 'B' ? Number(text) : `${text}${of}`);
  };
  return (
    <div className={styles['quantity']}>
      <TextInput
        id={id}
        value={typed ?? (isForeign ? textOf(value) : (written?.amount ?? ''))}
        placeholder={props.placeholder}
        readOnly={isReadOnly}
        inputMode="decimal"
        onFocus={props.onFocus}
        onChange={(event) => {
          setTyped(event.currentTarget.value);
          write(event.currentTarget.value, unit);
        }}
        onBlur={() => setTyped(undefined)}
      />
      <NativeSelect
        aria-label={t('configuration.form.unitOf', { key: props.label })}
        value={unit}
        data={[...units]}
        disabled={isReadOnly || isForeign}
        onChange={(event) => {
          setChosen(event.currentTarget.value);
          if (written !== undefined) write(written.amount, event.currentTarget.value);
        }}
      />
    </div>
  );
}

function partsOf(
  value: unknown,
  bare: string,
): { readonly amount: string; readonly unit: string } | undefined {
  if (typeof value !== 'string' && typeof value !== 'number') return undefined;
  const quantity = parseQuantity(String(value));
  if (quantity === undefined) return undefined;
  return { amount: String(quantity.amount), unit: quantity.unit === '' ? bare : quantity.unit };
}

function textOf(value: unknown): string {
  return typeof value === 'string' || typeof value === 'number' ? String(value) : '';
}
