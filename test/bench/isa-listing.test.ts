/** What bench:isa reads off an assembly listing, on listings of a few lines. */
import { expect } from 'chai';
import { hotLoop, parseListings } from '../../bench/isa/listing.ts';

/** A listing as the driver writes it; instructions of blocks, from BB0 on. */
function listing(id: string, lanes: number, blocks: readonly (readonly string[])[]): string {
  const lines = blocks.flatMap((instructions, i) => [`BB${i}:`, ...instructions.map((one) => `\t${one} ; 00000000`)]);
  return [`### ${id}`, `=== subgroup ${lanes}`, 'stat VGPRs: 96', '', '--- Assembly', ...lines, ''].join('\n');
}

describe('a listing of bench:isa', () => {
  it('names its kernel, the lanes of a wave and what the compiler counted', () => {
    const [one] = parseListings(listing('gelu computeDtype=f16', 64, [['s_endpgm']]));
    expect(one).to.deep.include({ id: 'gelu computeDtype=f16', lanes: 64, statistics: { VGPRs: 96 } });
  });

  it('leaves out what was asked for and not compiled', () => {
    expect(parseListings(`### nothing\n${listing('gelu', 32, [['s_endpgm']])}`).map(({ id }) => id)).to.deep.equal([
      'gelu',
    ]);
  });

  it('is hottest in the inner of two loops whose passes hang on the job, with loops of a fixed length as often as they run', () => {
    const [one] = parseListings(
      listing('attention', 32, [
        ['v_mov_b32 v1, 0'],
        ['v_fma_f32 v2, v3, v4, v2'], // once for a change of the reference
        ['buffer_load_b128 v[4:7], v0, s[4:7], 0 offen', 's_mov_b32 s20, 0'], // a tile
        ['v_pk_fma_f16 v2, v3, v4, v2', 's_add_i32 s20, s20, 1', 's_cmp_lt_i32 s20, 4', 's_cbranch_scc1 BB3'],
        [
          's_delay_alu instid0(VALU_DEP_1)',
          'v_wmma_f32_16x16x16_f16 v[8:15], v[0:7], v[0:7], v[8:15]',
          's_cbranch_scc0 BB2',
        ],
        ['buffer_store_b64 v[0:1], v2, s[4:7], 0 offen', 's_cbranch_scc0 BB1'],
        ['s_endpgm'],
      ]),
    );
    const { instructions, multiplyAdds, matrixInstructions, loads, stores } = hotLoop(one!);
    // 2 + 4 x 4 + 2, the hint left out; two products of a lane by a packed instruction, and 16^3 / 32 by a matrix.
    expect({ instructions, multiplyAdds, matrixInstructions, loads, stores }).to.deep.equal({
      instructions: 20,
      multiplyAdds: 4 * 2 + 128,
      matrixInstructions: 1,
      loads: { 16: 1 },
      stores: {},
    });
  });

  it('is all of a kernel without loops', () => {
    const [one] = parseListings(
      listing('copy', 64, [
        ['global_load_dwordx2 v[0:1], v2, s[0:1]', 'global_store_dwordx4 v2, v[4:7], s[0:1]', 's_endpgm'],
      ]),
    );
    expect(hotLoop(one!)).to.deep.include({ instructions: 3, loads: { 8: 1 }, stores: { 16: 1 } });
  });
});
