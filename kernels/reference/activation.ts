/** The error function by its series in positive terms, `2 / sqrt(pi) e^(-z^2) sum 2^n z^(2n+1) / (2n+1)!!`. */
export function erf(z: number): number {
  let term = z;
  let sum = z;
  for (let n = 1; Math.abs(term) > 1e-18 * Math.abs(sum); n++) {
    term *= (2 * z * z) / (2 * n + 1);
    sum += term;
  }
  return z === 0 ? 0 : Math.abs(z) > 7 ? Math.sign(z) : (2 / Math.sqrt(Math.PI)) * Math.exp(-z * z) * sum;
}

/** Gaussian error linear unit: exact, in its tanh form, or CLIP's quick one. */
export function gelu(x: ArrayLike<number>, form: 'erf' | 'tanh' | 'quick'): Float64Array {
  const forms = {
    erf: (value: number) => (value / 2) * (1 + erf(value / Math.SQRT2)),
    tanh: (value: number) => (value / 2) * (1 + Math.tanh(Math.sqrt(2 / Math.PI) * (value + 0.044715 * value ** 3))),
    quick: (value: number) => value / (1 + Math.exp(-1.702 * value)),
  };
  return Float64Array.from(x, forms[form]);
}

/** `silu(gate) * up` of rows that hold the gate, then up. */
export function swiglu(x: ArrayLike<number>, dim: number): Float64Array {
  return Float64Array.from({ length: x.length / 2 }, (_, i) => {
    const at = Math.floor(i / dim) * 2 * dim + (i % dim);
    const gate = x[at]!;
    return (gate / (1 + Math.exp(-gate))) * x[at + dim]!;
  });
}
