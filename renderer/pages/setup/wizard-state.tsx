/** What all steps share: answers, what the brokers said, samples, and the last check. All of it outlives a step, none of it the page but the answers. */
import { createContext, use, useCallback, useEffect, useMemo, useRef, useState, type ReactNode } from 'react';
import type { Input, Output } from '../../../shared/contract/control.ts';
import { toCallError, type CallError } from '../../client/call-error.ts';
import { useEngine } from '../../client/engine-context.tsx';
import { listOf, type Draft, type Secrets } from './draft.ts';
import { problemsOf, STEPS, type Problems, type StepName } from './draft-problems.ts';
import { forgetSetup, keepSetup, type KeptSetup } from './kept-setup.ts';

export interface ClusterAnswer {
  /** Of the address that it was asked at. */
  readonly key: string;
  readonly tookMs: number;
  readonly facts: Output<'kafkaTopics'>;
}
export interface TopicSamples {
  readonly events?: Output<'kafkaSample'>['events'];
  readonly error?: CallError;
}
export interface CheckRun {
  readonly jobId: string;
  /** What was checked. */
  readonly text: string;
}

export interface Wizard {
  readonly draft: Draft;
  readonly secrets: Secrets;
  readonly step: StepName;
  readonly reached: number;
  readonly change: (part: Partial<Draft>) => void;
  readonly changeSecrets: (secrets: Secrets) => void;
  readonly openStep: (step: StepName) => void;
  readonly next: () => void;
  readonly begin: () => void;
  readonly backToReview: () => void;
  readonly isStarting: boolean;
  readonly forget: () => void;
  readonly cluster: ClusterAnswer | undefined;
  readonly setCluster: (answer: ClusterAnswer) => void;
  readonly samples: Readonly<Record<string, TopicSamples>>;
  readonly loadSamples: (topic: string) => void;
  readonly check: CheckRun | undefined;
  readonly setCheck: (run: CheckRun) => void;
  /** The text whose failures the operator said he knows of. */
  readonly knownText: string;
  readonly setKnownText: (text: string) => void;
}

const WizardContext = createContext<Wizard | undefined>(undefined);

export function useWizard(): Wizard {
  const wizard = use(WizardContext);
  if (wizard === undefined) throw new Error('no WizardProvider stands above this component');
  return wizard;
}

export function useProblems(step: StepName): Problems {
  const { draft, secrets } = useWizard();
  return useMemo(() => problemsOf(step, draft, secrets), [step, draft, secrets]);
}

export interface WizardProviderProps {
  readonly stateId: string;
  readonly begins: KeptSetup;
  readonly children: ReactNode;
}

export function WizardProvider({ stateId, begins, children }: WizardProviderProps) {
  const [setup, setSetup] = useState(begins);
  const [secrets, changeSecrets] = useState<Secrets>({ password: '' });
  const [cluster, setCluster] = useState<ClusterAnswer>();
  const [check, setCheck] = useState<CheckRun>();
  const [knownText, setKnownText] = useState('');
  const sampling = useSamples(setup.draft, secrets);
  const isForgotten = useRef(false);
  useEffect(() => {
    if (!isForgotten.current) keepSetup(stateId, setup);
  }, [stateId, setup]);
  const moves = useMoves(setSetup);
  const forget = useCallback(() => {
    isForgotten.current = true;
    forgetSetup(stateId);
    setSetup((before) => ({ ...before, isStarting: false }));
  }, [stateId]);
  const wizard = useMemo(
    () => ({
      ...{ ...setup, secrets, changeSecrets, cluster, setCluster, check, setCheck, knownText, setKnownText },
      ...{ ...moves, ...sampling, forget },
    }),
    [setup, secrets, cluster, check, knownText, moves, sampling, forget],
  );
  return <WizardContext value={wizard}>{children}</WizardContext>;
}

type Moves = Pick<Wizard, 'change' | 'openStep' | 'next' | 'begin' | 'backToReview'>;

function useMoves(setSetup: (change: (before: KeptSetup) => KeptSetup) => void): Moves {
  return useMemo(() => {
    const openStep = (step: StepName): void =>
      setSetup((before) => ({ ...before, step, reached: Math.max(before.reached, STEPS.indexOf(step)) }));
    return {
      openStep,
      change: (part) => setSetup((before) => ({ ...before, draft: { ...before.draft, ...part } })),
      next: () =>
        setSetup((before) => {
          const place = Math.min(STEPS.indexOf(before.step) + 1, STEPS.length - 1);
          return { ...before, step: STEPS[place] ?? 'review', reached: Math.max(before.reached, place) };
        }),
      begin: () => setSetup((before) => ({ ...before, isStarting: true })),
      backToReview: () => setSetup((before) => ({ ...before, isStarting: false, step: 'review' })),
    };
  }, [setSetup]);
}

/** As the calls want it; a password goes to the engine alone. */
export function addressOf(draft: Draft, { password }: Secrets): Input<'kafkaTopics'> {
  const file = `\${file:${draft.passwordFile.trim()}}`;
  const typed = password.replaceAll('${', () => '$${');
  const sasl = {
    mechanism: draft.mechanism,
    username: draft.username,
    password: draft.passwordFrom === 'file' ? file : typed,
  };
  const named = { ca: draft.caFile, cert: draft.certFile, key: draft.keyFile, serverName: draft.serverName };
  const tls = Object.fromEntries(
    Object.entries(named).flatMap(([name, value]) => (value.trim() === '' ? [] : [[name, value.trim()]])),
  );
  return {
    bootstrapServers: listOf(draft.brokers),
    security: {
      ...(draft.mechanism === 'none' ? {} : { sasl }),
      ...(draft.isTls ? { tls } : {}),
    },
  };
}

/** The same for the same brokers and security. It stays in memory: there may be a password in it. */
export function addressKey(draft: Draft, secrets: Secrets): string {
  return JSON.stringify(addressOf(draft, secrets));
}

const SAMPLES_LAST = 20;

function useSamples(draft: Draft, secrets: Secrets): Pick<Wizard, 'samples' | 'loadSamples'> {
  const { client } = useEngine();
  const [samples, setSamples] = useState<Readonly<Record<string, TopicSamples>>>({});
  const address = addressOf(draft, secrets);
  const key = JSON.stringify(address);
  const latest = useRef(address);
  latest.current = address;
  const asked = useRef(new Set<string>());
  const queue = useRef<Promise<void>>(Promise.resolve());
  const loadSamples = useCallback(
    (topic: string) => {
      // One topic at a time: the engine has few lines to brokers for this, and others may want one.
      if (asked.current.has(topic)) return;
      asked.current.add(topic);
      setSamples((before) => ({ ...before, [topic]: {} }));
      const load = async (): Promise<void> => {
        const answer = await client
          .call('kafkaSample', { ...latest.current, topic, last: SAMPLES_LAST })
          .then(
            ({ events }): TopicSamples => ({ events }),
            (error: unknown): TopicSamples => ({ error: toCallError(error) }),
          );
        asked.current.delete(topic);
        setSamples((before) => ({ ...before, [topic]: answer }));
      };
      queue.current = queue.current.then(load);
    },
    [client],
  );
  // Other brokers have other events.
  useEffect(() => setSamples({}), [key]);
  return useMemo(() => ({ samples, loadSamples }), [samples, loadSamples]);
}
