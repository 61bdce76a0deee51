// Lets Node import `.wgsl` files as text, as esbuild's text loader does for the build.
import { register } from 'node:module';

register('./wgsl-loader.mjs', import.meta.url);
