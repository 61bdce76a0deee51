const HEAD_DIM = 64u;
