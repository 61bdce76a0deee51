import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { homedir, tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { InputError } from '../../engine/errors.ts';
import { hubSettings } from '../../hub/settings.ts';

describe('the environment of Hugging Face tools', () => {
  it('says where the cache is, as for Python', () => {
    const at = (env: Record<string, string>) => hubSettings({}, env).cacheDir;
    expect(at({})).to.equal(join(homedir(), '.cache', 'huggingface', 'hub'));
    expect(at({ HF_HOME: '', HF_HUB_CACHE: '' })).to.equal(at({}));
    expect(at({ XDG_CACHE_HOME: '/x' })).to.equal('/x/huggingface/hub');
    expect(at({ HF_HOME: '/h', XDG_CACHE_HOME: '/x' })).to.equal('/h/hub');
    expect(at({ HF_HOME: '/h', HUGGINGFACE_HUB_CACHE: '/old' })).to.equal('/old');
    expect(at({ HF_HOME: '/h', HUGGINGFACE_HUB_CACHE: '/old', HF_HUB_CACHE: '/c' })).to.equal('/c');
    expect(at({ HF_HUB_CACHE: '~/c' })).to.equal(join(homedir(), 'c'));
    // biome-ignore lint/suspicious/noTemplateCurlyInString: what a user may write
    expect(at({ HF_HUB_CACHE: '$DISK/${WHO}/$NOBODY', DISK: '/d', WHO: 'me' })).to.equal('/d/me/$NOBODY');
    expect(hubSettings({ cacheDir: '/o' }, { HF_HUB_CACHE: '/c' }).cacheDir).to.equal('/o');
  });

  it('says which hub, offline or not, links or copies, and how long a silence may last', () => {
    expect(hubSettings({}, {})).to.include({ endpoint: 'https://huggingface.co', offline: false, symlinks: true });
    expect(hubSettings({}, { HF_ENDPOINT: 'http://mirror:80/hf//' }).endpoint).to.equal('http://mirror:80/hf');
    expect(() => hubSettings({}, { HF_ENDPOINT: 'mirror' })).to.throw(InputError, 'HF_ENDPOINT');
    for (const yes of ['1', 'on', 'YES', 'True'])
      expect(hubSettings({}, { HF_HUB_OFFLINE: yes }).offline).to.equal(true);
    for (const no of ['', '0', 'no']) expect(hubSettings({}, { HF_HUB_OFFLINE: no }).offline).to.equal(false);
    expect(hubSettings({}, { TRANSFORMERS_OFFLINE: '1' }).offline).to.equal(true);
    expect(hubSettings({ offline: false }, { HF_HUB_OFFLINE: '1' }).offline).to.equal(false);
    expect(hubSettings({}, { HF_HUB_DISABLE_SYMLINKS: '1' }).symlinks).to.equal(false);
    expect(hubSettings({}, { HF_HUB_DOWNLOAD_TIMEOUT: '7' }).timing.stallMs).to.equal(7000);
  });

  it('waits for as long as a timer can, and not for a millisecond, where it is told to wait for longer', () => {
    for (const seconds of ['1e10', '2147484', 'Infinity'])
      expect(hubSettings({}, { HF_HUB_DOWNLOAD_TIMEOUT: seconds }).timing.stallMs).to.equal(2 ** 31 - 1);
  });

  it('never shows a password that HF_ENDPOINT holds', () => {
    for (const address of [
      'https://me:secret@hub.example/hf',
      'http://secret@hub',
      'htps://me:secret@hub',
      '//me:se/cret@x',
      'me:secret@hub',
    ])
      expect(() => hubSettings({}, { HF_ENDPOINT: address }), address)
        .to.throw(InputError, /^HF_ENDPOINT: /)
        .with.property('message')
        .that.does.not.match(/secret|cret/);
  });

  it('says who asks: a variable, then the file of a login', async () => {
    const home = await mkdtemp(join(tmpdir(), 'ff-token-'));
    try {
      await writeFile(join(home, 'token'), 'hf_file\n');
      await writeFile(join(home, 'other'), 'hf_other');
      const token = (env: Record<string, string>) => hubSettings({}, { HF_HOME: home, ...env }).token;
      expect(token({})).to.equal('hf_file');
      expect(token({ HF_TOKEN_PATH: join(home, 'other') })).to.equal('hf_other');
      expect(token({ HF_TOKEN: ' hf_env\n' })).to.equal('hf_env');
      expect(token({ HF_TOKEN: ' ', HUGGING_FACE_HUB_TOKEN: 'hf_old' })).to.equal('hf_old');
      expect(token({ HF_TOKEN: 'hf_env', HF_HUB_DISABLE_IMPLICIT_TOKEN: '1' })).to.equal(undefined);
      expect(hubSettings({ token: 'hf_mine' }, { HF_TOKEN: 'hf_env' }).token).to.equal('hf_mine');
      expect(hubSettings({ token: false }, { HF_TOKEN: 'hf_env' }).token).to.equal(undefined);
      expect(hubSettings({}, { HF_HOME: join(home, 'nowhere') }).token).to.equal(undefined);
      expect(() => token({ HF_TOKEN: 'two words' }))
        .to.throw(InputError)
        .with.property('message')
        .not.includes('words,');
    } finally {
      await rm(home, { recursive: true });
    }
  });
});
