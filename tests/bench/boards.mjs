// The boards that are compared, and how to start each.
import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

export const root = resolve(dirname(fileURLToPath(import.meta.url)), '../..');
const peers = join(root, 'tests/bench/peers');
const tools = join(root, '.tools/bench');
const built = join(root, 'target/bench/release');
export const crier = process.env.CRIER ?? join(root, 'target/release/crier');
const START_SECONDS_MAX = 20;

// A board without `command` is Crier: `crier bench` starts it.
export const boards = {
  crier: { name: 'Crier', step: null, needs: crier },
  'crier-memory': { name: 'Crier, its history on a RAM disk', step: null, needs: crier, args: ['--data', '/dev/shm'] },
  'crier-streams': { name: 'Crier, event streams', step: null, needs: crier, args: ['--transport', 'sse'] },
  'crier-paced': { name: 'Crier, `--flush-interval 2`', step: null, needs: crier, serve: ['--flush-interval', '2'] },
  floor: {
    name: 'floor: a loop of `send()`', step: 'rust', needs: join(built, 'floor'),
    command: (port) => [join(built, 'floor'), port], url: (port) => `ws://127.0.0.1:${port}/`,
  },
  'floor-batch': {
    name: 'floor: one `send()` per batch', step: 'rust', needs: join(built, 'floor'),
    command: (port) => [join(built, 'floor'), port, 'batch'], url: (port) => `ws://127.0.0.1:${port}/`,
  },
  axum: {
    name: 'axum 0.8.9 + `tokio::sync::broadcast`', step: 'rust', needs: join(built, 'axum_board'),
    command: (port) => [join(built, 'axum_board'), port], url: (port) => `ws://127.0.0.1:${port}/`,
  },
  ws: {
    name: 'node `ws` 8.23.0', step: 'node', needs: join(tools, 'node/node_modules/ws'),
    command: (port) => [process.execPath, join(tools, 'node/ws.mjs'), port], url: (port) => `ws://127.0.0.1:${port}/`,
    prepare: () => copy('node/ws.mjs'),
  },
  'socket.io': {
    name: 'Socket.IO 4.8.4', step: 'node', needs: join(tools, 'node/node_modules/socket.io'), peer: 'socket.io',
    command: (port) => [process.execPath, join(tools, 'node/socket_io.mjs'), port],
    url: (port) => `ws://127.0.0.1:${port}/socket.io/?EIO=4&transport=websocket`,
    prepare: () => copy('node/socket_io.mjs'),
  },
  flask: {
    name: 'the demo: Flask 3.1.3 + gevent-websocket 0.10.1', step: 'flask', needs: join(tools, 'flask/bin/python'),
    command: (port) => [join(tools, 'flask/bin/python'), join(peers, 'flask/board.py'), port],
    url: (port) => `ws://127.0.0.1:${port}/message/`,
  },
  uws: {
    name: 'uWebSockets, of socketify 0.0.31', step: 'uwebsockets', needs: join(tools, 'uwebsockets/board'),
    command: (port) => [join(tools, 'uwebsockets/board'), port],
    url: (port) => `ws://127.0.0.1:${port}/`, libraries: join(tools, 'libuv/usr/lib'),
  },
  nchan: {
    name: 'nginx + nchan, Debian\'s', step: 'nchan', needs: join(tools, 'nchan/usr/sbin/nginx'),
    command: (port, folder) => [join(tools, 'nchan/usr/sbin/nginx'), '-p', folder, '-c', fill('nchan/nginx.conf', folder, {
      FOLDER: folder, PORT: port, MODULE: join(tools, 'nchan/usr/lib/nginx/modules/ngx_nchan_module.so'),
    })],
    url: (port) => `ws://127.0.0.1:${port}/`,
  },
  nats: {
    name: 'NATS, Debian\'s, by WebSocket', step: 'nats', needs: join(tools, 'nats/usr/sbin/nats-server'), peer: 'nats',
    command: (port, folder) => [join(tools, 'nats/usr/sbin/nats-server'), '-c', fill('nats/nats.conf', folder, { PORT: port })],
    url: (port) => `ws://127.0.0.1:${port}/`,
  },
};

// Node resolves packages from the program's folder.
function copy(path) {
  writeFileSync(join(tools, path), readFileSync(join(peers, path)));
}

function fill(path, folder, values) {
  let text = readFileSync(join(peers, path), 'utf8').replace(/^#.*\n/, '');
  for (const [word, value] of Object.entries(values)) text = text.replaceAll(word, value);
  const filled = join(folder, 'settings.conf');
  writeFileSync(filled, text);
  return filled;
}

export function isInstalled(board) {
  return existsSync(board.needs);
}

function freePort() {
  return new Promise((done) => {
    const server = createServer().listen(0, '127.0.0.1', () => {
      const { port } = server.address();
      server.close(() => done(port));
    });
  });
}

function listens(port) {
  return new Promise((done) => {
    const socket = connect(port, '127.0.0.1', () => {
      socket.destroy();
      done(true);
    });
    socket.on('error', () => done(false));
  });
}

// Debian has a library folder per architecture.
function environment({ libraries }) {
  if (!libraries || !existsSync(libraries)) return process.env;
  return { ...process.env, LD_LIBRARY_PATH: readdirSync(libraries).map((folder) => join(libraries, folder)).join(':') };
}

const running = new Set();
process.on('exit', () => running.forEach((child) => child.kill('SIGKILL')));

// Starts a peer on the first processor, as `crier bench` starts Crier.
export async function start(board) {
  const folder = mkdtempSync(join(tmpdir(), 'crier-bench-peer-'));
  mkdirSync(folder, { recursive: true });
  board.prepare?.();
  const port = await freePort();
  const command = board.command(String(port), folder);
  const child = spawn('taskset', ['-c', '0', ...command], { stdio: ['ignore', 'ignore', 'pipe'], env: environment(board) });
  running.add(child);
  let said = '';
  child.stderr.on('data', (text) => (said = (said + text).slice(-2000)));
  let ended = false;
  const end = new Promise((done) => child.on('exit', () => done((ended = true))));
  const stop = async () => {
    child.kill('SIGKILL');
    await end;
    running.delete(child);
    rmSync(folder, { recursive: true, force: true });
  };
  // The floor's first connection must be the publisher's, so it gets none for trial.
  const isFloor = board.needs.endsWith('/floor');
  const until = Date.now() + START_SECONDS_MAX * 1000;
  while (!(isFloor ? isListening(port) : await listens(port))) {
    if (ended || Date.now() > until) {
      await stop();
      throw new Error(`it did not start: ${said.trim()}`);
    }
    await new Promise((done) => setTimeout(done, 20));
  }
  return { url: board.url(port), pid: child.pid, stop };
}

function isListening(port) {
  const wanted = `0100007F:${port.toString(16).toUpperCase().padStart(4, '0')} 00000000:0000 0A`;
  return readFileSync('/proc/net/tcp', 'utf8').includes(wanted);
}
