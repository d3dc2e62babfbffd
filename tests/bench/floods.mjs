#!/usr/bin/env node
// How long a publish of another client takes while one address floods the server.
// CRIER=target/release/crier tests/bench/floods.mjs [--seconds N] [KIND …]
//
// The flood comes from 127.0.0.2. The other client is a thread at 127.0.0.1 that publishes over a
// WebSocket, one message at a time. The server has its default settings.

import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Worker, isMainThread, parentPort, workerData } from 'node:worker_threads';

const FLOODER = '127.0.0.2';
const SOCKETS = 200;
const PAUSE = 20; // milliseconds between two publishes of the other client: within its rate limit

const upgrade = (port, path) =>
  `GET ${path} HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n` +
  'Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n';

/** A client frame with a mask of zeros. */
function frame(opcode, payload) {
  const bytes = Buffer.from(payload);
  const head = bytes.length < 126 ? [0x80 | opcode, 0x80 | bytes.length] : [0x80 | opcode, 0xfe, bytes.length >> 8, bytes.length & 255];
  return Buffer.concat([Buffer.from([...head, 0, 0, 0, 0]), bytes]);
}

/** Sends `first` and then `load` repeatedly, as fast as the server reads, and discards what arrives. */
function pour(port, first, load) {
  const socket = connect({ port, host: '127.0.0.1', localAddress: FLOODER, noDelay: true });
  const more = () => { while (!socket.destroyed && socket.write(load)); };
  socket.on('connect', () => { socket.write(first); if (load) { socket.on('drain', more); more(); } });
  socket.on('data', () => {});
  socket.on('error', () => {});
  return socket;
}

const many = (count, make) => Array.from({ length: count }, (_, index) => make(index));
const again = (count, load) => Buffer.concat(many(count, () => Buffer.from(load)));
const request = (port, path, more = '') => `GET ${path} HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\n${more}\r\n`;
const post = (port, room, text) =>
  `POST /api/rooms/${room}/messages HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\nContent-Type: text/plain\r\nContent-Length: ${text.length}\r\n\r\n${text}`;

const FLOODS = {
  quiet: () => [],
  'publishes that are refused, by WebSocket': ({ port }) =>
    many(SOCKETS, () => pour(port, upgrade(port, '/ws/flood'), again(500, frame(1, '{"type":"publish","ref":1,"text":"x"}')))),
  'posts that are refused, pipelined': ({ port }) => many(SOCKETS, () => pour(port, '', again(100, post(port, 'flood', 'x')))),
  pings: ({ port }) => many(SOCKETS, () => pour(port, upgrade(port, '/ws/flood'), again(5000, frame(9, '')))),
  'long history, by pages': ({ port, start }) =>
    many(SOCKETS, () => pour(port, '', again(50, request(port, `/api/rooms/long/messages?limit=200&after=${start}`)))),
  'long history, by WebSocket': ({ port, start }) => many(SOCKETS, () => pour(port, upgrade(port, `/ws/long?after=${start}`))),
  'QR codes of long names, pipelined': ({ port }) =>
    many(2, () => pour(port, '', again(50, request(port, `/r/${encodeURIComponent('\u{20000}'.repeat(64))}/qr.svg`)))),
  'pages of hostile texts, pipelined': ({ port }) => many(SOCKETS, () => pour(port, '', again(20, request(port, '/r/hostile')))),
  'pages that do not exist, pipelined': ({ port }) => many(SOCKETS, () => pour(port, '', again(100, request(port, '/nothing')))),
  'looks at random rooms': ({ port }) => {
    let number = 0;
    const looks = () => many(100, () => request(port, `/api/rooms/r${(number += 1)}/events`).replace('GET', 'HEAD')).join('');
    return many(20, () => pour(port, '', Buffer.from(looks())));
  },
  'connections that come and go': ({ port }) => {
    const flood = { open: true, destroy() { this.open = false; } };
    const one = () => {
      if (!flood.open) return;
      const socket = pour(port, upgrade(port, '/ws/flood'));
      socket.once('data', () => socket.resetAndDestroy());
      socket.once('close', one);
    };
    many(SOCKETS, one);
    return [flood];
  },
};

async function startServer(data) {
  const server = spawn(process.env.CRIER ?? 'target/release/crier', ['serve', '--listen', '127.0.0.1:0', '--data', data],
    { stdio: ['ignore', 'pipe', 'inherit'], env: { CRIER_LOG: 'error' } });
  const line = await new Promise((resolve) => server.stdout.once('data', (data) => resolve(String(data))));
  return { server, port: Number(line.match(/:(\d+)\s/)[1]) };
}

/** Fills a long room and a room with texts that are all markup, within the rate limit of one address. */
async function fill(port) {
  const texts = [...many(2000, () => ['long', 'a message of some length '.repeat(6)]), ...many(50, () => ['hostile', '<'.repeat(16_000)])];
  let position;
  for (const [room, text] of texts) {
    const send = () => fetch(`http://127.0.0.1:${port}/api/rooms/${room}/messages`, { method: 'POST', body: text, headers: { 'content-type': 'text/plain' } });
    let answer = await send();
    while (answer.status === 429) {
      await new Promise((resolve) => setTimeout(resolve, 200));
      answer = await send();
    }
    position = (await answer.json()).position;
  }
  return `${position.split(':')[0]}:0`;
}

/** Publishes as the other client. Returns the milliseconds of each publish. */
async function publishes({ port, seconds }) {
  const socket = connect({ port, host: '127.0.0.1', noDelay: true });
  socket.write(upgrade(port, '/ws/others'));
  let published;
  let text = '';
  socket.on('data', (data) => {
    text += data;
    if (text.includes('"published"')) { text = ''; published?.(); }
  });
  const times = [];
  const end = performance.now() + seconds * 1000;
  while (performance.now() < end) {
    const start = performance.now();
    const done = new Promise((resolve) => { published = resolve; });
    socket.write(frame(1, `{"type":"publish","ref":1,"text":"x","key":"${createHash('md5').update(String(start)).digest('hex')}"}`));
    await Promise.race([done, new Promise((resolve) => setTimeout(resolve, 10_000))]);
    times.push(performance.now() - start);
    await new Promise((resolve) => setTimeout(resolve, PAUSE));
  }
  socket.destroy();
  return times;
}

async function main() {
  const [seconds, kinds] = [Number(process.argv[process.argv.indexOf('--seconds') + 1]) || 10, process.argv.slice(2).filter((word) => word in FLOODS)];
  const data = mkdtempSync(join(tmpdir(), 'crier-floods-'));
  const { server, port } = await startServer(join(data, 'data'));
  const start = await fill(port);
  console.log('| flood from one address | p50 ms | p99 ms | longest ms | publishes |\n|---|---|---|---|---|');
  for (const kind of kinds.length > 0 ? kinds : Object.keys(FLOODS)) {
    const floods = FLOODS[kind]({ port, start });
    await new Promise((resolve) => setTimeout(resolve, 1000));
    const worker = new Worker(new URL(import.meta.url), { workerData: { port, seconds } });
    const times = (await new Promise((resolve) => worker.once('message', resolve))).sort((one, other) => one - other);
    const at = (share) => times[Math.min(times.length - 1, Math.floor(times.length * share))].toFixed(1);
    console.log(`| ${kind} | ${at(0.5)} | ${at(0.99)} | ${at(1)} | ${times.length} |`);
    floods.forEach((flood) => flood.destroy());
    await new Promise((resolve) => setTimeout(resolve, 2000));
  }
  server.kill('SIGTERM');
  await new Promise((resolve) => server.once('exit', resolve));
  rmSync(data, { recursive: true });
}

if (isMainThread) await main();
else parentPort.postMessage(await publishes(workerData));
