const M = 16u; const N = 16u; const K = 16u; const LANES = 32u;
