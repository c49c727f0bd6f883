import { NativeSelect } from '@mantine/core';
import { useTranslation } from 'react-i18next';
import { valueFactAt } from './config-keys.ts';
import { useForm } from './form-context.ts';
import { isTree, valueAt, type ConfigPath } from './yaml-text.ts';
import styles from './form.module.css';

/** The type of a component or item; which keys it has depends on it. */
export function VariantType({
  path,
  isBare = false,
}: {
  readonly path: ConfigPath;
  readonly isBare?: boolean;
}) {
  const { t } = useTranslation();
  const form = useForm();
  const fact = valueFactAt(path, (at) => valueAt(form.tree, at));
  if (fact?.kind !== 'variants') return null;
  const here = valueAt(form.tree, path);
  const type = isTree(here) && typeof here['type'] === 'string' ? here['type'] : '';
  const known = fact.types.find((one) => one.toLowerCase() === type.toLowerCase());
  const select = (
    <NativeSelect
      {...(isBare ? { 'aria-label': t('configuration.form.type') } : { label: t('configuration.form.type') })}
      value={known ?? type}
      disabled={form.isReadOnly}
      data={[
        ...(type === '' ? [{ value: '', label: t('configuration.form.notSet') }] : []),
        ...fact.types,
        ...(known === undefined && type !== '' ? [type] : []),
      ]}
      onChange={(event) => form.set([...path, 'type'], event.currentTarget.value)}
    />
  );
  return isBare ? select : <div className={styles['field']}>{select}</div>;
}
