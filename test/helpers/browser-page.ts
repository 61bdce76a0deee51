import { existsSync } from 'node:fs';
import { BrowserPage } from '../../cli/browser-page.ts';

export type { BrowserPage } from '../../cli/browser-page.ts';

const program = '/usr/bin/chromium';

/** Whether there is a browser to look with. */
export const hasChromium = existsSync(program);

/** A page of a browser of its own. @param webGpu - With WebGPU, on the browser's own SwiftShader. */
export function openBrowser({ webGpu = false } = {}): Promise<BrowserPage> {
  return webGpu
    ? BrowserPage.open(program, ['--enable-unsafe-webgpu', '--use-webgpu-adapter=swiftshader'])
    : BrowserPage.open(program);
}

/** In a page: what is wrong with its drawings, texts that meet another or leave their drawing. */
export const drawingFaults = `JSON.stringify([...document.querySelectorAll('svg')].filter((svg) => svg.checkVisibility()).flatMap((svg) => {
  const all = [...svg.querySelectorAll('text')].map((text) => ({ said: text.textContent, at: text.getBoundingClientRect() }));
  const inside = svg.getBoundingClientRect();
  const meet = (a, b) => Math.min(a.right, b.right) - Math.max(a.left, b.left) > 0.5 && Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top) > 3;
  return all.flatMap(({ said, at }, i) => [
    ...(at.left < inside.left - 1 || at.right > inside.right + 1 || at.top < inside.top - 1 || at.bottom > inside.bottom + 1 ? [said + ' is cut'] : []),
    ...all.slice(i + 1).filter((other) => meet(at, other.at)).map((other) => said + ' meets ' + other.said),
  ]);
}))`;
