/** The models of the catalogue, as far as they are known without a network: what each takes, and whether it fits this adapter. */

import published from '../../assets/published.json' with { type: 'json' };
import { type Runtime, reducerNamed } from '../../browser.ts';
import { AdapterLimitError, InputError } from '../../engine/errors.ts';
import { bytesText } from '../../engine/text.ts';
import { defaultsOf, type NamedModel } from '../../library/named-model.ts';
import { type Configs, filesOfConfigs, type TokenizerJson } from '../../library/planned-files.ts';
import { storedModel } from '../../library/stored-model.ts';
import { planMemory } from '../../models/plan.ts';
import catalogue from '../../weights.config.json' with { type: 'json' };
import type { Choice } from './engine.ts';

/** What each family is good for, in words for who chooses; the first that fits the name. */
const ABOUT: readonly (readonly [RegExp, string])[] = [
  [/SmolVLM2-(256|500)M/, 'Small and quick: short clips, pictures, plain answers in English.'],
  [/SmolVLM2/, 'The largest of the small: clips and pictures in English, better at details.'],
  [/Qwen3-VL/, 'Details, text in the picture, order of events, many languages.'],
  [/LLaVA-Video/, 'Long descriptions of videos.'],
  [/onevision/i, 'Pictures and videos alike, plain answers.'],
  [/Qwen2/, 'Text in the picture, longer clips, many languages.'],
  [/InternVL/, 'Charts, text and scenes, in English and Chinese.'],
  [/MiniCPM/, 'Pictures and clips in fine detail, text in the picture.'],
  [/NVILA/, 'Many frames for its size: longer videos.'],
  [/./, 'An earlier model, to compare with.'],
];

/** The one to begin with. */
const FIRST = 'HuggingFaceTB/SmolVLM2-500M-Video-Instruct';

/** Larger ones are for machines of another kind. */
const MOST_BILLIONS = 9;

/** What a tab is given at most: to ask the adapter for more would take it from everything else on the machine. */
const MOST_BYTES = 16e9;

/** @param embedded - Address of the embedded model. */
export async function tellChoices(runtime: Runtime, embedded: string, on: (choice: Choice) => void) {
  const read = async (file: string) => (await fetch(`${embedded}/${file}`)).json();
  const words = {
    tokenizer: (await read('tokenizer.json')) as TokenizerJson,
    settings: (await read('tokenizer_config.json')) as object,
  };
  const models = catalogue.models as Readonly<Record<string, NamedModel>>;
  const known = Object.entries(published as unknown as Readonly<Record<string, Configs>>);
  const named = known.filter(([name]) => Object.hasOwn(models, name));
  const rank = (name: string): number => (name === FIRST ? 0 : billionsOf(name));
  const sorted = named
    .filter(([name]) => billionsOf(name) <= MOST_BILLIONS)
    .sort(([one], [other]) => rank(one) - rank(other));
  for (const [name, configs] of sorted) {
    const files = await filesOfConfigs(name, configs, words);
    const plan = { ...(await planned(files, runtime, models[name]!)), stored: await storedModel(name) };
    on({ name, title: name.replace(/^.*\//, ''), about: ABOUT.find(([family]) => family.test(name))![1], ...plan });
  }
}

/** Parameters, as names have them: `SmolVLM2-500M`, `Qwen2-VL-2B`. */
function billionsOf(name: string): number {
  const [, number = '8', unit = 'B'] = /(\d+(?:\.\d+)?)([BM])\b/i.exec(name) ?? [];
  return Number(number) / (unit.toUpperCase() === 'M' ? 1000 : 1);
}

type Planned = Pick<Choice, 'bytes' | 'memory' | 'problem'>;

async function planned(files: Parameters<typeof planMemory>[0], runtime: Runtime, named: NamedModel): Promise<Planned> {
  try {
    const { weights, peak } = await planMemory(files, runtime, {
      frames: named.frames,
      question: 'What happens in this video?',
      maxNewTokens: 256,
      reducer: reducerNamed('framefusion', {}, defaultsOf(named)),
      ...(named.dtype && { dtype: named.dtype }),
    });
    const fits = peak <= MOST_BYTES && (await runtime.hasRoomFor(peak));
    const problem = `It needs ${bytesText(peak)} of GPU memory with ${named.frames} frames: more than there is for a tab.`;
    return { bytes: weights.bytes, memory: peak, ...(!fits && { problem }) };
  } catch (error) {
    if (!(error instanceof AdapterLimitError || error instanceof InputError)) throw error;
    return { bytes: 0, memory: 0, problem: error.message };
  }
}
