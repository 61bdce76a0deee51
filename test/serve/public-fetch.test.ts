import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect } from 'chai';
import { publicFetch, type Resolve } from '../../serve/public-fetch.ts';
import { rejection } from '../helpers/errors.ts';

/** What stands for the internet: tests have no other address. */
const PUBLIC = '127.0.0.1';
const isPublic = (address: string): boolean => address === PUBLIC;

/** A name server that says each time something else, and at last always the same. */
function answering(...answers: readonly (readonly string[])[]): Resolve & { readonly asked: string[] } {
  const asked: string[] = [];
  const resolve: Resolve = (host, _, done) => {
    const answer = answers[Math.min(asked.push(host), answers.length) - 1]!;
    done(
      null,
      answer.map((address) => ({ address, family: address.includes(':') ? 6 : 4 })),
    );
  };
  return Object.assign(resolve, { asked });
}

/** The innermost reason of a failure. */
async function reasonOf(failing: Promise<unknown>): Promise<unknown> {
  let reason: unknown = await rejection(failing);
  while (reason instanceof Error && reason.cause !== undefined) reason = reason.cause;
  return reason;
}

describe('fetching from public addresses only', () => {
  let server: Server;
  let port: number;
  let paths: string[];
  before(async () => {
    server = createServer(({ url = '' }, response) => {
      paths.push(url);
      response.setHeader('connection', 'close'); // the next request resolves the name anew
      if (url === '/away') response.writeHead(302, { location: '/secret' });
      response.end('public');
    }).listen(0, PUBLIC);
    await once(server, 'listening');
    port = (server.address() as AddressInfo).port;
  });
  beforeEach(() => {
    paths = [];
  });
  after(() => server.close());

  it('connects to the address that was looked at, though the name means a private one a moment later', async () => {
    const resolve = answering([PUBLIC], ['10.0.0.1']);
    const fetch = publicFetch(isPublic, resolve);
    const url = new URL(`http://rebound.test:${port}/`);
    expect(await (await fetch(url)).text()).to.equal('public');
    expect(resolve.asked).to.deep.equal(['rebound.test']);
    expect(await reasonOf(fetch(url))).to.include({ status: 403, code: 'address_not_allowed' });
    expect(resolve.asked).to.deep.equal(['rebound.test', 'rebound.test']);
    expect(paths).to.deep.equal(['/']);
  });

  it('looks again where a redirect leads to the same name, which means a private address by then', async () => {
    const fetch = publicFetch(isPublic, answering([PUBLIC], ['127.0.0.2']));
    const error = await reasonOf(fetch(new URL(`http://rebound.test:${port}/away`)));
    expect(error).to.include({ status: 403, message: 'rebound.test: only public addresses are fetched.' });
    expect(paths).to.deep.equal(['/away']);
  });

  it('refuses a name of several addresses where any is private', async () => {
    for (const inner of ['192.168.0.7', '::1', 'fd00::1', '169.254.169.254', '::ffff:10.0.0.1']) {
      const fetch = publicFetch(isPublic, answering([PUBLIC, inner]));
      expect(await reasonOf(fetch(new URL(`http://both.test:${port}/`))), inner).to.include({ status: 403 });
    }
    expect(paths).to.deep.equal([]);
  });

  it('refuses names of this machine and its network where nobody says what is public', async () => {
    const refused = { status: 403, code: 'address_not_allowed' };
    for (const inner of [PUBLIC, '10.0.0.1', 'fe80::1']) {
      const fetch = publicFetch(undefined, answering([inner]));
      expect(await reasonOf(fetch(new URL(`http://mine.test:${port}/`))), inner).to.include(refused);
    }
    for (const scheme of ['http', 'https'])
      expect(await reasonOf(publicFetch()(new URL(`${scheme}://localhost:${port}/`)))).to.include(refused);
    expect(paths).to.deep.equal([]);
  });
});
