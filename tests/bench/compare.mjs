#!/usr/bin/env node
// Measures Crier and its peers and prints tables of medians. Rounds are interleaved (A B A B …) and
// every ratio is of figures of the same round, because a machine drifts by more than boards differ.
// `--write` writes the tables into docs/performance.md.
//
// `ROUNDS=5` sets the rounds, `ONLY=crier,floor` the boards, `PARTS=field,growth` the tables. Each
// round starts new servers.
import { spawnSync } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { availableParallelism, cpus, loadavg, release } from 'node:os';
import { join } from 'node:path';
import { boards, crier, root } from './boards.mjs';
import { ROUNDS, inTurn, medianOf as of, notes, ratio, say, shown, skipped, table, turnByTurn } from './rounds.mjs';

const PARTS = process.env.PARTS?.split(',') ?? ['field', 'single', 'paced', 'growth', 'streams', 'crier'];
const BUSY_LOAD_MIN = 0.7;
// A part begins no other round after its share of this, so everything ends within twelve minutes on
// a slow machine too.
const SECONDS_MAX = Number(process.env.SECONDS_MAX ?? 720);
const ENDS = { field: 0.32, single: 0.53, paced: 0.62, growth: 0.82, streams: 0.9, crier: 1 };
// uWebSockets without libuv, measured on another day beside the same floor. See
// docs/performance.md.
const QUOTED = { name: 'uWebSockets, quoted', single: 1.0, burst: 1.18, growth: 1.58, bytes: 469, connect: 23 };

// What the parts have measured, for the table of targets.
const measured = {};
const began = Date.now();
const endOf = (part, share = 1) => {
  const before = Object.values(ENDS)[Object.keys(ENDS).indexOf(part) - 1] ?? 0;
  return began + (before + (ENDS[part] - before) * share) * SECONDS_MAX * 1000;
};
const cpu = (phase) => phase.server_cpu_us_per_delivery;

async function field() {
  const keys = ['floor', 'floor-batch', 'uws', 'crier', 'crier-memory', 'axum', 'ws', 'socket.io', 'nchan', 'nats', 'flask'];
  const figures = ({ phases: [single, burst], memory, connects: [connects] }) => ({
    single: cpu(single), burst: cpu(burst), bytes: memory.per_connection_bytes, connect: connects.server_cpu_us,
    p99: single.latency.p99_ms, rate: burst.deliveries_per_second,
  });
  const taken = await inTurn('1,000 subscribers', keys, 'fan-out', ['--subscribers', '1000', '--batch', '1,32', '--seconds', '1'], figures, endOf('field'));
  measured.field = taken;
  const rows = keys.filter((key) => taken[key].some(Boolean)).map((key) => [
    boards[key].name, shown(of(taken[key], 'single')), shown(ratio(taken[key], taken.floor, 'single')),
    shown(of(taken[key], 'burst'), 3), shown(ratio(taken[key], taken['floor-batch'], 'burst')),
    shown(of(taken[key], 'rate'), 0), shown(of(taken[key], 'p99'), 1), shown(of(taken[key], 'bytes'), 0), shown(of(taken[key], 'connect'), 0),
  ]);
  rows.push([QUOTED.name, '—', shown(QUOTED.single), '—', shown(QUOTED.burst), '—', '—', shown(QUOTED.bytes, 0), shown(QUOTED.connect, 0)]);
  const head = ['1,000 subscribers, 128-byte texts', 'CPU µs a delivery, one message at a time', '÷ floor', 'CPU µs a delivery, 32 at a time', '÷ batched floor',
    'deliveries/s, 32 at a time', 'p99 ms, one at a time', 'bytes an idle connection', 'CPU µs a connect'];
  return table(head, rows);
}

async function single() {
  const keys = ['floor', 'uws', 'crier'];
  const taken = await turnByTurn('1,000 subscribers, turn by turn', keys, 'fan-out', ['--subscribers', '1000'], ({ phases: [phase] }) => ({ cpu: cpu(phase) }), endOf('single'));
  measured.single = taken;
  const rows = keys.filter((key) => taken[key].some(Boolean)).map((key) => [boards[key].name, shown(of(taken[key], 'cpu')), shown(ratio(taken[key], taken.floor, 'cpu'))]);
  return table(['1,000 subscribers, one message at a time, turn by turn', 'CPU µs a delivery', '÷ floor'], rows);
}

async function paced() {
  const keys = ['floor', 'uws', 'crier', 'crier-paced', 'axum', 'ws'];
  const figures = ({ phases: [phase] }) => ({ cpu: cpu(phase), p50: phase.latency.p50_ms, p99: phase.latency.p99_ms });
  const taken = await inTurn('1,000 messages/s to 100', keys, 'fan-out', ['--subscribers', '100', '--rate', '1000', '--seconds', '2'], figures, endOf('paced'));
  measured.paced = taken;
  const rows = keys.filter((key) => taken[key].some(Boolean)).map((key) => [
    boards[key].name, shown(of(taken[key], 'cpu')), shown(ratio(taken[key], taken.floor, 'cpu')), shown(of(taken[key], 'p50')), shown(of(taken[key], 'p99')),
  ]);
  return table(['1,000 messages/s to 100 subscribers', 'CPU µs a delivery', '÷ floor', 'p50 ms', 'p99 ms'], rows);
}

async function growth() {
  const [keys, sizes] = [['floor', 'uws', 'crier', 'axum'], [10, 100, 1000, 10000]];
  const taken = {};
  for (const [index, size] of sizes.entries()) {
    const figures = ({ phases: [phase], memory }) => ({ cpu: cpu(phase), p99: phase.latency.p99_ms, bytes: memory.per_connection_bytes });
    taken[size] = await inTurn(`${size} subscribers`, keys, 'fan-out', ['--subscribers', String(size), '--seconds', '1'], figures, endOf('growth', [0.18, 0.36, 0.56, 1][index]));
  }
  measured.growth = taken;
  const rows = keys.filter((key) => sizes.some((size) => taken[size][key].some(Boolean))).map((key) => {
    const by = (size) => of(taken[size][key], 'cpu');
    const grown = by(10000) && by(100) ? by(10000) / by(100) : null;
    return [boards[key].name, ...sizes.map((size) => shown(by(size))), shown(grown), shown(of(taken[10000][key], 'p99'), 0), shown(of(taken[10000][key], 'bytes'), 0)];
  });
  rows.push([QUOTED.name, '—', '—', '—', '—', shown(QUOTED.growth), '—', '—']);
  const head = ['CPU µs a delivery, one message at a time, to', ...sizes.map((size) => shown(size, 0)), '10,000 ÷ 100', 'p99 ms at 10,000', 'bytes an idle connection at 10,000'];
  return table(head, rows);
}

// Crier's event streams beside its WebSockets.
async function streams() {
  const keys = ['crier', 'crier-streams'];
  const figures = ({ phases: [single, burst] }) => ({ single: cpu(single), burst: cpu(burst) });
  const args = ['--subscribers', '1000', '--batch', '1,32', '--seconds', '1'];
  const busy = await inTurn('event streams', keys, 'fan-out', args, figures, endOf('streams', 0.6));
  const bytes = ({ memory }) => ({ bytes: memory.per_connection_bytes });
  const idle = await inTurn('idle event streams', keys, 'idle', ['--connections', '10000', '--seconds', '0.1'], bytes, endOf('streams'));
  const [ws, sse] = keys;
  measured.streams = {
    single: ratio(busy[sse], busy[ws], 'single'), burst: ratio(busy[sse], busy[ws], 'burst'), bytes: of(idle[sse], 'bytes'), socketBytes: of(idle[ws], 'bytes'),
  };
  const row = (key) => [
    boards[key].name, shown(of(busy[key], 'single')), shown(ratio(busy[key], busy[ws], 'single')), shown(of(busy[key], 'burst'), 3),
    shown(ratio(busy[key], busy[ws], 'burst')), shown(of(idle[key], 'bytes'), 0),
  ];
  const head = ['1,000 subscribers, 128-byte texts', 'CPU µs a delivery, one message at a time', '÷ WebSocket', 'CPU µs a delivery, 32 at a time', '÷ WebSocket',
    'bytes an idle connection, 10,000 of them'];
  return table(head, keys.map(row));
}

// What only Crier has or promises.
async function own() {
  let calls = 0;
  const alone = async (title, scenario, args, figures, rounds) =>
    (await inTurn(title, ['crier'], scenario, args, figures, endOf('crier', [0.2, 0.4, 0.5, 0.6, 1][calls++]), rounds)).crier;
  const phase = ({ phases: [figures] }) => ({ rate: figures.acknowledged_per_second, cpu: cpu(figures), p50: figures.latency?.p50_ms, p99: figures.latency?.p99_ms });
  const many = await alone('durable, 64 publishers', 'publish', ['--connections', '64', '--seconds', '2'], phase);
  const one = await alone('durable, one connection', 'publish', ['--connections', '1', '--in-flight', '64', '--seconds', '2'], phase);
  const pages = await alone('pages', 'pages', ['--seconds', '2'], ({ phases: [all] }) => ({ rate: 1e6 / cpu(all), p50: all.latency.p50_ms }));
  // On all processors, shared with the load.
  const wide = await alone('10,000 subscribers, all processors', 'fan-out', ['--subscribers', '10000', '--unpinned', '--seconds', '1'],
    ({ phases: [phase] }) => ({ p50: phase.latency.p50_ms, p99: phase.latency.p99_ms }));
  // One stall of the disk decides the p99 of a run, so the ratio needs more rounds.
  const slow = await alone('slow readers', 'slow', ['--subscribers', '200', '--bytes', '1024', '--rate', '1000', '--seconds', '2'],
    ({ phases: [all, some] }) => ({ all: all.latency.p99_ms, some: some.latency.p99_ms, ratio: some.latency.p99_ms / all.latency.p99_ms, growth: some.memory_growth_bytes / 1e6 }),
    3 * ROUNDS);
  const line = (what, figure, command) => [what, figure, `\`crier bench ${command}\``];
  measured.crier = { many, one, slow, pages, wide };
  return table(['Crier', 'figure', 'command'], [
    line('durable publish, 64 connections with one message in flight each', `${shown(of(many, 'rate'), 0)} acknowledged/s, p99 ${shown(of(many, 'p99'), 1)} ms`, 'publish --connections 64'),
    line('durable publish, one connection with 64 in flight', `${shown(of(one, 'rate'), 0)} acknowledged/s, p99 ${shown(of(one, 'p99'), 1)} ms`, 'publish --connections 1 --in-flight 64'),
    line('pages of 50 messages, rendered', `${shown(of(pages, 'rate'), 0)} for each second of one processor`, 'pages'),
    line('one message to 10,000, the server on all processors', `p50 ${shown(of(wide, 'p50'), 0)} ms, p99 ${shown(of(wide, 'p99'), 0)} ms`, 'fan-out --subscribers 10000 --unpinned'),
    line('2 of 200 stop reading at 1 MB/s: p99 of the others', `${shown(of(slow, 'some'), 1)} ms, ${shown(of(slow, 'ratio'))} × that when all read`, 'slow --subscribers 200 --bytes 1024'),
    line('the same: the server\'s memory grows by', `${shown(of(slow, 'growth'), 1)} MB`, 'slow --subscribers 200 --bytes 1024'),
  ]);
}

// Compares the figures with the targets. Returns null if a part was not measured.
function targets() {
  const { field, single, paced, growth, streams, crier: alone } = measured;
  if (!field || !single || !paced || !growth || !streams || !alone) return null;
  const times = (figure) => `${shown(figure)} ×`;
  const grown = (key) => of(growth[10000][key], 'cpu') / of(growth[100][key], 'cpu');
  const uws = { single: ratio(single.crier, single.uws, 'cpu'), burst: ratio(field.crier, field.uws, 'burst'), paced: ratio(paced['crier-paced'], paced.uws, 'cpu'), connect: ratio(field.crier, field.uws, 'connect') };
  const floor = { single: ratio(single.crier, single.floor, 'cpu'), burst: ratio(field.crier, field['floor-batch'], 'burst') };
  const p99 = of(alone.wide, 'p99');
  const [many, one, pages] = [alone.many, alone.one, alone.pages].map((rounds) => of(rounds, 'rate'));
  const [slower, growthMb] = ['ratio', 'growth'].map((name) => of(alone.slow, name));
  const line = (what, must, figure, met, command) => [what, must, figure, met ? 'yes' : '**no**', `\`crier bench ${command}\``];
  return table(['target', 'must', 'measured', 'met', 'command'], [
    line('CPU a delivery, one at a time, ÷ uWebSockets', '≤ 1.00 ×', times(uws.single), uws.single <= 1, 'fan-out'),
    line('the same ÷ the send floor', '≤ 1.0 ×', times(floor.single), floor.single <= 1.005, 'fan-out'),
    line('CPU a delivery, bursts of 32, ÷ uWebSockets', '≤ 0.95 ×', times(uws.burst), uws.burst <= 0.95, 'fan-out --batch 32'),
    line('the same ÷ the batched floor', '≤ 1.2 ×', times(floor.burst), floor.burst <= 1.2, 'fan-out --batch 32'),
    line('1,000 messages/s to 100, `--flush-interval 2`, ÷ uWebSockets', '≤ 0.65 ×', times(uws.paced), uws.paced <= 0.65, 'fan-out --subscribers 100 --rate 1000 -- --flush-interval 2'),
    line('CPU a delivery at 10,000 ÷ at 100', `≤ the floor's, ${times(grown('floor'))}`, times(grown('crier')), grown('crier') <= grown('floor'), 'fan-out --subscribers 10000'),
    line('memory of an idle WebSocket, 10,000 of them', '≤ 800 bytes', `${shown(streams.socketBytes, 0)} bytes`, streams.socketBytes <= 800, 'idle --connections 10000'),
    line('event stream ÷ WebSocket, CPU a delivery, one at a time', '≤ 1.4 ×', times(streams.single), streams.single <= 1.4, 'fan-out --transport sse'),
    line('the same, bursts of 32', '≤ 1.5 ×', times(streams.burst), streams.burst <= 1.5, 'fan-out --transport sse --batch 32'),
    line('memory of an idle event stream, 10,000 of them', '≤ 8,000 bytes', `${shown(streams.bytes, 0)} bytes`, streams.bytes <= 8000, 'idle --connections 10000 --transport sse'),
    line('CPU a connect ÷ uWebSockets', '≤ 1.3 ×', times(uws.connect), uws.connect <= 1.3, 'connect'),
    line('durable publish, 64 publishers', '≥ 5,000/s', `${shown(many, 0)}/s`, many >= 5000, 'publish --connections 64'),
    line('durable publish, one pipelining connection', '≥ 20,000/s', `${shown(one, 0)}/s`, one >= 20000, 'publish --connections 1 --in-flight 64'),
    line('2 of 200 stop reading: p99 of the others', '≤ 1.2 ×', times(slower), slower <= 1.2, 'slow --subscribers 200 --bytes 1024'),
    line('the same: memory grows by', '< 32 MB', `${shown(growthMb, 1)} MB`, growthMb < 32, 'slow --subscribers 200 --bytes 1024'),
    line('one message to 10,000 on all processors, p99', '< 150 ms', `${shown(p99, 0)} ms`, p99 < 150, 'fan-out --subscribers 10000 --unpinned'),
    line('rendered pages of 50 messages, one processor', '≥ 1,500/s', `${shown(pages, 0)}/s`, pages >= 1500, 'pages'),
  ]);
}

const parts = { field, single, paced, growth, streams, crier: own };

async function main() {
  const version = spawnSync(crier, ['--version']).stdout?.toString().trim();
  if (!version) throw new Error(`there is no Crier at ${crier}: run 'make build'`);
  say(`Measuring ${version} and its peers in turn, ${ROUNDS} rounds. The server has the first processor, the load the others. This takes up to ${Math.round(SECONDS_MAX / 60)} minutes …`);
  const [load] = loadavg();
  if (load > BUSY_LOAD_MIN) notes.add(`The machine was busy (load ${load.toFixed(1)} at the start): compare ratios only.`);
  const tables = [];
  for (const part of PARTS) tables.push(await parts[part]());
  const machine = `${availableParallelism()} × ${cpus()[0]?.model ?? 'unknown'}, Linux ${release()}, node ${process.versions.node}`;
  for (const [key, why] of skipped) notes.add(`Skipped: ${boards[key].name}: ${why}`);
  const when = new Date().toISOString().slice(0, 10);
  const facts = `Measured on ${when}: ${version}; ${machine}; loopback, the server on one processor; medians of ${ROUNDS} interleaved rounds.`;
  const compared = targets();
  const text = [facts, ...notes, ...(compared ? [compared] : []), ...tables].join('\n\n');
  process.stdout.write(`${text}\n`);
  mkdirSync(join(root, 'target/bench'), { recursive: true });
  writeFileSync(join(root, 'target/bench/last.md'), `${text}\n`);
  if (process.argv.includes('--write')) write(text);
  say(`Done in ${Math.round((Date.now() - began) / 1000)} s.`);
}

function write(text) {
  const page = join(root, 'docs/performance.md');
  const [begin, end] = ['<!-- measured by make bench -->', '<!-- end of what was measured -->'];
  const [before, rest] = readFileSync(page, 'utf8').split(begin);
  writeFileSync(page, `${before}${begin}\n\n${text}\n\n${end}${rest.split(end)[1]}`);
}

for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => process.exit(130));
await main();
