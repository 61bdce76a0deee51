#!/usr/bin/env node
/** `ff-convert`: writes a checkpoint with its weights in another format, so that loading need not. See `ff-convert --help`. */
import { convertHelp, parseConvertArguments } from './convert/arguments.ts';
import { convert } from './convert/convert.ts';
import { runCommand } from './main.ts';

await runCommand('ff-convert', { parse: parseConvertArguments, help: convertHelp, work: convert });
