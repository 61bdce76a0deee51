// What kernels share that read a layout's planes [3, rows] (VideoLayout): patch, the place in the frame of each row's token; rank, each
// row's index in the order of patch, then time; order, the row of each rank.

const NONE = 0xffffffffu;  // in patch and rank: the row is no video token; in an assignment: nothing stands for the row
