import type { HubSettings } from './settings.ts';

/** What requests need to know. */
export interface Hub {
  readonly settings: HubSettings;
  readonly repository: string;
  readonly fetch: typeof fetch;
  /** Aborts when the caller does, or when another file has failed. */
  readonly signal: AbortSignal;
  /** Something a user should know although the work goes on. */
  readonly note: (line: string) => void;
}

/** What a request is for. */
export interface Subject {
  /** What errors call it: repository, or repository and file. */
  readonly name: string;
  readonly revision: string;
  readonly file?: string;
}

/** Where the hub has a file. */
export function fileAddress({ settings, repository }: Hub, commit: string, path: string): string {
  return `${settings.endpoint}/${repository}/resolve/${commit}/${path.split('/').map(encodeURIComponent).join('/')}`;
}
