/** The knob: how much of the video is computed. */
import { LEAST_COST } from '../state/address.ts';
import type { Page } from '../state/page.ts';

export function Budget({ page }: { readonly page: Page }) {
  const cost = page.cost.value;
  const percent = Math.round(100 * cost);
  const tokens = page.video.value?.traced?.tokens.gone.length;
  const average = tokens === undefined ? undefined : Math.round(cost * tokens);
  return (
    <div class="budget">
      <div class="row">
        <label for="cost">Budget</label>
        <output for="cost" data-tokens={average}>
          <b>{percent} %</b>
          {average !== undefined &&
            (cost < 1
              ? ` on average ${average} of ${tokens} tokens remain in a layer`
              : ` all ${tokens} tokens go through every layer`)}
        </output>
      </div>
      <input
        id="cost"
        type="range"
        min={100 * LEAST_COST}
        max={100}
        step={100 * LEAST_COST}
        value={percent}
        aria-valuetext={`${percent} percent${average === undefined ? '' : `, ${average} of ${tokens} tokens a layer`}`}
        onInput={({ currentTarget }) => page.setCost(Number(currentTarget.value) / 100)}
      />
      <label class="check">
        <input
          type="checkbox"
          checked={page.compare.value}
          onChange={({ currentTarget }) => {
            page.compare.value = currentTarget.checked;
          }}
        />{' '}
        answer with all tokens as well, to compare
      </label>
    </div>
  );
}
