// with linear-shared.wgsl
// What linear kernels share that load eight numbers at a time: k is a multiple of eight, and both factors are Vec8
// (vec8/, codec/wide/).

alias Activation = Vec8;
