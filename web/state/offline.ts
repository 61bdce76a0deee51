/** Keeps the page for visits without a network, where the browser lets it: not from plain http, and not in some private modes. */
export async function keepForOffline(): Promise<void> {
  const worker = new URL('service-worker.js', document.baseURI);
  await navigator.serviceWorker?.register(worker).catch(() => undefined);
}
