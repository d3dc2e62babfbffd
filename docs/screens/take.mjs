#!/usr/bin/env node
// Takes screenshots of the release binary's page into docs/screens: two for the README, and for each
// state of the page one sheet with all widths, colour schemes and languages. `make screens` runs it.
//
// `ONLY=offline,wall` takes only these sheets.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const folder = dirname(fileURLToPath(import.meta.url));
const root = join(folder, '../..');
const { default: puppeteer } = await import(join(root, '.tools/node_modules/puppeteer-core/lib/esm/puppeteer/puppeteer-core.js'));
const board = `http://127.0.0.1:${process.env.PORT ?? 5099}`;

const SIZES = [
  { width: 360, height: 760, isMobile: true, hasTouch: true },
  { width: 768, height: 760 },
  { width: 1440, height: 760 },
];
const SCHEMES = ['light', 'dark'];
const LANGUAGES = ['zh-CN', 'en'];
// Of WebP. Text stays readable, and a sheet has about 200 KB.
const QUALITY = 35;

const TALK = [
  ['小明', '大家好，今天的分享三点开始。'],
  ['小明', '问题请直接写在这里，我会一个一个回答。'],
  ['Ada', 'Thanks! Will there be a recording?'],
  ['李雷', '会的。断线也没关系：\n重新连上以后，漏掉的消息会自动补齐。'],
  ['', 'Does it work without WebSocket?'],
  ['Ada', 'It reads and posts even with scripts switched off.'],
  ['小明', '讲义在这里：https://example.org/slides，欢迎提前看。'],
];

async function post(room, author, text) {
  const body = JSON.stringify({ author, text });
  const answer = await fetch(`${board}/api/rooms/${room}/messages`, { method: 'POST', headers: { 'content-type': 'application/json' }, body });
  if (!answer.ok) throw new Error(`${answer.status} for a message in ${room}`);
}

const fill = async (room, count) => {
  for (let n = 1; n <= count; n++) await post(room, ['小明', 'Ada', '李雷'][n % 3], `${n}. 断线也没关系。Nothing is lost.`);
};

const live = async (page, path) => {
  await page.goto(board + path);
  await page.waitForSelector('#connection[data-state=live]');
};

const until = async (ask) => {
  for (let tries = 0; !(await ask()); tries++) {
    if (tries === 200) throw new Error(`never true: ${ask}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
};

const panel = (name) => async (page) => {
  await live(page, '/r/talk');
  await page.evaluate((name) => document.getElementById(name).showPopover(), name);
};

// Each state of the page: how a browser gets there. `room` is a room of its own for this screenshot.
const STATES = {
  messages: (page) => live(page, '/r/talk'),
  empty: (page, room) => live(page, `/r/${room}`),
  missed: async (page, room) => {
    await fill(room, 60);
    await live(page, `/r/${room}`);
    await page.goto('about:blank');
    await fill(room, 120);
    await live(page, `/r/${room}`);
  },
  offline: async (page) => {
    await live(page, '/r/talk');
    await page.setOfflineMode(true);
    await page.evaluate(() => dispatchEvent(new Event('offline')));
    await page.waitForSelector('#connection:not([data-state=live])');
    await page.type('#chat_content', '断线时写的。Written without a connection.');
    await page.keyboard.press('Enter');
    await page.waitForSelector('#outbox > li');
  },
  menu: async (page) => {
    await live(page, '/r/talk');
    await page.focus('#scroller');
    for (const key of ['ArrowUp', 'ArrowUp', 'ArrowUp', 'Enter']) await page.keyboard.press(key);
    await page.waitForSelector('#row_menu:popover-open');
  },
  rooms: panel('rooms'),
  share: panel('share'),
  settings: panel('settings'),
  wall: async (page) => {
    await page.goto(board + '/r/talk/wall');
    await page.waitForSelector('li.message');
  },
  'no-script': async (page) => {
    await page.setJavaScriptEnabled(false);
    // The live view never ends, so loading does not either.
    page.goto(board + '/r/talk').catch(() => {});
    await until(() => page.frames().find((frame) => frame.url().includes('/live'))?.$('li'));
  },
  error: (page) => page.goto(board + '/r/Tea%20Time!'),
  queue: (page) => moderate(page, 'queue'),
  'room-settings': (page) => moderate(page, 'room'),
  bans: (page) => moderate(page, 'bans'),
  keys: (page) => moderate(page, 'keys'),
  'queue-panel': async (page) => {
    await withKey(page);
    await live(page, '/r/hall');
    // On a phone it is a page of its own.
    await Promise.all([page.click('#moderate'), page.viewport().width < 768 && page.waitForNavigation()]);
    // The frame has another document first.
    await until(() => page.frames().find((frame) => frame.url().includes('/moderate'))?.$('.item').catch(() => null));
  },
  key: (page) => page.goto(board + '/key?next=/r/hall'),
  cast: async (page) => {
    await presented(page.browser());
    await watch(page, '/r/show');
  },
  'cast-wall': async (page) => {
    await presented(page.browser());
    await watch(page, '/r/show/wall');
  },
  'cast-choices': async (page, room) => {
    await withScreen(page);
    await live(page, `/r/${room}`);
    await choose(page);
  },
  'cast-live': async (page, room) => {
    await withScreen(page);
    for (const [author, text] of TALK.slice(0, 3)) await post(room, author, text);
    await live(page, `/r/${room}`);
    await present(page);
    await until(() => page.evaluate(() => document.querySelector('#cast_live video').videoWidth > 0));
  },
};

// A screen to show: a slide.
const withScreen = (page) =>
  page.evaluateOnNewDocument(() => {
    const canvas = Object.assign(document.createElement('canvas'), { width: 1280, height: 720 });
    const context = canvas.getContext('2d');
    const write = (text, size, top) => ((context.font = `${size}px Georgia, "Noto Serif CJK SC", serif`), context.fillText(text, 90, top));
    setInterval(() => {
      context.fillStyle = '#fffdf8';
      context.fillRect(0, 0, 1280, 720);
      context.fillStyle = '#b4341f';
      context.fillRect(0, 0, 24, 720);
      context.fillStyle = '#221d17';
      write('断线也没关系', 84, 210);
      write('Nothing is lost', 64, 310);
      write('1. 每条消息先落盘，再送出', 40, 430);
      write('2. Every reader has a position', 40, 500);
      write('3. 重新连上以后，从那里继续', 40, 570);
    }, 100);
    navigator.mediaDevices.getDisplayMedia = async () => canvas.captureStream(10);
  });

const choose = async (page) => {
  await page.click('.bar [popovertarget=share]');
  await page.click('#present');
  await page.waitForSelector('#cast_choices[open]');
};

const present = async (page) => {
  await choose(page);
  await page.click('#cast_choices .primary');
  await page.waitForSelector('#cast_live');
};

const watch = async (page, path) => {
  await page.goto(board + path);
  await page.waitForSelector('#cast[data-state=live] canvas:not([hidden])');
  await page.waitForSelector('li.message');
};

// One presenter for all screenshots of viewers.
let presenting;
const presented = (browser) => (presenting ??= beginCast(browser));
async function beginCast(browser) {
  for (const [author, text] of TALK) await post('show', author, text);
  const page = await (await browser.createBrowserContext()).newPage();
  await withScreen(page);
  await live(page, '/r/show');
  await page.evaluate(() => (document.getElementById('author').value = '小明'));
  await present(page);
}

const withKey = (page) => page.browserContext().setCookie({ name: `key_${admin.id}`, value: admin.key, url: board, domain: '127.0.0.1', path: '/' });

const moderate = async (page, part) => {
  await withKey(page);
  await page.goto(`${board}/r/hall/moderate?show=${part}`);
};

// Trades the link of the first start for an admin's key, and fills a room with a queue.
let admin;
async function claim() {
  await until(() => printed.includes('#claim='));
  const code = printed.match(/#claim=([\w-]+)/)[1];
  const ask = async (path, body) => {
    const headers = { 'content-type': 'application/json', ...(admin && { authorization: `Bearer ${admin.key}` }) };
    const answer = await fetch(board + path, { method: 'POST', headers, body: JSON.stringify(body) });
    if (!answer.ok) throw new Error(`${answer.status} for ${path}: ${await answer.text()}`);
    return answer.json();
  };
  admin = await ask('/key', { key: code });
  await ask('/api/rooms/hall/messages', { kind: 'room', settings: { title: 'Q&A 提问', topic: '请在这里提问 / Ask here', queue: true, slow: 10 } });
  await ask('/api/rooms/hall/messages', { text: '欢迎！问题经主持人通过后显示。Welcome! Questions appear once a host approves them.', author: '主持人' });
  await ask('/api/admin/keys', { rights: 'moderate', rooms: 'hall', label: '李雷' });
  await ask('/api/admin/keys', { rights: 'post', rooms: 'team-*', label: 'CI bot' });
  await ask('/api/admin/bans', { address: '192.0.2.7', reason: '广告 spam' });
  for (const [author, text] of TALK) {
    const headers = { 'content-type': 'application/json', 'crier-identity': String(text.length).padStart(42, '0') + 'A' };
    await fetch(`${board}/api/rooms/hall/messages`, { method: 'POST', headers, body: JSON.stringify({ author, text }) });
  }
}

// Takes one screenshot in a browser without a past.
async function take(browser, state, size, scheme, language, name) {
  const context = await browser.createBrowserContext();
  const page = await context.newPage();
  await page.setViewport({ deviceScaleFactor: 1, ...size });
  await page.setExtraHTTPHeaders({ 'accept-language': language });
  const cookies = Object.entries({ scheme, lang: language });
  await context.setCookie(...cookies.map(([name, value]) => ({ name, value, url: board, domain: '127.0.0.1', path: '/' })));
  await STATES[state](page, name);
  // Transitions end.
  await page.evaluate(() => Promise.all(document.getAnimations().map((one) => one.finished.catch(() => {})))).catch(() => {});
  const image = await page.screenshot({ type: 'png' });
  await context.close();
  return image;
}

// Joins the screenshots of a state: a row for each scheme and language, a column for each width.
async function sheet(browser, images) {
  const page = await browser.newPage();
  const gap = 16;
  const width = SIZES.reduce((sum, size) => sum + size.width + gap, gap);
  const rows = images.map((row) => `<p>${row.map((one) => `<img src="data:image/png;base64,${Buffer.from(one).toString('base64')}">`).join('')}</p>`);
  await page.setViewport({ width, height: images.length * (SIZES[0].height + gap) + gap });
  await page.setContent(`<style>body { margin: ${gap}px 0 0 ${gap}px; background: #888 } p { display: flex; gap: ${gap}px; margin: 0 0 ${gap}px }</style>${rows.join('')}`);
  const image = await page.screenshot({ type: 'webp', quality: QUALITY });
  await page.close();
  return image;
}

const data = mkdtempSync(join(tmpdir(), 'crier-screens-'));
const crier = process.env.CRIER ?? join(root, 'target/release/crier');
const limits = ['--publishes-per-second', '5000', '--publishes-burst', '100000'];
const server = spawn(crier, ['serve', '--listen', board.slice(7), '--data', join(data, 'data'), ...limits], { stdio: ['ignore', 'pipe', 'ignore'] });
let printed = '';
server.stdout.on('data', (chunk) => (printed += chunk));
try {
  // The server prints its address when it listens.
  await Promise.race([once(server.stdout, 'data'), once(server, 'exit').then(() => Promise.reject(new Error(`${crier} does not start`)))]);
  for (const [author, text] of TALK) await post('talk', author, text);
  await claim();
  const executablePath = ['chromium', 'google-chrome', 'chromium-browser'].map((name) => `/usr/bin/${name}`).find(existsSync);
  const browser = await puppeteer.launch({ executablePath, userDataDir: join(data, 'profile'), args: ['--no-sandbox', '--disable-gpu', '--hide-scrollbars'] });
  for (const state of process.env.ONLY?.split(',') ?? Object.keys(STATES)) {
    const images = [];
    for (const scheme of SCHEMES) {
      for (const language of LANGUAGES) {
        const row = [];
        for (const size of SIZES) row.push(await take(browser, state, size, scheme, language, `${state}-${size.width}-${scheme}-${language.toLowerCase()}`));
        images.push(row);
      }
    }
    writeFileSync(join(folder, `${state}.webp`), await sheet(browser, images));
    // For the README.
    if (state === 'messages') {
      writeFileSync(join(folder, 'desktop-light-zh-CN.png'), images[0][2]);
      writeFileSync(join(folder, 'phone-dark-en.png'), images[3][0]);
    }
    console.log(`docs/screens/${state}.webp`);
  }
  await browser.close();
} finally {
  if (server.kill()) await once(server, 'exit');
  rmSync(data, { recursive: true, force: true });
}
