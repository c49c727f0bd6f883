/** Form or trial at the left, the YAML at the right, what is wrong below it. */
import { SegmentedControl } from '@mantine/core';
import { Suspense, useCallback, useEffect, useMemo, useRef, useState, type RefObject } from 'react';
import { useTranslation } from 'react-i18next';
import { changeParams, useRoute } from '../../app/route.ts';
import { latePart } from '../../client/late-part.ts';
import { useStatus } from '../../client/engine-context.tsx';
import { CodeText } from '../../widgets/code-text.tsx';
import { LoadingState } from '../../widgets/notices.tsx';
import type { YamlEditorHandle } from '../../widgets/yaml-editor.tsx';
import { editText, type Draft } from './draft-store.ts';
import { completionAt } from './key-completion.ts';
import { useKeyTexts } from './key-text.ts';
import { ProblemList } from './problem-list.tsx';
import { useTryState, wantRun, type SampleKind } from './try-store.ts';
import type { Check } from './use-check.ts';
import { pathOfLine } from './yaml-place.ts';
import styles from './configuration.module.css';

const YamlEditor = latePart(async () => (await import('../../widgets/yaml-editor.tsx')).YamlEditor);
const FormView = latePart(async () => (await import('./form-view.tsx')).FormView);
const TryPanel = latePart(async () => (await import('./try-panel.tsx')).TryPanel);

/** What an address may say of a sample besides. */
const NO_SAMPLE = { reason: '', source: '', key: '' };
const NAMED = new Set<unknown>(['sources', 'channels', 'sinks']);

export interface EditViewProps {
  readonly draft: Draft;
  readonly check: Check;
  readonly isReadOnly: boolean;
}

export function EditView({ draft, check, isReadOnly }: EditViewProps) {
  const { t } = useTranslation();
  const { params } = useRoute();
  const editor = useRef<YamlEditorHandle>(null);
  const [part, setPart] = useState<readonly (string | number)[]>([]);
  const isTrying = params.has('try');
  const { input } = useTryState();
  useTryKey(isTrying, input.kind);
  const reveal = useCallback((offset: number) => editor.current?.reveal(offset), []);
  const follow = (line: number): void => {
    const [section, name] = pathOfLine(draft.text, line);
    if (section === undefined) return;
    setPart(NAMED.has(section) && name !== undefined ? [section, name] : [section]);
  };
  return (
    <div className={styles['columns']}>
      <section
        className={styles['column']}
        aria-label={t(isTrying ? 'configuration.tabs.try' : 'configuration.tabs.form')}
      >
        <div className={styles['columnHead']}>
          <SegmentedControl
            aria-label={t('configuration.tabs.label')}
            value={isTrying ? 'try' : 'form'}
            onChange={(value) => changeParams({ ...NO_SAMPLE, try: value === 'try' ? input.kind : '' })}
            data={(['form', 'try'] as const).map((value) => ({
              value,
              label: t(`configuration.tabs.${value}`),
            }))}
          />
        </div>
        <div className={styles['columnBody']}>
          <Suspense fallback={<LoadingState lines={8} />}>
            {isTrying ? (
              <TryPanel draft={draft} check={check} />
            ) : (
              <FormView
                text={draft.text}
                problems={check.problems}
                isReadOnly={isReadOnly}
                part={part}
                onPart={setPart}
                onReveal={reveal}
              />
            )}
          </Suspense>
        </div>
      </section>
      <YamlColumn ref={editor} draft={draft} check={check} isReadOnly={isReadOnly} onLine={follow} />
    </div>
  );
}

interface YamlColumnProps extends EditViewProps {
  readonly ref: RefObject<YamlEditorHandle | null>;
  readonly onLine: (line: number) => void;
}

function YamlColumn({ ref: editor, draft, check, isReadOnly, onLine }: YamlColumnProps) {
  const { t } = useTranslation();
  const complete = useCompletion();
  const file = useStatus((status) => status.configFile) ?? '';
  return (
    <section className={styles['column']} aria-label={t('configuration.editor.title')}>
      <div className={styles['columnHead']}>
        <h2>
          <CodeText as="line">{file}</CodeText>
        </h2>
        <span className={styles['keys']}>
          <kbd>{'Ctrl S'}</kbd> {t('configuration.editor.applies')} <kbd>{'Ctrl ↵'}</kbd>{' '}
          {t('configuration.editor.tries')}
        </span>
      </div>
      <Suspense fallback={<LoadingState lines={14} />}>
        <YamlEditor
          ref={editor}
          label={t('configuration.editor.label')}
          value={draft.text}
          onChange={editText}
          isReadOnly={isReadOnly}
          problems={check.problems}
          complete={complete}
          onLine={onLine}
        />
      </Suspense>
      <ProblemList
        check={check}
        isReadOnly={isReadOnly}
        onOpen={(line, column) => editor.current?.goTo(line, column)}
      />
    </section>
  );
}

function useCompletion() {
  const { t } = useTranslation();
  const describe = useKeyTexts();
  return useMemo(() => {
    const words = {
      describe,
      required: t('configuration.form.required'),
      defaultIs: (value: string) => t('configuration.form.defaultIs', { value }),
    };
    return (text: string, offset: number) => completionAt(text, offset, words);
  }, [t, describe]);
}

/** Opens the trial and runs it; once it is open the panel itself listens. */
function useTryKey(isTrying: boolean, kind: SampleKind): void {
  useEffect(() => {
    if (isTrying) return;
    const press = (event: KeyboardEvent): void => {
      if (!(event.ctrlKey || event.metaKey) || event.key !== 'Enter') return;
      event.preventDefault();
      event.stopPropagation();
      wantRun(true);
      changeParams({ try: kind });
    };
    addEventListener('keydown', press, true);
    return () => removeEventListener('keydown', press, true);
  }, [isTrying, kind]);
}
