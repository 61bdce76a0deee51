/**
 * Keeps the page's own files from one visit to the next, so that it opens without a network. Models are kept by the library
 * (`checkpoint/stored-files.ts`), and FFmpeg, which has 32 MB, is not.
 */
import { addPlugins, cleanupOutdatedCaches, type PrecacheEntry, precacheAndRoute } from 'workbox-precaching';
import { RangeRequestsPlugin } from 'workbox-range-requests';

/** Written in by the build (`tools/vite.config.ts`). */
declare const PAGE_FILES: PrecacheEntry[];

// Videos are asked for in pieces. Its type does not say that it keeps to exact optional properties.
addPlugins([new RangeRequestsPlugin()] as Parameters<typeof addPlugins>[0]);
cleanupOutdatedCaches();
precacheAndRoute(PAGE_FILES, { ignoreURLParametersMatching: [/.*/] }); // the address has settings
