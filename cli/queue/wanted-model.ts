/** A model as a job names it: made by who gives work out, and found by who takes it. */
import { readdir } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { WeightsError } from '../../engine/errors.ts';
import { catalogue, chooseModel } from '../../library/catalogue.ts';
import { defaultsOf } from '../../library/named-model.ts';
import type { ModelDefaults } from '../../models/defaults.ts';
import type { ModelDType } from '../../models/weights.ts';
import { contentMark } from '../content-mark.ts';
import { type AvailableModel, findChoice } from '../fetch-model.ts';
import type { Log } from '../log.ts';
import { hashOf, type WantedModel } from './job.ts';

/** @throws WeightsError if the folder cannot be read. */
export async function wantedModel(choice: AvailableModel, dtype: ModelDType | undefined): Promise<WantedModel> {
  const { name, folder, address, commit } = choice;
  const wanted = dtype ?? choice.dtype;
  const common = { ...(wanted !== undefined && { dtype: wanted }), defaults: defaultsOf(choice) };
  if (commit !== undefined) return { name, commit, ...common };
  if (folder === undefined) return { name: address ?? name, ...common };
  const isNamed = Object.hasOwn(catalogue().models, name);
  return { name: isNamed ? name : resolve(folder), content: await folderMark(folder), ...common };
}

/**
 * The model that a job names, as this machine has it, or as the hub has it.
 *
 * @throws WeightsError if it is another one here; what finding a model throws.
 */
export async function findWanted(wanted: WantedModel, log: Log): Promise<AvailableModel> {
  const { name, commit, content, defaults } = wanted;
  const chosen = chooseModel(name);
  const choice = await findChoice({ ...chosen, ...(commit !== undefined && { revision: commit }) }, log);
  if (commit !== undefined && choice.commit !== commit)
    throw new WeightsError(
      `${name}: the work is for revision ${commit}, and here is ${choice.commit ?? choice.files.name}. Let this machine reach the hub, or give it that revision.`,
    );
  const { folder = choice.files.name } = choice;
  if (content !== undefined && (await folderMark(folder)) !== content)
    throw new WeightsError(
      `${name}: the work is for a model with other files than ${resolve(folder)} has here. Copy its folder to this machine, or share it.`,
    );
  return withDefaults(choice, defaults);
}

/** What a model is run with is the job's: this machine's catalogue may say otherwise. */
function withDefaults(choice: AvailableModel, defaults: ModelDefaults): AvailableModel {
  const { fps: _fps, forceSample: _force, similarityLowerBound: _bound, ratioLowerBound: _ratio, ...rest } = choice;
  return { ...rest, ...defaults };
}

/** Which content the files of a model's folder have. */
async function folderMark(folder: string): Promise<string> {
  try {
    const entries = await readdir(folder, { withFileTypes: true });
    const names = entries
      .filter((entry) => !entry.isDirectory() && /\.(json|safetensors|jinja|model|txt)$/.test(entry.name))
      .map(({ name }) => name)
      .sort();
    const marks: [string, string][] = [];
    for (const name of names) marks.push([name, await contentMark(join(folder, name))]);
    return hashOf(marks);
  } catch (cause) {
    throw new WeightsError(`${folder}: cannot be read: ${(cause as Error).message}.`, { cause });
  }
}
