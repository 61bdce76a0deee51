/** Settings as the page's address has them, so that a link brings them along. */

/** What a link may set. */
export interface Settings {
  readonly model: string;
  readonly cost: number;
  readonly question?: string;
}

export const DEFAULTS: Settings = { model: 'tiny-llava-video', cost: 0.3 };

/** The least share that the knob goes down to, and its step. */
export const LEAST_COST = 0.05;

/** `?model=...&cost=...&question=...`; what is not there or makes no sense is the default. */
export function settingsOf(address: string): Settings {
  const { searchParams } = new URL(address);
  const cost = Number(searchParams.get('cost') ?? Number.NaN);
  const question = searchParams.get('question');
  return {
    model: searchParams.get('model')?.trim() || DEFAULTS.model,
    cost: cost > 0 && cost <= 1 ? cost : DEFAULTS.cost,
    ...(question && { question }),
  };
}

/** The address of this page with settings. */
export function addressOf(address: string, { model, cost, question }: Settings): string {
  const url = new URL(address);
  url.search = '';
  url.hash = '';
  if (model !== DEFAULTS.model) url.searchParams.set('model', model);
  if (cost !== DEFAULTS.cost) url.searchParams.set('cost', String(cost));
  if (question) url.searchParams.set('question', question);
  return url.href;
}
