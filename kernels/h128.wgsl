const HEAD_DIM = 128u;
