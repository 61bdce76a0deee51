/** A reducer at a budget, and what is asked with it. */
import type { ModelDefaults } from '../../models/defaults.ts';
import type { TokenReducer } from '../../models/reduction.ts';
import type { Wanted } from '../fit.ts';
import { reducerOptions } from '../model-flags.ts';
import { reducerMaker } from '../own-module.ts';
import type { EvalArguments } from './arguments.ts';
import type { Question } from './question.ts';

/** Which reducers at which budgets. */
export type RunSettings = Pick<
  EvalArguments,
  'reducers' | 'costs' | 'tokens' | 'similarity' | 'ratio' | 'seed' | 'parity' | 'renumber'
>;

/** What a run may compute. */
export interface Budget {
  /** Share of the video tokens; with `tokens`, at most. */
  readonly cost: number;
  /** Instead: so many of them. */
  readonly tokens?: number;
}

/** A reducer at one budget. */
export interface Run extends Budget {
  readonly reducer: string;
  readonly instance: TokenReducer | undefined;
  /** By which results know it. */
  readonly key: string;
}

/** Every reducer at every budget; the dense model has one. */
export async function runsOf(settings: RunSettings, defaults: ModelDefaults): Promise<Run[]> {
  const runs: Run[] = [];
  for (const reducer of settings.reducers) {
    const make = await reducerMaker(reducer);
    for (const budget of reducer === 'none' ? [{ cost: 1 }] : budgetsOf(settings)) {
      // A budget that a method cannot meet is a line of the table, whose `computed` says so, and not the end of it.
      const instance = make({ ...budget, overspent: 'drop', ...reducerOptions(settings) }, defaults);
      // A module of the user's own need not name its budget.
      const told = instance ? { ...budget, ...instance.settings } : {};
      runs.push({ reducer, ...budget, instance, key: JSON.stringify([reducer, told]) });
    }
  }
  return runs;
}

function budgetsOf({ costs, tokens }: RunSettings): Budget[] {
  return tokens?.map((some) => ({ cost: 1, tokens: some })) ?? costs.map((cost) => ({ cost }));
}

/** What the model needs memory for: the largest of the runs. */
export function wantedBy(runs: readonly Run[], settings: Omit<Wanted, 'cost' | 'reducer' | 'question'>): Wanted {
  return {
    ...settings,
    cost: Math.max(...runs.map(({ cost }) => cost)),
    // The dense model is what needs the most.
    reducer: () => (runs.some(({ instance }) => !instance) ? undefined : runs[0]?.instance),
    question: 'What happens?',
  };
}

/** A video, or a part of one, and the questions about it, each with its index. */
export interface Group {
  readonly shown: Pick<Question, 'video' | 'start' | 'end'>;
  readonly questions: readonly { readonly question: Question; readonly index: number }[];
}

/** Questions by what they are asked about. */
export function groupsOf(questions: readonly Question[]): Group[] {
  const groups = new Map<string, { shown: Question; questions: { question: Question; index: number }[] }>();
  for (const [index, question] of questions.entries()) {
    const key = JSON.stringify([question.video, question.start, question.end]);
    const group = groups.get(key) ?? { shown: question, questions: [] };
    group.questions.push({ question, index });
    groups.set(key, group);
  }
  return [...groups.values()];
}

/** A question that a run has not answered yet. */
export interface OpenQuestion {
  readonly run: Run;
  readonly question: Question;
  readonly index: number;
}

/** What is still open in a group, in the order in which it is asked. */
export function openIn(
  { questions }: Group,
  runs: readonly Run[],
  done: { has(run: string, question: number): boolean },
): OpenQuestion[] {
  return runs.flatMap((run) =>
    questions.filter(({ index }) => !done.has(run.key, index)).map((one) => ({ run, ...one })),
  );
}
