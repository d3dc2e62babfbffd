#!/usr/bin/env node
// Measures Crier and its peers in turn, A B A B …, and prints tables of medians. Every ratio is of figures of the same round, because
// a machine drifts by more than boards differ. `--write` puts the tables into docs/performance.md.
//
// `ROUNDS=5` says how often, `ONLY=crier,floor` which boards, `PARTS=field,growth` which tables. A round starts each server anew.
import { spawn, spawnSync } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { availableParallelism, cpus, loadavg, release } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { boards, crier, isInstalled, root, start } from './boards.mjs';

const ROUNDS = Number(process.env.ROUNDS ?? 5);
const ONLY = process.env.ONLY?.split(',');
const PARTS = process.env.PARTS?.split(',') ?? ['field', 'single', 'paced', 'growth', 'crier'];
const BUSY_LOAD_MIN = 0.7;
const RUN_SECONDS_MAX = 60;
// No round begins after its part's share of this, but for the first; so all of it ends within twelve minutes, on a slow machine too.
const SECONDS_MAX = Number(process.env.SECONDS_MAX ?? 720);
const ENDS = { field: 0.34, single: 0.56, paced: 0.66, growth: 0.88, crier: 1 };
// Boards that are measured at the same time have a turn of this length one after the other, and all together so many seconds.
const TURN_MS = 500;
const TURNS_SECONDS = 24;
// Of the field's record holder as it comes, without libuv: measured on another day, beside the same floor. See docs/performance.md.
const QUOTED = { name: 'uWebSockets, quoted', single: 1.0, burst: 1.18, growth: 1.58, bytes: 469, connect: 23 };

const say = (text) => process.stderr.write(`\x1b[1m» ${text}\x1b[0m\n`);
const skipped = new Map();
const notes = new Set();
// What the parts have measured, for the table of targets.
const measured = {};
const began = Date.now();
const endOf = (part, share = 1) => {
  const before = Object.values(ENDS)[Object.keys(ENDS).indexOf(part) - 1] ?? 0;
  return began + (before + (ENDS[part] - before) * share) * SECONDS_MAX * 1000;
};

function run(program, args, began = () => {}) {
  return new Promise((done, fail) => {
    const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'pipe'], timeout: RUN_SECONDS_MAX * 1000 });
    began(child);
    let [out, err] = ['', ''];
    child.stdout.on('data', (text) => (out += text));
    child.stderr.on('data', (text) => (err += text));
    child.on('error', fail);
    // Not at its exit, when the last of what it wrote may not have come.
    child.on('close', (code) => (code === 0 ? done(out) : fail(new Error(err.trim().split('\n').at(-1) || `ended with ${code}`))));
  });
}

// One run of `crier bench` against one board. Nothing when it can't be measured; the reason is told once. `began` is given the load.
async function measure(key, scenario, args, began) {
  const board = boards[key];
  if (skipped.has(key) || (ONLY && !ONLY.includes(key))) return null;
  if (!isInstalled(board)) return skip(key, 'it is not installed');
  let peer;
  try {
    if (!board.command) return JSON.parse(await run(crier, ['bench', scenario, ...args, ...(board.args ?? []), '--json', ...(board.serve ? ['--', ...board.serve] : [])], began));
    peer = await start(board);
    const where = ['--peer', board.peer ?? 'raw', '--server', peer.url, '--pid', String(peer.pid)];
    return JSON.parse(await run('taskset', ['-c', others(), crier, 'bench', scenario, ...args, ...where, '--json'], began));
  } catch (error) {
    return skip(key, `${scenario} ${args.join(' ')}: ${error.message}`);
  } finally {
    await peer?.stop();
  }
}

function skip(key, why) {
  skipped.set(key, why);
  say(`Skipped: ${boards[key].name}: ${why}`);
  return null;
}

function others() {
  const cores = availableParallelism();
  return cores > 1 ? `1-${cores - 1}` : '0';
}

function median(figures) {
  const known = figures.filter((figure) => typeof figure === 'number' && Number.isFinite(figure)).sort((a, b) => a - b);
  if (known.length === 0) return null;
  const middle = Math.floor(known.length / 2);
  return known.length % 2 ? known[middle] : (known[middle - 1] + known[middle]) / 2;
}

const shown = (figure, digits = 2) => (figure === null || figure === undefined ? '—' : figure.toLocaleString('en', { minimumFractionDigits: digits, maximumFractionDigits: digits }));
const table = (head, rows) => [head, head.map(() => '---'), ...rows].map((cells) => `| ${cells.join(' | ')} |`).join('\n');

// So many rounds, in each of which `measureAll` gets a report of every board; what `figures` takes out of it, by board and round.
async function inRounds(title, keys, figures, until, rounds, measureAll) {
  const taken = Object.fromEntries(keys.map((key) => [key, []]));
  for (let round = 0; round < rounds; round += 1) {
    if (round > 0 && Date.now() > until) {
      notes.add(`${title}: ${round} of ${rounds} rounds, because there was no more time.`);
      break;
    }
    const reports = await measureAll((what) => process.stderr.write(`\r\x1b[K${title}: round ${round + 1} of ${rounds}, ${what}`));
    for (const [place, report] of reports.entries()) taken[keys[place]].push(report && figures(report));
  }
  process.stderr.write('\r\x1b[K');
  return taken;
}

// Each board in turn.
function inTurn(title, keys, scenario, args, figures, until, rounds = ROUNDS) {
  return inRounds(title, keys, figures, until, rounds, async (tell) => {
    const reports = [];
    for (const key of keys) {
      tell(boards[key].name);
      reports.push(await measure(key, scenario, args));
    }
    return reports;
  });
}

// Loads of which one at a time goes on. Those that stand still don't hear that all is over.
const loads = new Set();
process.on('exit', () => loads.forEach((load) => load.kill('SIGTERM') && load.kill('SIGCONT')));

// All boards at work at once, of whose loads one at a time goes on for a moment while the others stand still: what the machine does
// meanwhile falls on all of them. Only figures that know no time are right then.
function turnByTurn(title, keys, scenario, args, figures, until) {
  const enter = (load) => {
    loads.add(load);
    load.on('exit', () => loads.delete(load));
    load.kill('SIGSTOP');
  };
  return inRounds(title, keys, figures, until, ROUNDS, async (tell) => {
    tell('all');
    let isOver = false;
    const reports = keys.map((key) => measure(key, scenario, [...args, '--seconds', String(TURNS_SECONDS)], enter));
    const all = Promise.all(reports).finally(() => (isOver = true));
    while (!isOver) {
      const [load] = loads;
      load?.kill('SIGCONT');
      await sleep(TURN_MS);
      load?.kill('SIGSTOP');
      // To the end of the line, unless it has ended.
      if (loads.delete(load)) loads.add(load);
    }
    return all;
  });
}

const of = (rounds, name) => median(rounds.map((figures) => figures?.[name]));
// The median of the ratios of each round.
const ratio = (rounds, others, name) => median(rounds.map((figures, round) => figures?.[name] / others[round]?.[name]));
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
  for (const [place, size] of sizes.entries()) {
    const figures = ({ phases: [phase], memory }) => ({ cpu: cpu(phase), p99: phase.latency.p99_ms, bytes: memory.per_connection_bytes });
    taken[size] = await inTurn(`${size} subscribers`, keys, 'fan-out', ['--subscribers', String(size), '--seconds', '1'], figures, endOf('growth', [0.18, 0.36, 0.56, 1][place]));
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

// What only Crier has, or is only asked of Crier.
async function own() {
  let calls = 0;
  const alone = async (title, scenario, args, figures, rounds) =>
    (await inTurn(title, ['crier'], scenario, args, figures, endOf('crier', [0.15, 0.3, 0.45, 0.53, 0.66, 1][calls++]), rounds)).crier;
  const phase = ({ phases: [figures] }) => ({ rate: figures.acknowledged_per_second, cpu: cpu(figures), p50: figures.latency?.p50_ms, p99: figures.latency?.p99_ms });
  const many = await alone('durable, 64 publishers', 'publish', ['--connections', '64', '--seconds', '2'], phase);
  const one = await alone('durable, one connection', 'publish', ['--connections', '1', '--in-flight', '64', '--seconds', '2'], phase);
  const sse = await alone('event streams', 'fan-out', ['--transport', 'sse', '--batch', '1,32', '--seconds', '1'],
    ({ phases: [single, burst] }) => ({ single: cpu(single), burst: cpu(burst) }));
  const pages = await alone('pages', 'pages', ['--seconds', '2'], ({ phases: [all] }) => ({ rate: 1e6 / cpu(all), p50: all.latency.p50_ms }));
  // On all processors, as an operator runs it, and with the load among them.
  const wide = await alone('10,000 subscribers, all processors', 'fan-out', ['--subscribers', '10000', '--unpinned', '--seconds', '1'],
    ({ phases: [phase] }) => ({ p50: phase.latency.p50_ms, p99: phase.latency.p99_ms }));
  // One stall of the disk makes a p99 of two seconds, so the ratio of two of them needs more rounds.
  const slow = await alone('slow readers', 'slow', ['--subscribers', '200', '--bytes', '1024', '--rate', '1000', '--seconds', '2'],
    ({ phases: [all, some] }) => ({ all: all.latency.p99_ms, some: some.latency.p99_ms, ratio: some.latency.p99_ms / all.latency.p99_ms, growth: some.memory_growth_bytes / 1e6 }),
    3 * ROUNDS);
  const line = (what, figure, command) => [what, figure, `\`crier bench ${command}\``];
  measured.crier = { many, one, slow, pages, wide };
  return table(['Crier', 'figure', 'command'], [
    line('durable publish, 64 connections with one message in flight each', `${shown(of(many, 'rate'), 0)} acknowledged/s, p99 ${shown(of(many, 'p99'), 1)} ms`, 'publish --connections 64'),
    line('durable publish, one connection with 64 in flight', `${shown(of(one, 'rate'), 0)} acknowledged/s, p99 ${shown(of(one, 'p99'), 1)} ms`, 'publish --connections 1 --in-flight 64'),
    line('1,000 event streams, one message at a time', `${shown(of(sse, 'single'))} µs a delivery`, 'fan-out --transport sse'),
    line('1,000 event streams, 32 at a time', `${shown(of(sse, 'burst'), 3)} µs a delivery`, 'fan-out --transport sse --batch 32'),
    line('pages of 50 messages, rendered', `${shown(of(pages, 'rate'), 0)} for each second of one processor`, 'pages'),
    line('one message to 10,000, the server on all processors', `p50 ${shown(of(wide, 'p50'), 0)} ms, p99 ${shown(of(wide, 'p99'), 0)} ms`, 'fan-out --subscribers 10000 --unpinned'),
    line('2 of 200 stop reading at 1 MB/s: p99 of the others', `${shown(of(slow, 'some'), 1)} ms, ${shown(of(slow, 'ratio'))} × that when all read`, 'slow --subscribers 200 --bytes 1024'),
    line('the same: the server\'s memory grows by', `${shown(of(slow, 'growth'), 1)} MB`, 'slow --subscribers 200 --bytes 1024'),
  ]);
}

// What is asked of Crier, and whether it does it. Nothing where a part or a peer is missing.
function targets() {
  const { field, single, paced, growth, crier: alone } = measured;
  if (!field || !single || !paced || !growth || !alone) return null;
  const times = (figure) => `${shown(Number.isFinite(figure) ? figure : null)} ×`;
  const grown = (key) => of(growth[10000][key], 'cpu') / of(growth[100][key], 'cpu');
  const uws = { single: ratio(single.crier, single.uws, 'cpu'), burst: ratio(field.crier, field.uws, 'burst'), paced: ratio(paced['crier-paced'], paced.uws, 'cpu'), connect: ratio(field.crier, field.uws, 'connect') };
  const floor = { single: ratio(single.crier, single.floor, 'cpu'), burst: ratio(field.crier, field['floor-batch'], 'burst') };
  const [bytes, p99] = [of(growth[10000].crier, 'bytes'), of(alone.wide, 'p99')];
  const [many, one, pages] = [alone.many, alone.one, alone.pages].map((rounds) => of(rounds, 'rate'));
  const [slower, growthMb] = ['ratio', 'growth'].map((name) => of(alone.slow, name));
  const line = (what, must, figure, met, command) => [what, must, figure, met ? 'yes' : '**no**', `\`crier bench ${command}\``];
  return table(['target', 'must', 'measured', 'met', 'command'], [
    line('CPU a delivery, one at a time, ÷ uWebSockets', '≤ 1.00 ×', times(uws.single), uws.single <= 1, 'fan-out'),
    line('the same ÷ the send floor', '≤ 1.0 ×', times(floor.single), floor.single <= 1.005, 'fan-out'),
    line('CPU a delivery, bursts of 32, ÷ uWebSockets', '≤ 1.1 ×', times(uws.burst), uws.burst <= 1.1, 'fan-out --batch 32'),
    line('the same ÷ the batched floor', '≤ 1.2 ×', times(floor.burst), floor.burst <= 1.2, 'fan-out --batch 32'),
    line('1,000 messages/s to 100, `--flush-interval 2`, ÷ uWebSockets', '≤ 0.65 ×', times(uws.paced), uws.paced <= 0.65, 'fan-out --subscribers 100 --rate 1000 -- --flush-interval 2'),
    line('CPU a delivery at 10,000 ÷ at 100', `≤ the floor's, ${times(grown('floor'))}`, times(grown('crier')), grown('crier') <= grown('floor'), 'fan-out --subscribers 10000'),
    line('memory of an idle WebSocket, 10,000 of them', '≤ 1,500 bytes', `${shown(bytes, 0)} bytes`, bytes <= 1500, 'idle --connections 10000'),
    line('CPU a connect ÷ uWebSockets', '≤ 1.3 ×', times(uws.connect), uws.connect <= 1.3, 'connect'),
    line('durable publish, 64 publishers', '≥ 5,000/s', `${shown(many, 0)}/s`, many >= 5000, 'publish --connections 64'),
    line('durable publish, one pipelining connection', '≥ 20,000/s', `${shown(one, 0)}/s`, one >= 20000, 'publish --connections 1 --in-flight 64'),
    line('2 of 200 stop reading: p99 of the others', '≤ 1.2 ×', times(slower), slower <= 1.2, 'slow --subscribers 200 --bytes 1024'),
    line('the same: memory grows by', '< 32 MB', `${shown(growthMb, 1)} MB`, growthMb < 32, 'slow --subscribers 200 --bytes 1024'),
    line('one message to 10,000 on all processors, p99', '< 150 ms', `${shown(p99, 0)} ms`, p99 < 150, 'fan-out --subscribers 10000 --unpinned'),
    line('rendered pages of 50 messages, one processor', '≥ 1,500/s', `${shown(pages, 0)}/s`, pages >= 1500, 'pages'),
  ]);
}

const parts = { field, single, paced, growth, crier: own };

async function main() {
  const version = spawnSync(crier, ['--version']).stdout?.toString().trim();
  if (!version) throw new Error(`there is no Crier at ${crier}: run 'make build'`);
  say(`Measuring ${version} and its peers in turn, ${ROUNDS} rounds. Each server has the first processor, the load the others. ${Math.round(SECONDS_MAX / 60)} minutes at the most …`);
  const [load] = loadavg();
  if (load > BUSY_LOAD_MIN) notes.add(`The machine was busy with other things (load ${load.toFixed(1)} at the start): only multiples mean something.`);
  const tables = [];
  for (const part of PARTS) tables.push(await parts[part]());
  const machine = `${availableParallelism()} × ${cpus()[0]?.model ?? 'unknown'}, Linux ${release()}, node ${process.versions.node}`;
  for (const [key, why] of skipped) notes.add(`Skipped: ${boards[key].name}: ${why}`);
  const when = new Date().toISOString().slice(0, 10);
  const facts = `Measured on ${when}: ${version}; ${machine}; loopback, the server on one processor; medians of ${ROUNDS} interleaved rounds.`;
  const asked = targets();
  const text = [facts, ...notes, ...(asked ? [asked] : []), ...tables].join('\n\n');
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
