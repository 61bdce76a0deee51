import type { Page } from '../state/page.ts';

export function Header({ page }: { readonly page: Page }) {
  const place = page.place.value;
  return (
    <header class="top">
      <span class="brand">
        <svg viewBox="0 0 16 16" width="22" height="22" aria-hidden="true">
          <path class="a" d="M1 1h6v6H1zM9 9h6v6H9z" />
          <path class="b" d="M9 1h6v6H9zM1 9h6v6H1z" />
        </svg>
        FrameFusion
      </span>
      <span class="place" title="What computes">
        <span>{place ? `${place.where === 'browser' ? 'WebGPU' : 'server'}, ${place.adapter}` : 'WebGPU'}</span>
        {place?.kind === 'software' && <span>(no GPU: slow)</span>}
      </span>
    </header>
  );
}
