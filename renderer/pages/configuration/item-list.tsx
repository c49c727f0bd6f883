/** Interceptors and serializers: what is done to an event, one after the other. Their order matters, so it can be changed. */
import { ActionIcon, Button, Menu } from '@mantine/core';
import { IconArrowDown, IconArrowUp, IconPlus, IconX } from '@tabler/icons-react';
import type { ReactNode } from 'react';
import { useTranslation } from 'react-i18next';
import { keysAt, valueFactAt } from './config-keys.ts';
import { useForm } from './form-context.ts';
import { FieldProblems } from './field-problems.tsx';
import { useKeyTexts } from './key-text.ts';
import { valueAt, type ConfigPath, type Tree } from './yaml-text.ts';
import { VariantType } from './variant-type.tsx';
import styles from './form.module.css';

export interface ItemListProps {
  readonly path: ConfigPath;
  readonly id: string;
  /** The fields of an item. */
  readonly renderKeys: (path: ConfigPath) => ReactNode;
}

export function ItemList({ path, id, renderKeys }: ItemListProps) {
  const { tree } = useForm();
  const list = valueAt(tree, path);
  const items: readonly unknown[] = Array.isArray(list) ? list : [];
  return (
    <div className={styles['items']} role="group" aria-labelledby={`${id}-label`}>
      {items.map((_, place) => (
        <Item key={place} path={path} place={place} count={items.length}>
          {renderKeys([...path, place])}
        </Item>
      ))}
      <AddItem path={path} />
    </div>
  );
}

interface ItemProps {
  readonly path: ConfigPath;
  readonly place: number;
  readonly count: number;
  readonly children: ReactNode;
}

function Item({ path, place, count, children }: ItemProps) {
  const { t } = useTranslation();
  const form = useForm();
  const at: ConfigPath = [...path, place];
  const hasType = valueFactAt(at, (here) => valueAt(form.tree, here))?.kind === 'variants';
  const number = place + 1;
  return (
    <div role="group" className={styles['item']} aria-label={t('configuration.form.item', { number })}>
      <div className={styles['itemHead']}>
        <span className={styles['itemNumber']}>{number}</span>
        {hasType && <VariantType path={at} isBare />}
        <span className={styles['spring']} />
        <ActionIcon
          size={20}
          disabled={place === 0 || form.isReadOnly}
          aria-label={t('configuration.form.moveUp', { number })}
          onClick={() => form.swap(path, place - 1)}
        >
          <IconArrowUp size={13} />
        </ActionIcon>
        <ActionIcon
          size={20}
          disabled={place === count - 1 || form.isReadOnly}
          aria-label={t('configuration.form.moveDown', { number })}
          onClick={() => form.swap(path, place)}
        >
          <IconArrowDown size={13} />
        </ActionIcon>
        <ActionIcon
          size={20}
          disabled={form.isReadOnly}
          aria-label={t('configuration.form.removeItem', { number })}
          onClick={() => form.set(at, undefined)}
        >
          <IconX size={13} />
        </ActionIcon>
      </div>
      <FieldProblems path={at} isDeep={false} />
      {children}
    </div>
  );
}

function AddItem({ path }: { readonly path: ConfigPath }) {
  const { t } = useTranslation();
  const form = useForm();
  const describe = useKeyTexts();
  const fact = valueFactAt([...path, 0], (here) => valueAt(form.tree, here));
  const button = (onClick?: () => void) => (
    <Button
      variant="default"
      size="compact-xs"
      disabled={form.isReadOnly}
      leftSection={<IconPlus size={12} aria-hidden />}
      {...(onClick === undefined ? {} : { onClick })}
    >
      {t('configuration.form.addItem')}
    </Button>
  );
  if (fact?.kind !== 'variants')
    return button(() =>
      form.append(path, Object.fromEntries(requiredKeys(form.tree, [...path, 0]).map((key) => [key, '']))),
    );
  return (
    <Menu position="bottom-start">
      <Menu.Target>{button()}</Menu.Target>
      <Menu.Dropdown>
        {fact.types.map((type) => (
          <Menu.Item key={type} onClick={() => form.append(path, { type })}>
            <span className={styles['code']}>{type}</span>
            <div className={styles['hint']}>{describe(`type.${type}`)}</div>
          </Menu.Item>
        ))}
      </Menu.Dropdown>
    </Menu>
  );
}

function requiredKeys(tree: Tree, path: ConfigPath): readonly string[] {
  return keysAt(path, (here) => valueAt(tree, here))
    .filter(({ isRequired }) => isRequired)
    .map(({ key }) => key);
}
