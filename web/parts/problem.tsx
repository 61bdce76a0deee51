import { DEFAULTS } from '../state/address.ts';
import { saveKey } from '../state/key.ts';
import type { Page } from '../state/page.ts';
import type { WayOn } from '../state/problem.ts';

/** Browsers that have WebGPU, and since when. */
const BROWSERS = 'Chrome and Edge 113, Safari 26, Firefox 141 on Windows and 145 on macOS, Chrome for Android 121';

export function ProblemNotice({ page }: { readonly page: Page }) {
  const problem = page.problem.value;
  if (!problem) return null;
  return (
    <div class="problem" role="alert">
      <h2>{problem.title}</h2>
      <p>{problem.text}</p>
      {problem.waysOn.includes('browsers') && (
        <p>
          WebGPU is in {BROWSERS}, and later ones (<a href="https://caniuse.com/webgpu">all of them</a>); it needs https
          or localhost. Or run <code>npx framefusion-webgpu --video clip.mp4</code> in Node 20 or newer.
        </p>
      )}
      <div class="ways">
        {problem.waysOn.map((way) => (
          <Way key={way} way={way} page={page} />
        ))}
      </div>
    </div>
  );
}

function Way({ way, page }: { readonly way: WayOn; readonly page: Page }) {
  if (way === 'browsers') return null;
  if (way === 'key') return <KeyForm page={page} />;
  const act = {
    restart: () => page.restart(),
    clip: () => page.openClip(),
    models: () => page.choose(DEFAULTS.model),
    reload: () => location.reload(),
  };
  const label = {
    restart: 'Try again',
    clip: 'Use the example clip',
    models: 'Use the embedded model',
    reload: 'Load the page again',
  };
  return (
    <button type="button" onClick={() => void act[way]()}>
      {label[way]}
    </button>
  );
}

function KeyForm({ page }: { readonly page: Page }) {
  return (
    <form
      class="key"
      onSubmit={(event) => {
        event.preventDefault();
        saveKey(String(new FormData(event.currentTarget).get('key')));
        void page.restart();
      }}
    >
      <input name="key" type="password" aria-label="API key" autocomplete="off" required />
      <button type="submit" class="primary">
        Use this key
      </button>
    </form>
  );
}
