// Lets Node import `.wgsl` and `.browser.js` files as text, as esbuild's text loader does for the build.
import { register } from 'node:module';

register('./wgsl-loader.mjs', import.meta.url);
