/** Kernels as a person reads them. */
import { type BenchTable, digits, percentText, spreadText } from '../common/print.ts';
import type { KernelReport, KernelResult } from './report.ts';

/** A table a model's sizes. */
export function kernelTables(report: KernelReport): BenchTable[] {
  const { results, copy, adapter, machine, computeDtype } = report;
  const best = Math.max(...results.filter(({ kernel }) => kernel === 'linear').map((result) => result.flopsPerSecond));
  const software = adapter.kind === 'software';
  const clock = software
    ? `Rates are by processor time over ${machine.cores} cores: what the idle machine would reach.`
    : "Rates are by the GPU's clock where it has one, else by the wall.";
  const copied = `Copying ${digits(copy.bytes / 2e6)} MB reads and writes ${digits(copy.bytesPerSecond / 1e9)} GB/s.`;
  return [...new Set(results.map(({ size }) => size))].map((size) => ({
    title: `Kernels at the shapes of ${size}${report.quick ? ', cut down' : ''}, activations ${computeDtype}`,
    head: [
      'kernel',
      'variant',
      'shape',
      software ? 'processor' : 'time',
      'wall',
      'GFLOP/s',
      'of best',
      'GB/s',
      'of copy',
    ],
    rows: results
      .filter((result) => result.size === size)
      .map((result) => row(result, { best, copy: copy.bytesPerSecond, software })),
    notes: [copied, clock],
  }));
}

function row(
  result: KernelResult,
  { best, copy, software }: { best: number; copy: number; software: boolean },
): string[] {
  const { kernel, variant, shape, flops, measured, flopsPerSecond, bytesPerSecond } = result;
  const counted = flops > 0 && ['linear', 'attention'].includes(kernel);
  return [
    kernel,
    variant,
    shape,
    spreadText(software ? measured.cpu : (measured.gpu ?? measured.wall)),
    spreadText(measured.wall),
    counted ? digits(flopsPerSecond / 1e9) : '',
    counted && Number.isFinite(best) ? percentText(flopsPerSecond / best) : '',
    digits(bytesPerSecond / 1e9),
    percentText(bytesPerSecond / copy),
  ];
}
