// Plays the reduction on the page: draws the patches over the frames as they are at the slider's layer, and tells about
// the patch under the pointer or the cursor. It is put into the page as it is; `data` is a `Played` of played.ts.

const data = JSON.parse(document.getElementById('data').textContent);
const { rows, columns: pictured, newlines, perFrame, points, gone, into, value } = data;
const byId = (id) => document.getElementById(id);
const [slider, play, count, told, board, thread] = ['point', 'play', 'count', 'told', 'board', 'thread'].map(byId);
const views = [...board.querySelectorAll('.view')];
/** Newline tokens stand in a column of their own, right of the picture and a little apart from it. */
const columns = pictured + (newlines === 'none' ? 0 : 1.3);
/** Pixels from which on a cell has room for every sign, and for any. */
const [ROOMY, LEGIBLE] = [10, 5];
let point = Number(slider.value);
/** For each token the one that stands for it at this point, or the last that did. */
let ends = [];
let cursor = -1;
let timer;

/** Where a frame's token lies, in cells. */
function placeOf(token) {
  const at = token % perFrame;
  if (newlines === 'row') {
    const [row, column] = [Math.floor(at / (pictured + 1)), at % (pictured + 1)];
    return column === pictured ? { row, column: columns - 1, newline: true } : { row, column };
  }
  if (at >= rows * pictured) return { row: rows - 1, column: columns - 1, newline: true };
  return { row: Math.floor(at / pictured), column: at % pictured };
}

const frameOf = (token) => Math.floor(token / perFrame);

const isGone = (token) => gone[token] > 0 && gone[token] <= point;

function stateOf(token) {
  if (!isGone(token)) return 'kept';
  return into[token] < 0 ? 'pruned' : 'merged';
}

/** The token and those that came to stand for it, one after another. */
function wayOf(token) {
  const way = [token];
  while (isGone(way.at(-1)) && into[way.at(-1)] >= 0) way.push(into[way.at(-1)]);
  return way;
}

/** All tokens that the same survivor stands for; none where that one was pruned. */
function groupOf(token) {
  const end = ends[token];
  if (isGone(end)) return [];
  const group = [];
  for (let other = 0; other < ends.length; other++) if (ends[other] === end) group.push(other);
  return group;
}

function colours() {
  const style = getComputedStyle(board);
  return Object.fromEntries(
    ['merged', 'pruned', 'newline', 'page'].map((name) => [name, style.getPropertyValue(`--${name}`).trim()]),
  );
}

function drawAll() {
  const paint = colours();
  for (const [frame, view] of views.entries()) draw(frame, view, paint);
}

function draw(frame, view, paint) {
  const canvas = view.querySelector('canvas');
  const scale = window.devicePixelRatio || 1;
  const { clientWidth: width, clientHeight: height } = view;
  canvas.width = width * scale;
  canvas.height = height * scale;
  const context = canvas.getContext('2d');
  context.scale(scale, scale);
  const cell = { width: width / columns, height: height / rows };
  let left = 0;
  const end = Math.min((frame + 1) * perFrame, gone.length);
  for (let token = frame * perFrame; token < end; token++) {
    const { row, column, newline } = placeOf(token);
    const box = { ...cell, x: column * cell.width, y: row * cell.height };
    if (stateOf(token) === 'kept') left++;
    drawCell(context, box, stateOf(token), newline, paint);
  }
  view.parentElement.querySelector('.left').textContent = `${left}/${end - frame * perFrame}`;
}

/** Signs as lines in a square from -1 to 1: an arrow back, a cross, and the arrow of a keyboard's return. */
const signs = {
  kept: [],
  merged: [[0.5, -1, -0.5, 0, 0.5, 1]],
  pruned: [
    [-0.8, -0.8, 0.8, 0.8],
    [-0.8, 0.8, 0.8, -0.8],
  ],
  newline: [
    [1, -1, 1, 0.5, -1, 0.5],
    [-0.3, 0, -1, 0.5, -0.3, 1],
  ],
};

/** Colour and sign both say what became of a patch, so that neither is needed. */
function drawCell(context, { x, y, width, height }, state, newline, paint) {
  const size = Math.min(width, height);
  // Where there is room, a gap lets patches be told apart; where there is none, whole pixels leave no seams.
  const gap = size < ROOMY ? 0 : 0.5;
  const [left, top] = [Math.round(x) + gap, Math.round(y) + gap];
  const box = [left, top, Math.round(x + width) - gap - left, Math.round(y + height) - gap - top];
  if (newline) {
    context.fillStyle = paint.newline;
    context.fillRect(...box);
  }
  if (state !== 'kept') {
    context.globalAlpha = 0.75;
    context.fillStyle = paint[state];
    context.fillRect(...box);
    context.globalAlpha = 1;
  }
  const sign = newline && state === 'kept' ? 'newline' : state;
  // The commonest sign goes first where it would be no more than a dot: plain blue says the same.
  if (size >= (sign === 'merged' ? ROOMY : LEGIBLE))
    drawSign(
      context,
      signs[sign],
      { x: x + width / 2, y: y + height / 2, size },
      newline && state === 'kept' ? paint.page : '#fff',
    );
}

function drawSign(context, lines, { x, y, size }, colour) {
  const reach = Math.min(size * 0.22, 6);
  context.strokeStyle = colour;
  context.lineWidth = Math.max(1, reach / 3);
  context.beginPath();
  for (const [startX, startY, ...rest] of lines) {
    context.moveTo(x + startX * reach, y + startY * reach);
    for (let i = 0; i < rest.length; i += 2) context.lineTo(x + rest[i] * reach, y + rest[i + 1] * reach);
  }
  context.stroke();
}

/** A token's box on the board, in pixels. */
function boxOf(token) {
  const view = views[frameOf(token)].getBoundingClientRect();
  const origin = board.getBoundingClientRect();
  const { row, column } = placeOf(token);
  const [width, height] = [view.width / columns, view.height / rows];
  return { x: view.left - origin.left + column * width, y: view.top - origin.top + row * height, width, height };
}

/** The boxes of all that one survivor stands for, and the line that runs back through the frames to it. */
function drawThread(token) {
  thread.replaceChildren();
  if (token < 0) return;
  const way = wayOf(token);
  const group = groupOf(token);
  for (const member of new Set([...group, ...way])) {
    const { x, y, width, height } = boxOf(member);
    const name = member === token ? 'cursor' : member === way.at(-1) ? 'end' : 'member';
    add('rect', { x, y, width, height, class: name });
  }
  const stations = way.flatMap((one, i) => (i === 0 ? [one] : [...between(way[i - 1], one), one]));
  if (stations.length < 2) return;
  const path = stations.map(boxOf).map(({ x, y, width, height }) => `${x + width / 2} ${y + height / 2}`);
  for (const name of ['under', 'over']) add('polyline', { points: path.join(' '), class: name });
}

/** The same place in the frames between two tokens. */
function between(from, to) {
  if (from % perFrame !== to % perFrame) return [];
  return Array.from({ length: Math.max(0, frameOf(from) - frameOf(to) - 1) }, (_, i) => from - (i + 1) * perFrame);
}

function add(name, attributes) {
  const element = document.createElementNS('http://www.w3.org/2000/svg', name);
  for (const [key, text] of Object.entries(attributes)) element.setAttribute(key, text);
  thread.append(element);
}

/** What became of a token, in words. */
function tell(token) {
  if (token < 0) return '';
  const { row, column, newline } = placeOf(token);
  const place = newline
    ? `newline${newlines === 'row' ? ` of row ${row + 1}` : ''}`
    : `row ${row + 1}, column ${column + 1}`;
  const state = stateOf(token);
  const others = groupOf(token).length - 1;
  const left = others > 0 ? `kept, and stands for ${others} merged ${others === 1 ? 'token' : 'tokens'}` : 'kept';
  const when = points[gone[token]].when;
  const measure = value[token] === null ? '' : ` (${state === 'merged' ? 'similarity' : 'attention'} ${value[token]})`;
  const fate = {
    kept: () => left,
    pruned: () => `pruned ${when}${measure}`,
    merged: () => `merged ${when} into the token of frame ${frameOf(into[token]) + 1}${measure}${onward(token)}`,
  };
  return `Frame ${frameOf(token) + 1}, ${place}: ${fate[state]()}.`;
}

/** What became of the one that a token was merged into, if that one went, too. */
function onward(token) {
  const way = wayOf(token).slice(1);
  const frames = way.slice(1).map((one) => `that of frame ${frameOf(one) + 1}`);
  const then = frames.length > 0 ? `, which later went into ${frames.join(', then ')}` : '';
  return isGone(way.at(-1)) ? `${then}, and was pruned with it in the end` : then;
}

function show() {
  const { label, left, merged, pruned } = points[point];
  const total = gone.length;
  count.textContent = `${label}. Of ${total} video tokens ${left} are left, ${merged} merged, ${pruned} pruned.`;
  Object.assign(count.dataset, { left, merged, pruned });
  slider.setAttribute('aria-valuetext', label);
  ends = gone.map((_, token) => wayOf(token).at(-1));
  drawAll();
  choose(cursor);
}

function choose(token) {
  cursor = token;
  told.textContent = tell(token) || told.dataset.hint;
  drawThread(token);
}

function stop() {
  clearInterval(timer);
  timer = undefined;
  play.textContent = 'Play';
}

function move(to) {
  point = Math.max(0, Math.min(points.length - 1, to));
  slider.value = String(point);
  show();
}

slider.addEventListener('input', () => {
  stop();
  move(Number(slider.value));
});

play.addEventListener('click', () => {
  if (timer) return stop();
  play.textContent = 'Stop';
  if (point === points.length - 1) move(0);
  timer = setInterval(
    () => {
      move(point + 1);
      if (point === points.length - 1) stop();
    },
    Math.min(900, 9000 / points.length),
  );
});

/** The token under a pointer, -1 between them. */
function under(event) {
  const frame = views.indexOf(event.target.closest('.view'));
  if (frame < 0) return -1;
  const { left, top, width, height } = views[frame].getBoundingClientRect();
  const [x, y] = [((event.clientX - left) / width) * columns, ((event.clientY - top) / height) * rows];
  for (let token = frame * perFrame; token < (frame + 1) * perFrame; token++) {
    const { row, column } = placeOf(token);
    if (x >= column && x < column + 1 && y >= row && y < row + 1) return token;
  }
  return -1;
}

for (const name of ['pointermove', 'pointerdown'])
  board.addEventListener(name, (event) => {
    const token = under(event);
    if (token !== cursor && (token >= 0 || event.pointerType === 'mouse')) choose(token);
  });
board.addEventListener('mouseleave', () => choose(-1));

/** Arrow keys walk over the patches, page keys over the frames. */
board.addEventListener('keydown', (event) => {
  if (event.key === 'Escape') return choose(-1);
  const from = Math.max(0, cursor);
  const line = newlines === 'row' ? pictured + 1 : pictured;
  const steps = {
    ArrowLeft: -1,
    ArrowRight: 1,
    ArrowUp: -line,
    ArrowDown: line,
    PageUp: -perFrame,
    PageDown: perFrame,
  };
  if (!(event.key in steps)) return;
  event.preventDefault();
  const to = cursor < 0 ? 0 : from + steps[event.key];
  if (to < 0 || to >= gone.length) return;
  choose(to);
  views[frameOf(to)].scrollIntoView({ block: 'nearest' });
});

new ResizeObserver(() => {
  drawAll();
  drawThread(cursor);
}).observe(board);
matchMedia('(prefers-color-scheme: dark)').addEventListener('change', drawAll);
show();
