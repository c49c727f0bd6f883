/** The configuration as a form: the parts at the left, the keys of one of them at the right. Every change is a change of the text. */
import { ActionIcon, Button, Tooltip } from '@mantine/core';
import { IconTrash } from '@tabler/icons-react';
import { useMemo, useState } from 'react';
import { useTranslation } from 'react-i18next';
import type { ConfigProblem } from '../../../shared/contract/config-problem.ts';
import { CodeText } from '../../widgets/code-text.tsx';
import { EmptyState } from '../../widgets/notices.tsx';
import { AddComponent } from './add-component.tsx';
import { currentDraft, replaceText } from './draft-store.ts';
import { FormContext, isWithin, useForm, type FormContextValue } from './form-context.ts';
import { KeyFields } from './key-fields.tsx';
import { VariantType } from './variant-type.tsx';
import { appendItem, removeValue, setValue, swapWithNext } from './yaml-edit.ts';
import { isTree, parseText, valueAt, type ConfigPath, type ParsedText, type Tree } from './yaml-text.ts';
import styles from './form.module.css';

const COMPONENT_SECTIONS = ['sources', 'channels', 'sinks'] as const;
const SECTIONS = ['gateway', ...COMPONENT_SECTIONS, 'alerts', 'console', 'metrics'] as const;
type Section = (typeof SECTIONS)[number];

export interface FormViewProps {
  readonly text: string;
  readonly problems: readonly ConfigProblem[];
  readonly isReadOnly: boolean;
  /** The part that is shown: a section, or a section and a name. */
  readonly part: ConfigPath;
  readonly onPart: (part: ConfigPath) => void;
  readonly onReveal: (offset: number) => void;
}

export function FormView(props: FormViewProps) {
  const { t } = useTranslation();
  const { text, problems, onReveal, isReadOnly } = props;
  const parsed = useMemo(() => parseText(text), [text]);
  const form = useFormValue(parsed, { problems, isReadOnly, onReveal });
  if (form === undefined)
    return (
      <EmptyState title={t('configuration.form.unreadable')}>
        {t('configuration.form.unreadableBody')}
      </EmptyState>
    );
  const part = shownPart(form.tree, props.part);
  const choose = (path: ConfigPath): void => {
    props.onPart(path);
    form.reveal(path);
  };
  return (
    <FormContext value={form}>
      <div className={styles['form']}>
        <PartList tree={form.tree} problems={problems} part={part} onChoose={choose} />
        <div className={styles['fields']} key={part.join('/')}>
          <PartFields part={part} onRemoved={() => props.onPart([part[0] ?? 'gateway'])} onAdded={choose} />
        </div>
      </div>
    </FormContext>
  );
}

function useFormValue(
  parsed: ParsedText,
  props: Pick<FormViewProps, 'problems' | 'isReadOnly' | 'onReveal'>,
): FormContextValue | undefined {
  const { problems, isReadOnly, onReveal } = props;
  const { tree } = parsed;
  return useMemo(() => {
    if (tree === undefined) return undefined;
    // From the newest text, not from the drawn one: two changes may come in one breath.
    const edit = (change: (text: string) => string): void => {
      const draft = currentDraft();
      if (draft !== undefined && !isReadOnly) replaceText(change(draft.text));
    };
    return {
      tree,
      isReadOnly,
      problems,
      set: (path, value) =>
        edit((text) => (value === undefined ? removeValue(text, path) : setValue(text, path, value))),
      append: (path, value) => edit((text) => appendItem(text, path, value)),
      swap: (path, place) => edit((text) => swapWithNext(text, path, place)),
      reveal: (path) => onReveal(parsed.offsetOf(path)),
    };
  }, [tree, parsed, problems, isReadOnly, onReveal]);
}

interface PartListProps {
  readonly tree: Tree;
  readonly problems: readonly ConfigProblem[];
  readonly part: ConfigPath;
  readonly onChoose: (path: ConfigPath) => void;
}

function PartList({ tree, problems, part, onChoose }: PartListProps) {
  const { t } = useTranslation();
  const chosen = part.join('/');
  const item = (path: ConfigPath, label: string, isName: boolean) => {
    const wrong = problems.filter(
      (problem) => problem.severity === 'error' && isWithin(problem, path),
    ).length;
    return (
      <button
        key={path.join('/')}
        type="button"
        className={styles['part']}
        data-name={isName || undefined}
        aria-current={path.join('/') === chosen ? 'true' : undefined}
        onClick={() => onChoose(path)}
      >
        {isName ? <CodeText as="line">{label}</CodeText> : label}
        {wrong > 0 && (isName || !hasComponents(path[0])) && (
          <span className={styles['wrong']} title={t('configuration.problems.errors', { count: wrong })}>
            {wrong}
          </span>
        )}
      </button>
    );
  };
  return (
    <nav className={styles['parts']} aria-label={t('configuration.form.parts')}>
      {SECTIONS.flatMap((section) => [
        item([section], t(`configuration.form.sections.${section}`), false),
        ...(hasComponents(section)
          ? namesOf(tree, section).map((name) => item([section, name], name, true))
          : []),
      ])}
    </nav>
  );
}

function PartFields({
  part,
  onRemoved,
  onAdded,
}: {
  readonly part: ConfigPath;
  readonly onRemoved: () => void;
  readonly onAdded: (path: ConfigPath) => void;
}) {
  const { t } = useTranslation();
  const section = SECTIONS.find((one) => one === part[0]) ?? 'gateway';
  const name = part[1];
  if (!hasComponents(section))
    return (
      <>
        <h2 className={styles['heading']}>{t(`configuration.form.sections.${section}`)}</h2>
        <p className={styles['about']}>{t(`configuration.form.about.${section}`)}</p>
        <KeyFields path={[section]} />
      </>
    );
  if (name === undefined) return <AddComponent section={section} onAdded={onAdded} />;
  return (
    <>
      <ComponentHeading path={part} onRemoved={onRemoved} />
      <VariantType path={part} />
      <KeyFields path={part} />
    </>
  );
}

function ComponentHeading({
  path,
  onRemoved,
}: {
  readonly path: ConfigPath;
  readonly onRemoved: () => void;
}) {
  const { t } = useTranslation();
  const [asks, setAsks] = useState(false);
  return (
    <div className={styles['componentHead']}>
      <h2 className={styles['heading']}>
        <CodeText>{String(path[1])}</CodeText>
      </h2>
      <RemoveButton
        path={path}
        asks={asks}
        onAsk={setAsks}
        onRemoved={onRemoved}
        label={t('configuration.form.remove', { name: String(path[1]) })}
      />
    </div>
  );
}

interface RemoveButtonProps {
  readonly path: ConfigPath;
  readonly asks: boolean;
  readonly onAsk: (asks: boolean) => void;
  readonly onRemoved: () => void;
  readonly label: string;
}

function RemoveButton({ path, asks, onAsk, onRemoved, label }: RemoveButtonProps) {
  const { t } = useTranslation();
  const form = useForm();
  if (form.isReadOnly) return null;
  if (!asks)
    return (
      <Tooltip label={label}>
        <ActionIcon size="sm" aria-label={label} onClick={() => onAsk(true)}>
          <IconTrash size={14} />
        </ActionIcon>
      </Tooltip>
    );
  return (
    <div className={styles['asks']}>
      <Button variant="default" size="compact-xs" onClick={() => onAsk(false)} autoFocus>
        {t('widgets.cancel')}
      </Button>
      <Button
        color="red"
        size="compact-xs"
        onClick={() => {
          form.set(path, undefined);
          onRemoved();
        }}
      >
        {t('configuration.form.removeNow')}
      </Button>
    </div>
  );
}

function hasComponents(section: unknown): section is (typeof COMPONENT_SECTIONS)[number] {
  return COMPONENT_SECTIONS.some((one) => one === section);
}

function namesOf(tree: Tree, section: Section): readonly string[] {
  const components = tree[section];
  return isTree(components) ? Object.keys(components) : [];
}

/** What there is of a path: a name that is gone leads to its section. */
function shownPart(tree: Tree, [section, name]: ConfigPath): ConfigPath {
  const [first] = namesOf(tree, 'sources');
  if (section === undefined && first !== undefined) return ['sources', first];
  const known = SECTIONS.find((one) => one === section);
  if (known === undefined) return ['gateway'];
  if (name === undefined || !hasComponents(known)) return [known];
  return valueAt(tree, [known, name]) === undefined ? [known] : [known, name];
}
