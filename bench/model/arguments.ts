/** The flags of `ff-bench model`. */

import { type FlagTable, FlagValues, flagLines, given, UsageError } from '../../cli/flags.ts';
import { dtypes, type ModelDType } from '../../models/weights.ts';
import { PRESETS, type PresetName } from '../../tools/checkpoint/shapes.ts';
import { type CommonArguments, commonArguments, commonFlags, EXIT_CODES } from '../common/common.ts';

/** What `ff-bench model` was asked to do. Absent: the model's or the project's default. */
export interface ModelArguments extends CommonArguments {
  readonly model?: string;
  readonly preset?: PresetName;
  readonly layers?: number;
  readonly visionLayers?: number;
  readonly video?: string;
  readonly prompt?: string;
  readonly frames: readonly number[];
  readonly costs: readonly number[];
  readonly similarity?: number;
  readonly ratio?: number;
  readonly maxNewTokens: number;
  readonly dtype?: ModelDType;
}

const presetNames = Object.keys(PRESETS) as PresetName[];

const flags = {
  model: { value: 'NAME|DIR|ID', help: 'as in ff-run (default the embedded one)' },
  preset: { value: 'NAME', help: `no model but its shapes, with seeded weights: ${presetNames.join(', ')}` },
  layers: { value: 'N', help: "layers of the preset's decoder (default all)" },
  'vision-layers': { value: 'N', help: "layers of the preset's vision tower (default all)" },
  video: { value: 'FILE', help: 'the clip (default the bundled one)' },
  prompt: { value: 'TEXT', help: "the question (default the model's own)" },
  frames: { value: 'N,M,...', help: 'frames, spread over the clip (default 4,8,12)' },
  cost: { value: 'X,Y,...', help: 'budgets beside the dense model, each in (0, 1) (default 0.7,0.5,0.3)' },
  similarity: { value: 'X', help: "merge tokens at least this similar (default: the model's, else 0.6)" },
  ratio: { value: 'X', help: "stop merging below this share (default: the model's, else 0.1)" },
  'max-new-tokens': { value: 'N', help: 'tokens of an answer at most (default 16)' },
  dtype: { value: 'NAME', help: `weights in ${dtypes.join(', ')} (default auto: as stored)` },
  ...commonFlags,
} as const satisfies FlagTable;

export function modelHelp(): string {
  return [
    'Usage: ff-bench model [--preset NAME [--layers N]] [--frames N,M] [--cost X,Y] [...]',
    '',
    'Times a model on a clip, dense and with FrameFusion at several budgets and lengths. Before that it checks',
    'that cost 1 is the dense model token for token, that an answer repeats, and that token counts are the',
    "budget's. The speed-up stands beside what the arithmetic that is left allows.",
    '',
    ...flagLines(flags),
    '',
    EXIT_CODES,
  ].join('\n');
}

/** @throws UsageError with one line that says what is wrong. */
export function parseModel(argv: readonly string[]): ModelArguments | 'help' | 'version' {
  const values = new FlagValues('ff-bench model', flags, argv);
  if (values.has('help')) return 'help';
  if (values.has('version')) return 'version';
  const preset = values.oneOf('preset', presetNames);
  if (preset !== undefined && values.text('model') !== undefined)
    throw new UsageError('--preset and --model cannot both be given.');
  for (const flag of ['layers', 'vision-layers'] as const)
    if (preset === undefined && values.text(flag) !== undefined)
      throw new UsageError(`--${flag} cuts a preset, and none is given. See ff-bench model --help.`);
  const whole = (x: number): boolean => Number.isSafeInteger(x) && x >= 1;
  return {
    ...commonArguments(values),
    ...given('model', values.text('model')),
    ...given('preset', preset),
    ...given('layers', values.count('layers')),
    ...given('visionLayers', values.count('vision-layers')),
    ...given('video', values.text('video')),
    ...given('prompt', values.text('prompt')),
    frames: values.numbers('frames', 'whole numbers from 1 on', whole) ?? [4, 8, 12],
    costs: values.numbers('cost', 'above 0 and below 1', (x) => x > 0 && x < 1) ?? [0.7, 0.5, 0.3],
    ...given(
      'similarity',
      values.number('similarity', 'a number above -2', (x) => x > -2),
    ),
    ...given(
      'ratio',
      values.number('ratio', 'from 0 to 1', (x) => x >= 0 && x <= 1),
    ),
    maxNewTokens: values.count('max-new-tokens') ?? 16,
    ...given('dtype', values.oneOf('dtype', dtypes)),
  };
}
