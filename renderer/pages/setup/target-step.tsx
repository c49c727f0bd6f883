/** Step 5: where files land, how they are named and when they are finished; then everything is tried, down to a probe file. */
import { Checkbox } from '@mantine/core';
import { useTranslation } from 'react-i18next';
import { CodeText } from '../../widgets/code-text.tsx';
import { EXAMPLES } from './examples.ts';
import { CheckPanel, useCheck } from './check-panel.tsx';
import { CODECS, pathOf, ruleOf, suffixOf, TARGETS, type Draft } from './draft.ts';
import type { Problems } from './draft-problems.ts';
import { yamlOf } from './draft-yaml.ts';
import { ChoiceField, FieldGroup, TextField } from './fields.tsx';
import { directoryOf } from './path-preview.ts';
import styles from './setup.module.css';
import { StepFrame, useFieldErrors } from './step-frame.tsx';
import { TimeReader } from './time-reading.ts';
import { zoneOf } from './wall-time.ts';
import { useProblems, useWizard, type TopicSamples } from './wizard-state.tsx';

type ErrorOf = (field: keyof Problems) => string | undefined;

export function TargetStep() {
  const { t } = useTranslation();
  const { draft, secrets, knownText, setKnownText, next } = useWizard();
  const problems = useProblems('target');
  const { errorOf, onTried } = useFieldErrors(problems);
  const text = yamlOf(draft, secrets);
  const check = useCheck(text);
  const isKnown = knownText === text;
  const isChecked = check.report !== undefined || check.isFailed;
  const mayGoOn = check.report?.isReady === true || isKnown;
  const primary = isChecked
    ? { label: t('setup.next'), run: next, isDisabled: !mayGoOn }
    : { label: t('setup.target.check'), run: check.start, isRunning: check.isRunning };
  const note = isChecked && check.report?.isReady !== true && (
    <Checkbox
      label={t('setup.target.iKnow')}
      checked={isKnown}
      onChange={(event) => setKnownText(event.currentTarget.checked ? text : '')}
    />
  );
  return (
    <StepFrame step="target" problems={problems} onTried={onTried} primary={primary} note={note}>
      <div className={styles['halves']}>
        <div className={styles['column']}>
          <AddressFields errorOf={errorOf} />
          <PathFields errorOf={errorOf} />
          <FileFields errorOf={errorOf} />
        </div>
        <CheckPanel check={check} isAllowed={Object.keys(problems).length === 0} />
      </div>
    </StepFrame>
  );
}

function AddressFields({ errorOf }: { readonly errorOf: ErrorOf }) {
  const { t } = useTranslation();
  const { draft, change } = useWizard();
  const isTls = [draft.firstNamenode, draft.secondNamenode, draft.httpfs].some((url) =>
    /^https:/i.test(url.trim()),
  );
  return (
    <FieldGroup>
      <ChoiceField
        label={t('setup.target.kind')}
        value={draft.target}
        options={TARGETS.map((value) => ({ value, label: t(`setup.targets.${value}`) }))}
        onChange={(target) => change({ target })}
      />
      <p className={styles['note']}>{t(`setup.targetMeans.${draft.target}`)}</p>
      {draft.target === 'namenodes' && (
        <div className={styles['pair']}>
          <TextField
            name="firstNamenode"
            label={t('setup.target.namenode')}
            placeholder={EXAMPLES.firstNamenode}
            error={errorOf('firstNamenode')}
            isCode
            isRequired
          />
          <TextField
            name="secondNamenode"
            label={t('setup.target.otherNamenode')}
            placeholder={EXAMPLES.secondNamenode}
            error={errorOf('secondNamenode')}
            isCode
          />
        </div>
      )}
      <div className={styles['pair']}>
        {draft.target === 'httpfs' && (
          <TextField
            name="httpfs"
            label={t('setup.target.httpfs')}
            placeholder={EXAMPLES.httpfs}
            error={errorOf('httpfs')}
            isCode
            isRequired
          />
        )}
        {draft.target !== 'directory' && (
          <TextField name="user" label={t('setup.target.user')} error={errorOf('user')} isCode isRequired />
        )}
        {draft.target !== 'directory' && isTls && (
          <TextField name="hdfsCaFile" label={t('setup.brokers.ca')} isCode />
        )}
      </div>
    </FieldGroup>
  );
}

function PathFields({ errorOf }: { readonly errorOf: ErrorOf }) {
  const { t } = useTranslation();
  const { draft } = useWizard();
  const field = draft.target === 'directory' ? 'localPath' : 'path';
  return (
    <FieldGroup title={t('setup.target.directories')}>
      <TextField
        key={field}
        name={field}
        label={t('setup.target.path')}
        hint={t('setup.target.pathHint')}
        error={errorOf(field)}
        isCode
        isRequired
      />
      <Preview />
    </FieldGroup>
  );
}

const PREVIEWED_MAX = 3;

/** What becomes of the samples, as far as the page can say it. */
function Preview() {
  const { t } = useTranslation();
  const { draft, samples } = useWizard();
  const directories = directoriesOf(draft, samples);
  const name = [draft.filePrefix.trim() === '' ? 'FlumeData' : draft.filePrefix.trim(), draft.id, '…'].join(
    '.',
  );
  return (
    <div className={styles['preview']} aria-live="polite">
      <span className={styles['hint']}>{t('setup.target.preview')}</span>
      {directories.length === 0 && <span>{t('setup.target.noPreview')}</span>}
      {directories.slice(0, PREVIEWED_MAX).map(({ directory, topic }) => (
        <CodeText key={directory} as="line">
          {`${directory}/${name.replaceAll('%{topic}', topic)}${extensionOf(draft)}`}
        </CodeText>
      ))}
      {directories.length > PREVIEWED_MAX && (
        <span className={styles['hint']}>
          {t('setup.trial.more', { count: directories.length - PREVIEWED_MAX })}
        </span>
      )}
    </div>
  );
}

function extensionOf(draft: Draft): string {
  const suffix = suffixOf(draft);
  return suffix === '' ? { none: '', gzip: '.gz', zstd: '.zst' }[draft.codec] : suffix;
}

function directoriesOf(
  draft: Draft,
  samples: Readonly<Record<string, TopicSamples>>,
): { directory: string; topic: string }[] {
  const zone = zoneOf(draft.timeZone);
  if (zone === undefined) return [];
  const found = new Map<string, string>();
  for (const [topic, { events = [] }] of Object.entries(samples)) {
    if (draft.topicsBy === 'names' && !draft.topics.includes(topic)) continue;
    const rule = ruleOf(draft, topic);
    const reader = rule.kind === 'text' ? new TimeReader(rule, draft.timeZone) : undefined;
    for (const event of [...events].reverse()) {
      const reading = reader?.read(event);
      if (reading?.kind === 'no-time') continue;
      const timeMs = reading?.kind === 'read' ? reading.timeMs : event.timestampMs;
      const directory = directoryOf(pathOf(draft), { topic, timeMs, zone });
      if (directory !== undefined && !found.has(directory)) found.set(directory, topic);
    }
  }
  return [...found].map(([directory, topic]) => ({ directory, topic }));
}

function FileFields({ errorOf }: { readonly errorOf: ErrorOf }) {
  const { t } = useTranslation();
  const { draft, change } = useWizard();
  return (
    <FieldGroup title={t('setup.target.files')}>
      <div className={styles['pair']}>
        <TextField
          name="filePrefix"
          label={t('setup.target.prefix')}
          error={errorOf('filePrefix')}
          placeholder={EXAMPLES.filePrefix}
          isCode
        />
        <TextField name="fileSuffix" label={t('setup.target.suffix')} error={errorOf('fileSuffix')} isCode />
      </div>
      <ChoiceField
        label={t('setup.target.codec')}
        value={draft.codec}
        options={CODECS.map((value) => ({ value, label: t(`setup.codecs.${value}`) }))}
        onChange={(codec) => change({ codec })}
      />
      <p className={styles['note']}>{t('setup.target.rollHint')}</p>
      <div className={styles['pair']}>
        <TextField
          name="rollSize"
          label={t('setup.target.rollSize')}
          error={errorOf('rollSize')}
          isRequired
        />
        <TextField
          name="rollInterval"
          label={t('setup.target.rollInterval')}
          error={errorOf('rollInterval')}
          isRequired
        />
      </div>
    </FieldGroup>
  );
}
