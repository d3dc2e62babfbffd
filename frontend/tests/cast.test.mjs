// What the scripts of casts decide, without a browser: `node --test frontend/tests/cast.test.mjs`.
import assert from 'node:assert/strict';
import { test } from 'node:test';

import { backOff, presenterAfter, viewerAfter } from '../cast/after.js';
import { AUDIO, DELTA_FRAME, encode, KEY_FRAME, parse, PICTURE, portable } from '../cast/chunk.js';
import { Delay } from '../cast/delay.js';
import { Gate } from '../cast/gate.js';
import { BITRATE_MIN, fit, Pace } from '../cast/pace.js';
import { Schedule } from '../cast/schedule.js';
import { ALL } from '../cast/texts.js';

const bytes = (...values) => Uint8Array.from(values);

test('a chunk reads back as it was written', () => {
  const time = 1_776_157_503_250_123;
  for (const [kind, config] of [[KEY_FRAME, { codec: 'vp8', codedWidth: 1920, codedHeight: 1080 }], [DELTA_FRAME], [AUDIO, { codec: 'opus' }], [PICTURE]]) {
    const chunk = parse(encode(kind, time, bytes(255, 216, 7), config).buffer);
    assert.deepEqual({ ...chunk, data: [...chunk.data] }, { kind, time, config, data: [255, 216, 7] });
  }
});

test('the head of a chunk is the one of the protocol', () => {
  assert.deepEqual([...encode(DELTA_FRAME, 258, bytes(9))], [2, 0, 0, 0, 0, 0, 0, 1, 2, 9]);
  assert.deepEqual([...encode(KEY_FRAME, 1, bytes(9), 1)], [1, 0, 0, 0, 0, 0, 0, 0, 1, 0, 1, 49, 9]);
});

test('a damaged chunk is none', () => {
  const whole = encode(KEY_FRAME, 5, bytes(1, 2, 3), { codec: 'vp8' });
  for (let length = 0; length < whole.length - 2; length++) assert.equal(parse(whole.slice(0, length).buffer), undefined, `${length}`);
  for (const config of [null, 7, 'vp8', [], {}, { codec: 8 }]) assert.equal(parse(encode(KEY_FRAME, 5, bytes(1), config).buffer), undefined);
  const garbage = encode(KEY_FRAME, 5, bytes(1), { codec: 'vp8', description: '%%%' });
  assert.equal(parse(garbage.buffer), undefined);
});

test('the description of a codec travels as base64', () => {
  const memory = bytes(0, 1, 254, 255);
  for (const description of [memory.subarray(1), memory.slice(1).buffer]) {
    const sent = portable({ codec: 'avc1', codedWidth: 2, codedHeight: 4, description, colorSpace: {} });
    const { config } = parse(encode(KEY_FRAME, 1, bytes(1), sent).buffer);
    assert.deepEqual([...config.description], [1, 254, 255]);
  }
});

test('the bitrate falls while bytes wait, and rises after some quiet seconds', () => {
  const pace = new Pace(1_500_000, 0);
  const steps = [];
  for (let now = 100; now <= 4000; now += 100) {
    pace.update(200_000, now);
    steps.push(pace.bitrate);
  }
  assert.ok(new Set(steps).size <= 5, 'at most one step a second');
  assert.ok(pace.bitrate < 500_000 && pace.bitrate >= BITRATE_MIN, `${pace.bitrate}`);
  assert.ok(pace.isFull(200_000) && !pace.isFull(0));
  const low = pace.bitrate;
  for (let now = 4100; now < 7500; now += 100) pace.update(0, now);
  assert.equal(pace.bitrate, low);
  for (let now = 7500; now < 90_000; now += 100) pace.update(0, now);
  assert.equal(pace.bitrate, 1_500_000);
});

test('the bitrate is never above the cap nor below the least', () => {
  const pace = new Pace(1_500_000, 0);
  pace.limit(400_000);
  assert.equal(pace.bitrate, 400_000);
  for (let now = 0; now < 60_000; now += 100) pace.update(1e9, now);
  assert.equal(pace.bitrate, BITRATE_MIN);
  assert.equal(pace.side, 960);
  pace.limit(1);
  assert.equal(pace.cap, BITRATE_MIN);
});

test('a picture keeps its proportions and has even sides', () => {
  assert.deepEqual(fit(3840, 2160, 1920), { width: 1920, height: 1080 });
  assert.deepEqual(fit(801, 599, 1920), { width: 802, height: 600 });
  assert.deepEqual(fit(1080, 2400, 1200), { width: 540, height: 1200 });
  assert.deepEqual(fit(5000, 1, 1920), { width: 1920, height: 2 });
});

test('a key frame comes every two seconds, and when it is asked for at most every second', () => {
  const schedule = new Schedule();
  const encode = (now) => schedule.encode(now, true);
  assert.deepEqual([0, 500, 1500, 2000, 2100].map(encode), ['key', 'delta', 'delta', 'key', 'delta']);
  schedule.ask();
  assert.equal(encode(2500), 'delta');
  assert.deepEqual([3000, 3033].map(encode), ['key', 'delta']);
  schedule.restart();
  assert.equal(encode(3066), 'key');
});

test('a still screen is encoded again until it is sharp, and for those who ask', () => {
  const schedule = new Schedule();
  schedule.encode(0, true);
  let again = 0;
  for (let now = 100; now < 10_000; now += 100) {
    if (!schedule.isAgainDue(now)) continue;
    again++;
    schedule.encode(now, false);
  }
  assert.equal(again, 8);
  schedule.ask();
  assert.ok(schedule.isAgainDue(10_000));
  assert.equal(schedule.encode(10_000, false), 'key');
  assert.ok(!schedule.isAgainDue(11_000));
});

test('pictures take their share of the bitrate, and stop when the screen stands still', () => {
  const schedule = new Schedule();
  const made = [];
  for (let now = 0; now <= 20_000; now += 100) {
    if (now < 10_000) schedule.encode(now, true);
    else if (schedule.isAgainDue(now)) schedule.encode(now, false);
    if (schedule.isPictureDue(now, 75_000, 300_000)) made.push(now);
  }
  assert.deepEqual(made, [0, 2000, 4000, 6000, 8000, 10_000, 12_000]);
});

test('a decoder starts at a key frame and goes on at one when it is behind', () => {
  const gate = new Gate();
  const takes = (...frames) => frames.map(([isKey, waiting]) => gate.take(isKey, waiting));
  assert.deepEqual(takes([false, 0], [true, 0], [false, 60]), ['drop', 'decode', 'decode']);
  assert.deepEqual(takes([false, 121], [false, 0], [true, 100], [false, 0]), ['drop', 'drop', 'restart', 'decode']);
  // A viewer who stalled has much to decode, and goes on at the next key frame.
  assert.deepEqual(takes([true, 15], [true, 16]), ['decode', 'restart']);
  gate.close();
  assert.deepEqual(takes([false, 0], [true, 0]), ['drop', 'decode']);
});

test('a delay that clocks can explain is exact, and any other counts from the smallest', () => {
  const seen = (...pairs) => {
    const delay = new Delay();
    for (const pair of pairs) delay.shown(...pair);
    return [delay.ms, delay.isExact];
  };
  assert.deepEqual(seen([1080, 1000], [2150, 2000]), [150, true]);
  assert.deepEqual(seen([500, 1000], [1600, 2000]), [100, false]);
  assert.deepEqual(seen([60_000, 1000], [61_250, 2000]), [250, false]);
});

const CAST = { id: 7 };

test('a viewer learns why the socket is gone, and what to do', () => {
  const after = (more) => viewerAfter({ code: 1006, status: { cast: CAST }, failures: 1, blocked: 1, chance: 1, ...more });
  assert.deepEqual(after({ code: 4502 }), { end: 'over' });
  assert.deepEqual(after({ status: { cast: null } }), { end: 'over' });
  assert.deepEqual(after({ code: 4501 }), { end: 'refused' });
  assert.deepEqual(after({ status: false }), { end: 'refused' });
  assert.equal(after({ status: { cast: CAST, full: true } }).pictures, 'full');
  assert.equal(after({ failures: 2, blocked: 2 }).pictures, 'blocked');
  assert.ok(after({}).wait <= 1250);
  assert.ok(after({ code: 1012 }).wait <= 1250);
  // While the server is away nothing is known, also after many attempts.
  const away = after({ status: undefined, failures: 9, blocked: 0 });
  assert.ok(away.wait > 1000 && !away.end && !away.pictures);
});

test('a presenter comes back to the own cast, and stops when it is over', () => {
  const own = { cast: CAST, may_cast: true };
  const after = (more) => presenterAfter({ code: 1006, status: own, cast: CAST, lost: 3000, failures: 3, chance: 0.5, ...more });
  assert.ok(after({}).wait > 0);
  assert.ok(after({ status: undefined }).wait > 0);
  assert.deepEqual(after({ status: undefined, lost: 36_000 }), { end: 'ended_lost' });
  assert.deepEqual(after({ status: { cast: null, may_cast: true } }), { end: 'ended_over' });
  assert.deepEqual(after({ status: { cast: { id: 8 }, may_cast: false, why: 'cast_busy' } }), { end: 'ended_over' });
  assert.deepEqual(after({ status: false }), { end: 'ended_access' });
  const ends = { 4501: 'access', 4502: 'over', 4503: 'replaced', 4504: 'refused', 4505: 'fast', 4999: 'refused' };
  for (const [code, end] of Object.entries(ends)) assert.deepEqual(after({ code: +code }), { end: `ended_${end}` });
});

test('a cast that has not begun is refused with the reason', () => {
  const after = (status, failures = 1) => presenterAfter({ code: 1006, status, cast: undefined, lost: 100, failures, chance: 0 });
  assert.deepEqual(after({ cast: CAST, may_cast: false, why: 'cast_busy' }), { end: 'cast_busy' });
  assert.deepEqual(after({ cast: null, may_cast: false, why: 'casts_full' }), { end: 'casts_full' });
  assert.ok(after({ cast: null, may_cast: true }).wait > 0);
  assert.deepEqual(after({ cast: null, may_cast: true }, 2), { end: 'no_socket' });
  assert.deepEqual(after({ cast: CAST, may_cast: true }, 2), { end: 'cast_busy' });
});

test('waits grow, are spread, and have a bound', () => {
  assert.equal(backOff(1, 0), 250);
  assert.equal(backOff(1, 1), 1250);
  assert.equal(backOff(30, 1), 8250);
});

test('both languages have the same texts', () => {
  const shape = (value) =>
    typeof value === 'object' ? Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, shape(inner)])) : typeof value;
  assert.deepEqual(shape(ALL['zh-CN']), shape(ALL.en));
  assert.equal(ALL.en.viewers(1), '1 viewer');
});
