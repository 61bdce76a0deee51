/** The program of a report: the viewer on the data that the page carries. The page has its text, bundled. */
import type { Played } from './played.ts';
import { openViewer } from './viewer.ts';

const data: Played = JSON.parse(document.getElementById('data')!.textContent!);
openViewer(document.querySelector<HTMLElement>('.player')!, data);
