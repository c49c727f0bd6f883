/** What every field of the form needs: the text's tree, how to change it, and what is wrong where. */
import { createContext, use } from 'react';
import type { ConfigProblem } from '../../../shared/contract/config-problem.ts';
import type { ConfigPath, Tree } from './yaml-text.ts';

export interface FormContextValue {
  readonly tree: Tree;
  readonly isReadOnly: boolean;
  readonly problems: readonly ConfigProblem[];
  /** Undefined takes the key away. */
  readonly set: (path: ConfigPath, value: unknown) => void;
  readonly append: (path: ConfigPath, value: unknown) => void;
  /** Exchanges an item with the one after it. */
  readonly swap: (path: ConfigPath, place: number) => void;
  /** Shows a path in the text. */
  readonly reveal: (path: ConfigPath) => void;
}

export const FormContext = createContext<FormContextValue | undefined>(undefined);

export function useForm(): FormContextValue {
  const form = use(FormContext);
  if (form === undefined) throw new Error('a field stands outside of the form');
  return form;
}

export function isAt(problem: ConfigProblem, path: ConfigPath): boolean {
  return problem.path.length === path.length && path.every((part, depth) => problem.path[depth] === part);
}

export function isWithin(problem: ConfigProblem, path: ConfigPath): boolean {
  return path.every((part, depth) => problem.path[depth] === part);
}
