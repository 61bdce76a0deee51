/** The API key of the server that the page comes from: this tab's, as long as that is open. */
const NAME = 'framefusion-api-key';

export function savedKey(): string | undefined {
  return sessionStorage.getItem(NAME) ?? undefined;
}

export function saveKey(key: string): void {
  sessionStorage.setItem(NAME, key);
}
