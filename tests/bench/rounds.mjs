// Runs `crier bench` against boards, in interleaved rounds.
import { spawn } from 'node:child_process';
import { availableParallelism } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import { boards, crier, isInstalled, start } from './boards.mjs';

export const ROUNDS = Number(process.env.ROUNDS ?? 5);
const ONLY = process.env.ONLY?.split(',');
const RUN_SECONDS_MAX = 60;
// The length of a board's turn in `turnByTurn`, and the seconds of all its turns together.
const TURN_MS = 500;
const TURNS_SECONDS = 24;

export const say = (text) => process.stderr.write(`\x1b[1m» ${text}\x1b[0m\n`);
// Why a board was skipped, by its key.
export const skipped = new Map();
export const notes = new Set();

function run(program, args, onSpawn = () => {}) {
  return new Promise((done, fail) => {
    const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'pipe'], timeout: RUN_SECONDS_MAX * 1000 });
    onSpawn(child);
    let [out, err] = ['', ''];
    child.stdout.on('data', (text) => (out += text));
    child.stderr.on('data', (text) => (err += text));
    child.on('error', fail);
    // Not 'exit': output may still arrive after it.
    child.on('close', (code) => (code === 0 ? done(out) : fail(new Error(err.trim().split('\n').at(-1) || `ended with ${code}`))));
  });
}

// Measures one board once and returns the report. Returns null if that fails, and skips the board
// from then on.
async function measure(key, scenario, args, onSpawn) {
  const board = boards[key];
  if (skipped.has(key) || (ONLY && !ONLY.includes(key))) return null;
  if (!isInstalled(board)) return skip(key, 'it is not installed');
  let peer;
  try {
    if (!board.command) return JSON.parse(await run(crier, ['bench', scenario, ...args, ...(board.args ?? []), '--json', ...(board.serve ? ['--', ...board.serve] : [])], onSpawn));
    peer = await start(board);
    const where = ['--peer', board.peer ?? 'raw', '--server', peer.url, '--pid', String(peer.pid)];
    return JSON.parse(await run('taskset', ['-c', loadCores(), crier, 'bench', scenario, ...args, ...where, '--json'], onSpawn));
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

// All processors but the server's.
function loadCores() {
  const cores = availableParallelism();
  return cores > 1 ? `1-${cores - 1}` : '0';
}

function median(figures) {
  const known = figures.filter((figure) => typeof figure === 'number' && Number.isFinite(figure)).sort((a, b) => a - b);
  if (known.length === 0) return null;
  const middle = Math.floor(known.length / 2);
  return known.length % 2 ? known[middle] : (known[middle - 1] + known[middle]) / 2;
}

// The median of a figure over the rounds.
export const medianOf = (rounds, name) => median(rounds.map((figures) => figures?.[name]));
// The median of the ratios of two boards, each ratio within one round.
export const ratio = (rounds, others, name) => median(rounds.map((figures, round) => figures?.[name] / others[round]?.[name]));
export const shown = (figure, digits = 2) =>
  figure === null || figure === undefined || !Number.isFinite(figure) ? '—' : figure.toLocaleString('en', { minimumFractionDigits: digits, maximumFractionDigits: digits });
export const table = (head, rows) => [head, head.map(() => '---'), ...rows].map((cells) => `| ${cells.join(' | ')} |`).join('\n');

// Runs `measureAll`, which returns a report per board, once per round. Returns what `figures` takes
// from each report, by board and round.
async function inRounds(title, keys, figures, deadline, rounds, measureAll) {
  const taken = Object.fromEntries(keys.map((key) => [key, []]));
  for (let round = 0; round < rounds; round += 1) {
    if (round > 0 && Date.now() > deadline) {
      notes.add(`${title}: ${round} of ${rounds} rounds, because the time was over.`);
      break;
    }
    const reports = await measureAll((what) => process.stderr.write(`\r\x1b[K${title}: round ${round + 1} of ${rounds}, ${what}`));
    for (const [index, report] of reports.entries()) taken[keys[index]].push(report && figures(report));
  }
  process.stderr.write('\r\x1b[K');
  return taken;
}

// Measures one board after the other in each round.
export function inTurn(title, keys, scenario, args, figures, deadline, rounds = ROUNDS) {
  return inRounds(title, keys, figures, deadline, rounds, async (tell) => {
    const reports = [];
    for (const key of keys) {
      tell(boards[key].name);
      reports.push(await measure(key, scenario, args));
    }
    return reports;
  });
}

// Load generators, all but one of them stopped. A stopped process does not get SIGTERM until it
// continues.
const loads = new Set();
process.on('exit', () => loads.forEach((load) => load.kill('SIGTERM') && load.kill('SIGCONT')));

// Measures all boards at the same time. One load generator runs for a moment while the others are
// stopped, so noise of the machine affects all boards alike. Only figures without a time are valid.
export function turnByTurn(title, keys, scenario, args, figures, deadline) {
  const onSpawn = (load) => {
    loads.add(load);
    load.on('exit', () => loads.delete(load));
    load.kill('SIGSTOP');
  };
  return inRounds(title, keys, figures, deadline, ROUNDS, async (tell) => {
    tell('all');
    let isOver = false;
    const reports = keys.map((key) => measure(key, scenario, [...args, '--seconds', String(TURNS_SECONDS)], onSpawn));
    const all = Promise.all(reports).finally(() => (isOver = true));
    while (!isOver) {
      const [load] = loads;
      load?.kill('SIGCONT');
      await sleep(TURN_MS);
      load?.kill('SIGSTOP');
      // Moves it to the end of the queue, unless it has ended.
      if (loads.delete(load)) loads.add(load);
    }
    return all;
  });
}
