/** The flags of `ff-bench model`. */
import { commandLine, count, flag, listOf, number, oneOf, text, UsageError, type Values } from '../../cli/flags.ts';
import { modelFlags, reducerFlags } from '../../cli/model-flags.ts';
import { PRESETS, type PresetName } from '../../tools/checkpoint/shapes.ts';
import { commonFlags, EXIT_CODES } from '../common/common.ts';

const presetNames = Object.keys(PRESETS) as PresetName[];

const flags = {
  model: modelFlags.model,
  preset: flag('NAME', `no model but its shapes, with seeded weights: ${presetNames.join(', ')}`, oneOf(presetNames)),
  layers: flag('N', "layers of the preset's decoder (default all)", count()),
  'vision-layers': flag('N', "layers of the preset's vision tower (default all)", count()),
  video: flag('FILE', 'the clip (default the bundled one)', text),
  prompt: flag('TEXT', "the question (default the model's own)", text),
  frames: flag('N,M,...', 'frames, spread over the clip (default 4,8,12)', listOf(count()), [4, 8, 12]),
  cost: flag(
    'X,Y,...',
    'budgets beside the dense model, each in (0, 1) (default 0.7,0.5,0.3)',
    listOf(number('above 0 and below 1', (x) => x > 0 && x < 1)),
    [0.7, 0.5, 0.3],
  ),
  similarity: reducerFlags.similarity,
  ratio: reducerFlags.ratio,
  'max-new-tokens': flag('N', 'tokens of an answer at most (default 16)', count(), 16),
  dtype: modelFlags.dtype,
  ...commonFlags,
};

/** What `ff-bench model` was asked to do. Absent: the model's or the project's default. */
export interface ModelArguments extends Omit<Values<typeof flags>, 'cost'> {
  readonly costs: readonly number[];
}

export const modelLine = commandLine('ff-bench model', {
  about: `Usage: ff-bench model [--preset NAME [--layers N]] [--frames N,M] [--cost X,Y] [...]

Times a model on a clip, dense and with FrameFusion at several budgets and lengths. Before that it checks
that cost 1 is the dense model token for token, that an answer repeats, and that token counts are the
budget's. The speed-up stands beside what the arithmetic that is left allows.`,
  flags,
  end: () => EXIT_CODES,
  args: ({ cost: costs, ...rest }): ModelArguments => {
    if (rest.preset !== undefined && rest.model !== undefined)
      throw new UsageError('--preset and --model cannot both be given.');
    for (const [name, layers] of [
      ['layers', rest.layers],
      ['vision-layers', rest.visionLayers],
    ] as const)
      if (rest.preset === undefined && layers !== undefined)
        throw new UsageError(`--${name} cuts a preset, and none is given. See ff-bench model --help.`);
    return { ...rest, costs };
  },
});
