const HEAD_DIM = 80u;
