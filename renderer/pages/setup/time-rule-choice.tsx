/** Where the time stands: in the record, in one of the places that were found in the samples, or where the operator says. */
import { Button, Radio, Select, TextInput } from '@mantine/core';
import { IconCopy } from '@tabler/icons-react';
import { useTranslation } from 'react-i18next';
import { CodeText } from '../../widgets/code-text.tsx';
import { EXAMPLES } from './examples.ts';
import { ALL_TOPICS, RECORD_TIME, ruleOf, type TimeRule } from './draft.ts';
import { regexProblem } from './draft-problems.ts';
import { useZones } from './gateway-step.tsx';
import styles from './setup.module.css';
import { ruleOfProposal, type Proposal } from './time-format.ts';
import { TimeReader, type Sample } from './time-reading.ts';
import { useWizard } from './wizard-state.tsx';

export interface RuleChoiceProps {
  readonly topic: string;
  readonly proposals: readonly Proposal[];
  readonly samples: readonly Sample[];
}

const RECORD = 'record';
const OWN = 'own';
type TextRule = Extract<TimeRule, { readonly kind: 'text' }>;
const EMPTY_RULE: TextRule = { kind: 'text', regex: '', pattern: '', timeZone: '', isOwn: true };

export function RuleChoice({ topic, proposals, samples }: RuleChoiceProps) {
  const { t } = useTranslation();
  const { draft, change } = useWizard();
  const rule = ruleOf(draft, topic);
  const name = draft.topicsBy === 'regex' ? ALL_TOPICS : topic;
  const set = (next: TimeRule): void => change({ rules: { ...draft.rules, [name]: next } });
  const value = valueOf(rule, proposals);
  const choose = (wanted: string): void => {
    if (wanted === RECORD) return set(RECORD_TIME);
    if (wanted === OWN) return set(rule.kind === 'text' ? { ...rule, isOwn: true } : EMPTY_RULE);
    const proposal = proposals[Number(wanted)];
    if (proposal !== undefined) set(ruleOfProposal(proposal));
  };
  return (
    <div className={styles['column']}>
      <Radio.Group
        label={t('setup.time.where')}
        description={t(draft.topicsBy === 'regex' ? 'setup.time.oneRule' : 'setup.time.ownRule')}
        value={value}
        onChange={choose}
      >
        <div className={styles['radios']}>
          {proposals.map((proposal, place) => (
            <ProposalRadio
              key={`${proposal.regex} ${proposal.pattern}`}
              {...{ proposal, place, count: samples.length }}
            />
          ))}
          <Radio
            value={RECORD}
            size="xs"
            label={t('setup.time.record')}
            description={t('setup.time.recordHint')}
          />
          <Radio value={OWN} size="xs" label={t('setup.time.own')} description={t('setup.time.ownHint')} />
        </div>
      </Radio.Group>
      {rule.kind === 'text' && rule.isOwn && <OwnRule rule={rule} onChange={set} />}
      {rule.kind === 'text' && !rule.isOwn && <RuleText rule={rule} onOwn={() => choose(OWN)} />}
      {rule.kind === 'text' && lacksZone(rule) && <ZoneOfRule rule={rule} onChange={set} />}
    </div>
  );
}

function valueOf(rule: TimeRule, proposals: readonly Proposal[]): string {
  if (rule.kind === 'record') return RECORD;
  const place = proposals.findIndex(({ regex, pattern }) => regex === rule.regex && pattern === rule.pattern);
  return rule.isOwn || place === -1 ? OWN : String(place);
}

/** Of a pattern whose texts say no offset. */
function lacksZone({ pattern }: TextRule): boolean {
  return pattern !== '' && !/[Zz]/.test(pattern.replace(/'[^']*'/g, ''));
}

function ProposalRadio(props: {
  readonly proposal: Proposal;
  readonly place: number;
  readonly count: number;
}) {
  const { t } = useTranslation();
  const { proposal, place, count } = props;
  const { name, field, problem, matched, example } = proposal;
  return (
    <Radio
      value={String(place)}
      size="xs"
      disabled={problem !== undefined}
      label={
        <>
          {t(`setup.formats.${name}`)}
          {field !== undefined && (
            <>
              {' '}
              {t('setup.time.inField')} <CodeText>{field}</CodeText>
            </>
          )}
        </>
      }
      description={
        <>
          <CodeText>{example}</CodeText> · {t('setup.time.matched', { matched, count })}
          {problem !== undefined && (
            <span className={styles['radioProblem']}>{t(`setup.noWay.${problem}`)}</span>
          )}
        </>
      }
    />
  );
}

/** What will stand in the file, for those who want to know. */
function RuleText({ rule, onOwn }: { readonly rule: TextRule; readonly onOwn: () => void }) {
  const { t } = useTranslation();
  return (
    <div className={styles['ruleText']}>
      <span className={styles['hint']}>{t('setup.time.regex')}</span>
      <CodeText as="wrap">{rule.regex}</CodeText>
      {rule.pattern !== '' && (
        <>
          <span className={styles['hint']}>{t('setup.time.pattern')}</span>
          <CodeText as="wrap">{rule.pattern}</CodeText>
        </>
      )}
      <Button
        variant="subtle"
        size="compact-xs"
        leftSection={<IconCopy size={13} aria-hidden />}
        onClick={onOwn}
      >
        {t('setup.time.change')}
      </Button>
    </div>
  );
}

interface RuleFieldProps {
  readonly rule: TextRule;
  readonly onChange: (rule: TimeRule) => void;
}

function OwnRule({ rule, onChange }: RuleFieldProps) {
  const { t } = useTranslation();
  const { draft } = useWizard();
  const reader = new TimeReader(rule, draft.timeZone);
  const isWrong = rule.regex !== '' && regexProblem(rule.regex, 1) !== undefined;
  const regexError = isWrong ? reader.problem : reader.lacksGroup ? t('setup.time.noGroup') : undefined;
  const code = { classNames: { input: styles['code'] ?? '' }, spellCheck: false, autoComplete: 'off' };
  return (
    <>
      <TextInput
        label={t('setup.time.regex')}
        description={t('setup.time.regexHint')}
        placeholder={EXAMPLES.regex}
        value={rule.regex}
        error={rule.regex === '' ? undefined : regexError}
        onChange={(event) => onChange({ ...rule, regex: event.currentTarget.value })}
        {...code}
      />
      <TextInput
        label={t('setup.time.pattern')}
        description={t('setup.time.patternHint')}
        placeholder={EXAMPLES.pattern}
        value={rule.pattern}
        error={isWrong || reader.problem === '' ? undefined : reader.problem}
        onChange={(event) => onChange({ ...rule, pattern: event.currentTarget.value })}
        {...code}
      />
    </>
  );
}

function ZoneOfRule({ rule, onChange }: RuleFieldProps) {
  const { t } = useTranslation();
  const { draft } = useWizard();
  const zones = useZones(draft.timeZone);
  return (
    <Select
      label={t('setup.time.zone')}
      description={t('setup.time.zoneHint')}
      value={rule.timeZone === '' ? draft.timeZone : rule.timeZone}
      data={zones}
      searchable
      allowDeselect={false}
      onChange={(zone) =>
        zone !== null && onChange({ ...rule, timeZone: zone === draft.timeZone ? '' : zone })
      }
    />
  );
}
