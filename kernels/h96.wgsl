const HEAD_DIM = 96u;
