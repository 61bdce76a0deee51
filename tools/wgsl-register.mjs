// Lets Node import `.wgsl` files and programs for pages as text, as the build does.
import { register } from 'node:module';

register('./wgsl-loader.mjs', import.meta.url);
