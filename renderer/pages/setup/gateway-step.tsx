/** Step 1: the gateway itself, its clock, and the room that it may take on this disk. */
import { Select } from '@mantine/core';
import { useMemo } from 'react';
import { useTranslation } from 'react-i18next';
import { FieldGroup, TextField } from './fields.tsx';
import styles from './setup.module.css';
import { StepFrame, useFieldErrors } from './step-frame.tsx';
import { useProblems, useWizard } from './wizard-state.tsx';

export function GatewayStep() {
  const { t } = useTranslation();
  const problems = useProblems('gateway');
  const { errorOf, onTried } = useFieldErrors(problems);
  return (
    <StepFrame step="gateway" problems={problems} onTried={onTried}>
      <div className={styles['narrow']}>
        <FieldGroup title={t('setup.gateway.identity')}>
          <div className={styles['pair']}>
            <TextField
              name="id"
              label={t('setup.gateway.id')}
              hint={t('setup.gateway.idHint')}
              error={errorOf('id')}
              isCode
              isRequired
            />
            <ZoneField />
          </div>
        </FieldGroup>
        <FieldGroup title={t('setup.gateway.disk')}>
          <p className={styles['note']}>{t('setup.gateway.diskHint')}</p>
          <TextField
            name="stateDir"
            label={t('setup.gateway.stateDir')}
            hint={t('setup.gateway.stateDirHint')}
            placeholder={t('setup.gateway.stateDirDefault')}
            isCode
          />
          <div className={styles['pair']}>
            <TextField
              name="capacity"
              label={t('setup.gateway.capacity')}
              hint={t('setup.gateway.capacityHint')}
              error={errorOf('capacity')}
              isRequired
            />
            <TextField
              name="minFree"
              label={t('setup.gateway.minFree')}
              hint={t('setup.gateway.minFreeHint')}
              error={errorOf('minFree')}
              isRequired
            />
          </div>
        </FieldGroup>
      </div>
    </StepFrame>
  );
}

function ZoneField() {
  const { t } = useTranslation();
  const { draft, change } = useWizard();
  const zones = useZones(draft.timeZone);
  return (
    <Select
      label={t('setup.gateway.timeZone')}
      description={t('setup.gateway.timeZoneHint')}
      value={draft.timeZone}
      data={zones}
      onChange={(value) => value !== null && change({ timeZone: value })}
      searchable
      withAsterisk
      allowDeselect={false}
      nothingFoundMessage={t('setup.gateway.noZone')}
      maxDropdownHeight={260}
    />
  );
}

/** All zones that there are, with the one that is set. */
export function useZones(set: string): readonly string[] {
  return useMemo(
    () => [...new Set(['UTC', ...(set === '' ? [] : [set]), ...Intl.supportedValuesOf('timeZone')])],
    [set],
  );
}
