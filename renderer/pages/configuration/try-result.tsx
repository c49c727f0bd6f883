/** What a trial gave: how many would land, where, what would not and why, times to be careful with, and what is different from now. */
import { useTranslation } from 'react-i18next';
import type { WhatIfResult } from '../../../shared/contract/control-what-if.ts';
import { useFormat } from '../../text/use-format.ts';
import { BytesText, CountText } from '../../widgets/amounts.tsx';
import { CodeText, SafeText } from '../../widgets/code-text.tsx';
import { StateBadge } from '../../widgets/state-badge.tsx';
import { TryDifference } from './try-difference.tsx';
import { TrySamples } from './try-samples.tsx';
import styles from './try.module.css';

const DIRECTORIES_SHOWN = 200;
/** The most that is shown of less than all. */
const NEARLY_ALL = 0.99;
const FATES = ['placed', 'filtered', 'quarantined', 'notRouted'] as const;

export interface TryResultProps {
  readonly result: WhatIfResult;
  readonly isOutdated: boolean;
}

export function TryResult({ result, isOutdated }: TryResultProps) {
  const { t } = useTranslation();
  const format = useFormat();
  const { events, placed, note, failures, traps, difference } = result;
  return (
    <div className={styles['result']} data-result={result.events} data-outdated={isOutdated || undefined}>
      {isOutdated && <p className={styles['outdated']}>{t('configuration.try.outdated')}</p>}
      <div className={styles['headline']}>
        <strong className={styles['share']}>
          {events === 0 ? t('widgets.none') : format.percent(shareOf(placed, events))}
        </strong>
        <span>
          {t('configuration.try.wouldLand', {
            count: events,
            placed: format.count(placed),
            events: format.count(events),
          })}{' '}
          <span className={styles['dim']}>
            {t('configuration.try.took', { time: format.duration(result.tookMs) })}
          </span>
        </span>
      </div>
      <FateBar result={result} />
      {note !== undefined && (
        <p className={styles['dim']}>
          <SafeText text={note} />
        </p>
      )}
      {failures.length > 0 && <Failures failures={failures} />}
      {traps.length > 0 && <Traps traps={traps} />}
      {difference !== undefined && <TryDifference difference={difference} />}
      <Directories result={result} />
    </div>
  );
}

/** All is said of all only. */
function shareOf(placed: number, events: number): number {
  return placed === events ? 1 : Math.min(placed / events, NEARLY_ALL);
}

function FateBar({ result }: { readonly result: WhatIfResult }) {
  const { t } = useTranslation();
  const format = useFormat();
  const shown = FATES.filter((fate) => fate === 'placed' || result[fate] > 0);
  return (
    <>
      <div className={styles['bar']} aria-hidden>
        {shown.map((fate) => (
          <span key={fate} data-fate={fate} style={{ flexGrow: result[fate] }} />
        ))}
      </div>
      <ul className={styles['legend']}>
        {FATES.map((fate) => (
          <li key={fate} data-zero={result[fate] === 0 || undefined}>
            <span data-fate={fate} aria-hidden />
            {t(`configuration.try.fates.${fate}`)} <strong>{format.count(result[fate])}</strong>
          </li>
        ))}
      </ul>
    </>
  );
}

function Failures({ failures }: Pick<WhatIfResult, 'failures'>) {
  const { t } = useTranslation();
  return (
    <section>
      <h2>{t('configuration.try.failures')}</h2>
      {failures.map(({ reason, events, samples }) => (
        <div key={reason} className={styles['finding']}>
          <div className={styles['findingHead']}>
            <StateBadge state="failed" variant="plain" label={t('configuration.try.notPlaced')} />
            <span className={styles['findingText']}>
              <SafeText text={reason} />
            </span>
            <CountText value={events} />
          </div>
          <TrySamples samples={samples} />
        </div>
      ))}
    </section>
  );
}

function Traps({ traps }: Pick<WhatIfResult, 'traps'>) {
  const { t } = useTranslation();
  return (
    <section>
      <h2>{t('configuration.try.traps')}</h2>
      {traps.map(({ kind, events, message, hint, samples }) => (
        <div key={kind} className={styles['finding']}>
          <div className={styles['findingHead']}>
            <StateBadge state="warning" variant="plain" label={t(`configuration.try.trapKinds.${kind}`)} />
            <span className={styles['spring']} />
            <CountText value={events} />
          </div>
          <p className={styles['explain']}>
            <SafeText text={hint === '' ? message : `${message}. ${hint}`} />
          </p>
          <TrySamples samples={samples} />
        </div>
      ))}
    </section>
  );
}

function Directories({ result }: { readonly result: WhatIfResult }) {
  const { t } = useTranslation();
  const { directories, directoriesLeftOut } = result;
  if (directories.length === 0) return null;
  const leftOut = directoriesLeftOut + Math.max(0, directories.length - DIRECTORIES_SHOWN);
  return (
    <section>
      <h2>{t('configuration.try.directories', { count: directories.length + directoriesLeftOut })}</h2>
      <table className={styles['directories']}>
        <thead>
          <tr>
            <th>{t('configuration.try.directory')}</th>
            <th>{t('configuration.try.sink')}</th>
            <th data-right>{t('configuration.try.events')}</th>
            <th data-right>{t('configuration.try.size')}</th>
          </tr>
        </thead>
        <tbody>
          {directories.slice(0, DIRECTORIES_SHOWN).map(({ sink, directory, events, bytes }) => (
            <tr key={`${sink} ${directory}`}>
              <td>
                <CodeText as="wrap">{directory}</CodeText>
              </td>
              <td>
                <SafeText text={sink} />
              </td>
              <td data-right>
                <CountText value={events} />
              </td>
              <td data-right>
                <BytesText value={bytes} />
              </td>
            </tr>
          ))}
        </tbody>
      </table>
      {leftOut > 0 && (
        <p className={styles['dim']}>{t('configuration.try.moreDirectories', { count: leftOut })}</p>
      )}
    </section>
  );
}
