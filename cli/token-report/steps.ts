/** Each step of the reducer: what it did, and by which numbers. */
import { html, type Markup, type Part } from '../../charts/markup.ts';
import { placeText } from '../../models/stats.ts';
import type { TraceStep } from '../../models/trace.ts';
import type { Answered } from '../answers.ts';
import { shareText } from '../quantities.ts';
import type { RunReport } from '../report.ts';
import { shortNumber, stepFigure } from './charts.ts';

type Step = RunReport['reduction'][number];

/** Every step, after a sentence that sums up. */
export function stepsSection({ report, trace }: Answered): Markup {
  const steps = trace?.steps ?? [];
  if (steps.length === 0) return html`<p>Nothing: every token went through every layer.</p>`;
  return html`<p>${inShort(report.reduction)}</p>
${steps.map((step, i) => stepBox(step, report.reduction[i]))}`;
}

/** Where merging ended and where tokens were pruned. */
function inShort(steps: readonly Step[]): string {
  const last = (found: (action: Step['action']) => boolean): Step | undefined =>
    steps.findLast(({ action }) => found(action));
  const merge = last((action) => action.startsWith('merge'));
  const prune = last((action) => action === 'prune' || action === 'drop');
  const looked = steps.findLast(({ similarShare }) => similarShare !== undefined);
  return [
    merge ? `Tokens were merged for the last time ${placeText(merge.at)}.` : 'No token was merged.',
    looked && looked !== merge ? `A look ${placeText(looked.at)} found nothing more to merge.` : '',
    prune
      ? `${counted(prune.rowsIn - prune.rowsOut)} ${removal(prune.action)} ${placeText(prune.at)}.`
      : 'None was pruned.',
  ]
    .filter((sentence) => sentence !== '')
    .join(' ');
}

function stepBox(step: TraceStep, said: Step | undefined): Markup {
  const title = `${capital(placeText(step.at))}: ${deed(step)}`;
  return html`<section class="step"><h3>${title}</h3>
<p class="note">${reasons(step, said)}</p>
${figureOf(step, title)}</section>\n`;
}

function figureOf(step: TraceStep, title: string): Part {
  const drawn = stepFigure(step, title);
  return drawn && html`<figure>${drawn}${notDrawn(step)}</figure>`;
}

function deed({ action, merged, dropped, kept }: TraceStep): string {
  const parts = [
    merged.size > 0 ? `${merged.size} merged` : '',
    dropped.length > 0 ? `${dropped.length} ${removal(action)}` : '',
  ].filter((part) => part !== '');
  return parts.length > 0 ? `${parts.join(', ')}, ${kept.length} rows left` : 'nothing removed';
}

function reasons({ similarity, attention }: TraceStep, said: Step | undefined): string {
  return [
    said?.similarShare === undefined
      ? ''
      : `${shareText(said.similarShare)} of the video tokens were similar enough${similarity?.bound === undefined ? '' : ` (${shortNumber(similarity.bound)} or more)`}.`,
    said?.budgetShare === undefined ? '' : `The budget asked to remove ${shareText(said.budgetShare)}.`,
    said?.action === 'merge-to-budget'
      ? 'That was enough: as many of the most similar were merged as the budget asked for.'
      : '',
    attention?.cut === undefined ? '' : `The least attention that was enough to stay is ${shortNumber(attention.cut)}.`,
  ]
    .filter((sentence) => sentence !== '')
    .join(' ');
}

/** Values that a chart has no place for. */
function notDrawn({ similarity, attention }: TraceStep): Part {
  const valuesOf = (scores: typeof attention): number[] => [...(scores?.values ?? [])];
  const [similarities, weights] = [valuesOf(similarity), valuesOf(attention)];
  const said = [
    [similarities.filter((value) => value < -1.01).length, 'with nothing before them at their place'],
    [[...similarities, ...weights].filter(Number.isNaN).length, 'without a number'],
    [weights.filter((value) => value === 0).length, 'without any attention'],
  ] as const;
  const some = said.flatMap(([count, what]) => (count > 0 ? [`${count} ${what}`] : []));
  return some.length > 0 && html`<figcaption>Not drawn: ${some.join(', ')}.</figcaption>`;
}

function counted(tokens: number): string {
  return tokens === 1 ? 'One was' : `${tokens} were`;
}

function removal(action: Step['action']): string {
  return action === 'prune' ? 'pruned' : 'dropped';
}

function capital(text: string): string {
  return text.replace(/^\w/, (letter) => letter.toUpperCase());
}
