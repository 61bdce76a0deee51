import '@preact/signals';
import { render } from 'preact';
import { connect } from './engine/connect.ts';
import { App } from './parts/app.tsx';
import { settingsOf } from './state/address.ts';
import { keepForOffline } from './state/offline.ts';
import { Page } from './state/page.ts';
import './style/page.css';

const page = new Page(await connect(), connect, settingsOf(location.href));
render(<App page={page} />, document.getElementById('page')!);
await page.start();
if (page.place.value?.where !== 'server') await keepForOffline();
