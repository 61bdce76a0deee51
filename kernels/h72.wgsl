const HEAD_DIM = 72u;
