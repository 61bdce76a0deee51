const HEAD_DIM = 256u;
