'use strict';
// The page asks for status.json each second while it is visible, and listens to events.
// Whatever comes from the node is put in as text, never as markup.

const SLOTS = 16384, PERIOD = 1000, MAX_EVENTS = 512, FOLD_ABOVE = 12, MANY = 24, LEGEND = 60;
const $ = id => document.getElementById(id);
const calm = matchMedia('(prefers-reduced-motion: reduce)');
const dark = matchMedia('(prefers-color-scheme: dark)');
// Neighbours differ in hue and in lightness. Each shard has a label beside its colour.
const PALETTE = ['#2f6fbf', '#e0862c', '#2a9d6a', '#a54fb8', '#d1495b', '#5ab4c4', '#8c6d3f', '#c9b52d', '#5b5bd6', '#93c35a',
	'#c46aa0', '#3f7d7a'];

let report = null, owners = [], pointed = -1, timer = 0, frame = 0, failures = 0, asking = false;

// ---- text

const set = (el, text) => { if (el.textContent !== text) el.textContent = text; };
function make(tag, name, text) {
	const el = document.createElement(tag);
	if (name) el.className = name;
	if (text !== undefined) el.textContent = text;
	return el;
}
function whole(n) { return Math.round(n).toLocaleString('en'); }
function short(n) {
	for (const [size, unit] of [[1e9, 'G'], [1e6, 'M'], [1e4, 'k']]) {
		if (n >= size) return (n / (unit === 'k' ? 1e3 : size)).toFixed(1).replace('.0', '') + unit;
	}
	return n < 10 && n % 1 ? n.toFixed(1) : whole(n);
}
function bytes(n) {
	const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB'];
	let i = 0;
	while (n >= 1024 && i < units.length - 1) { n /= 1024; i++; }
	return (i && n < 100 ? n.toFixed(1) : whole(n)) + ' ' + units[i];
}
function rate(n) { return n === null || n === undefined ? '–' : short(n) + '/s'; }
function span(s) {
	if (s < 1) return Math.round(s * 1000) + ' ms';
	if (s < 120) return Math.round(s) + ' s';
	if (s < 7200) return Math.round(s / 60) + ' min';
	if (s < 172800) return Math.round(s / 3600) + ' h';
	return Math.round(s / 86400) + ' d';
}
const plural = (n, what) => whole(n) + ' ' + what + (n === 1 ? '' : 's');
const colour = i => PALETTE[i % PALETTE.length];
const label = i => 'S' + (i + 1);
const shortID = id => id.slice(0, 8);

// state says how a node is, in a word and a class.
function state(n) {
	if (n.health === 'failed') return ['failed', 'bad'];
	if (!n.answers) return [n.health === 'suspected' ? 'suspected, no answer' : 'no answer', 'bad'];
	if (n.health === 'suspected') return ['suspected', 'warn'];
	if (n.role === 'replica' && n.link !== 'connected') return ['link: ' + (n.link || 'none'), 'warn'];
	if (n.leaving) return ['leaving', 'warn'];
	return ['online', 'good'];
}

// ---- a report

function show(r) {
	report = r;
	const nodes = new Map(r.nodes.map(n => [n.id, n]));
	const shardOf = new Map();
	owners = new Int32Array(SLOTS).fill(-1);
	r.shards.forEach((s, i) => {
		shardOf.set(s.master, i);
		for (const id of s.replicas) shardOf.set(id, i);
		each(s.slots, slot => { owners[slot] = i; });
	});
	showTotals(r);
	showLegend(r, nodes);
	showMoves(r, nodes, shardOf);
	showBalance(r, nodes);
	showShards(r, nodes, shardOf);
	showHeat(r);
	draw();
	point(pointed);
}
function each(ranges, f) {
	for (const range of ranges) {
		const [first, last = first] = range.split('-').map(Number);
		for (let s = first; s <= last; s++) f(s);
	}
}
function showTotals(r) {
	const bad = r.nodes.filter(n => state(n)[1] === 'bad').length;
	let keys = 0, memory = 0, ops = null;
	for (const s of r.shards.length ? r.shards : r.nodes) {
		keys += s.keys;
		memory += s.memory_bytes;
		if (s.ops_per_second !== null) ops = (ops || 0) + s.ops_per_second;
	}
	const down = r.cluster.state === 'fail';
	const list = [['cluster', down ? 'down' : r.cluster.state, down ? 'bad' : 'good'], ['nodes', whole(r.nodes.length), '']];
	if (bad) list.push([bad === 1 ? 'node is not well' : 'nodes are not well', whole(bad), 'bad']);
	list.push(['shards', whole(r.shards.length), ''], ['keys', short(keys), ''], ['memory', bytes(memory), ''],
		['operations', rate(ops), '']);
	if (r.cluster.slots_assigned < SLOTS) list.push(['slots without owner', whole(SLOTS - r.cluster.slots_assigned), 'bad']);
	fill($('totals'), list, () => {
		const li = make('li');
		li.append(make('b'), make('span'));
		return li;
	}, (li, [what, value, kind]) => {
		li.firstChild.className = kind;
		set(li.firstChild, value);
		set(li.lastChild, what);
	});
	$('reason').hidden = !r.cluster.reason;
	set($('reason'), r.cluster.reason);
}

// fill makes as many children as there are items, and updates each.
function fill(parent, items, create, update) {
	while (parent.children.length > items.length) parent.lastElementChild.remove();
	items.forEach((item, i) => {
		const el = parent.children[i] || parent.appendChild(create());
		update(el, item, i);
	});
}
function showLegend(r, nodes) {
	const some = r.shards.slice(0, LEGEND);
	if (r.shards.length > LEGEND) some.push(null);
	fill($('legend'), some, () => {
		const li = make('li');
		li.append(make('span', 'swatch'), make('span'));
		return li;
	}, (li, s, i) => {
		li.firstChild.hidden = !s;
		li.firstChild.style.background = colour(i);
		const master = s && nodes.get(s.master);
		set(li.lastChild, s ? label(i) + ' ' + (master ? master.addr : shortID(s.master))
			: 'and ' + whole(r.shards.length - LEGEND) + ' more; colours come again');
	});
}
function showMoves(r, nodes, shardOf) {
	const name = id => {
		const i = shardOf.get(id), n = nodes.get(id);
		return (i === undefined ? '' : label(i) + ' ') + (n ? n.addr : shortID(id));
	};
	const list = r.moves.length ? r.moves : [null];
	fill($('moves'), list, () => {
		const li = make('li');
		li.append(make('div'), make('progress'), make('div', 'note'));
		return li;
	}, (li, m) => {
		const [head, bar, note] = li.children;
		bar.hidden = note.hidden = !m;
		if (!m) {
			set(note, '');
			return set(head, 'No slots are moving.');
		}
		set(head, name(m.source) + ' → ' + name(m.target) + ', ' + m.state);
		bar.max = Math.max(1, m.slots_total);
		bar.value = m.slots_done;
		bar.setAttribute('aria-label', head.textContent);
		set(note, whole(m.slots_done) + ' of ' + plural(m.slots_total, 'slot') + ', ' + plural(m.keys, 'key') + ', ' + bytes(m.bytes) +
			', for ' + span(m.elapsed_seconds) + (m.eta_seconds ? ', ' + span(m.eta_seconds) + ' left' : '') +
			(m.waiting ? ', waiting: ' + m.waiting : ''));
	});
}
function showBalance(r, nodes) {
	const b = r.balance;
	if (!b) return set($('balance'), '');
	const by = nodes.get(b.coordinator);
	let text = 'Balance by itself: ' + (!b.on ? 'off' : b.paused ? 'paused' : b.coordinator
		? 'at work, coordinated by ' + (by ? by.addr : shortID(b.coordinator)) : 'on, nothing to do');
	if (b.waiting) text += '. Waiting: ' + b.waiting;
	if (b.excluded.length) text += '. Excluded: ' + b.excluded.map(id => nodes.get(id) ? nodes.get(id).addr : shortID(id)).join(', ');
	set($('balance'), text + '.');
}

// ---- shards and nodes

const folded = new Map(); // what the user has opened or folded, by group
function showShards(r, nodes, shardOf) {
	const words = $('filter').value.toLowerCase().split(/\s+/).filter(w => w);
	const groups = r.shards.map((s, i) => ({
		key: s.master, shard: s, index: i, name: (nodes.get(s.master) || { addr: shortID(s.master) }).addr, nodes: [s.master, ...s.replicas].map(id => nodes.get(id)).filter(n => n),
	}));
	const others = r.nodes.filter(n => !shardOf.has(n.id));
	if (others.length) groups.push({ key: 'others', shard: null, index: -1, nodes: others });
	let count = 0;
	const shown = [];
	for (const g of groups) {
		const match = !words.length ? g.nodes : g.nodes.filter(n => words.every(w => searchable(n, g).includes(w)));
		if (match.length) shown.push({ ...g, nodes: match });
		count += match.length;
	}
	const open = groups.length <= FOLD_ABOVE || (words.length > 0 && count <= 50);
	fill($('shards'), shown, createGroup, (el, g) => updateGroup(el, g, open));
	$('shards').className = shown.length > MANY ? 'many' : '';
	set($('fold'), document.querySelector('#shards details[open]') ? 'Fold all' : 'Open all');
	set($('shown'), words.length ? plural(count, 'node') + ' of ' + whole(r.nodes.length) : '');
}
function searchable(n, g) {
	return [n.addr, n.id, n.zone, n.role, n.version, ...state(n), g.shard ? label(g.index) : 'without slots',
		n.lag_bytes ? 'lag' : '', g.nodes.some(o => state(o)[1] === 'bad') ? '' : 'well'].join(' ').toLowerCase();
}
function createGroup() {
	const el = make('details'), head = make('summary');
	for (let i = 0; i < 7; i++) head.append(make('span'));
	head.firstChild.append(make('span', 'swatch'), make('b'));
	head.addEventListener('click', () => folded.set(el.dataset.key, !el.open));
	el.append(head, make('div'));
	el.addEventListener('toggle', () => { if (el.open && report) el.fillNodes(); });
	return el;
}
function updateGroup(el, g, open) {
	el.dataset.key = g.key;
	const want = folded.has(g.key) ? folded.get(g.key) : open;
	if (el.open !== want) el.open = want;
	const [name, ranges, count, keys, memory, ops, lag] = el.firstChild.children;
	const [swatch, title] = name.children;
	const bad = g.nodes.filter(n => state(n)[1] !== 'good');
	swatch.hidden = !g.shard;
	swatch.style.background = g.shard ? colour(g.index) : '';
	set(title, g.shard ? label(g.index) + ' ' + g.name : 'Without slots');
	const trouble = bad.length ? bad.length + ' not well' : '';
	if (g.shard) {
		const list = g.shard.slots;
		set(ranges, 'slots ' + list.slice(0, 3).join(' ') + (list.length > 3 ? ' and ' + (list.length - 3) + ' more' : ''));
		set(count, whole(g.shard.slot_count) + ' slots');
		set(keys, short(g.shard.keys) + ' keys');
		set(memory, bytes(g.shard.memory_bytes));
		set(ops, rate(g.shard.ops_per_second));
		set(lag, trouble || (g.shard.replicas.length ? 'lag ' + bytes(g.shard.lag_bytes) : 'no replica'));
		lag.className = trouble ? 'bad' : g.shard.replicas.length ? '' : 'warn';
	} else {
		for (const cell of [ranges, count, keys, memory, ops]) set(cell, '');
		set(count, plural(g.nodes.length, 'node'));
		set(lag, trouble);
		lag.className = 'bad';
	}
	el.fillNodes = () => fill(el.lastChild, g.nodes, createNode, updateNode);
	if (el.open) el.fillNodes();
}
function createNode() {
	const el = make('div', 'node');
	for (let i = 0; i < 8; i++) el.append(make('span'));
	el.children[1].append(make('span', 'state'));
	el.lastChild.className = 'why';
	return el;
}
function updateNode(el, n) {
	const [word, kind] = state(n);
	const cells = el.children;
	el.className = 'node ' + kind;
	el.dataset.id = n.id;
	set(cells[0], n.addr + (n.zone ? ' in ' + n.zone : '') + ' (' + shortID(n.id || '–') + ')');
	cells[1].firstChild.className = 'state ' + kind;
	set(cells[1].firstChild, word);
	set(cells[2], n.role + (n.role === 'replica' && n.answers ? ', lag ' + bytes(n.lag_bytes) : ''));
	const lines = n.answers ? [plural(n.clients, 'client'), bytes(n.memory_bytes) + (n.max_memory_bytes ? ' of ' + bytes(n.max_memory_bytes) : ''),
		'up ' + span(n.uptime_seconds), n.version || 'no version'] : ['', '', '', ''];
	lines.forEach((line, i) => set(cells[3 + i], line));
	set(cells[7], n.answers ? '' : n.error);
}

// ---- canvases

// fit gives a canvas as many pixels as it has on the screen.
function fit(canvas) {
	const w = Math.max(1, Math.round(canvas.clientWidth * devicePixelRatio)), h = Math.round(canvas.clientHeight * devicePixelRatio);
	if (canvas.width !== w || canvas.height !== h) { canvas.width = w; canvas.height = h; }
	return [canvas.getContext('2d'), w, h];
}
function draw(time = 0) {
	cancelAnimationFrame(frame);
	frame = 0;
	if (!report) return;
	const [ctx, w, h] = fit($('strip'));
	const free = dark.matches ? '#3b424e' : '#dfe3e8';
	ctx.clearRect(0, 0, w, h);
	const at = slot => Math.round(slot * w / SLOTS);
	for (let first = 0; first < SLOTS;) {
		let last = first;
		while (last < SLOTS && owners[last] === owners[first]) last++;
		ctx.fillStyle = owners[first] < 0 ? free : colour(owners[first]);
		ctx.fillRect(at(first), 0, Math.max(1, at(last) - at(first)), h);
		first = last;
	}
	drawMoves(ctx, at, h, time);
	if (pointed >= 0) {
		ctx.fillStyle = dark.matches ? '#fff' : '#000';
		ctx.fillRect(at(pointed) - 1, 0, 2 * devicePixelRatio, h);
	}
	if (report.moves.length && !calm.matches && !document.hidden) frame = requestAnimationFrame(draw);
}

// drawMoves draws what is still to be moved as stripes in the colour of the target, which run.
function drawMoves(ctx, at, h, time) {
	const index = new Map(report.shards.map((s, i) => [s.master, i]));
	const wide = 8 * devicePixelRatio, shift = calm.matches ? 0 : time / 1000 * 2 * wide % (2 * wide);
	for (const m of report.moves) {
		const to = index.get(m.target);
		ctx.fillStyle = to === undefined ? '#fff' : colour(to);
		for (const range of m.slots) {
			const [first, last = first] = range.split('-').map(Number);
			const x = at(first), width = Math.max(2, at(last + 1) - x);
			ctx.save();
			ctx.beginPath();
			ctx.rect(x, 0, width, h);
			ctx.clip();
			for (let s = x - h - 2 * wide + shift; s < x + width + h; s += 2 * wide) {
				ctx.beginPath();
				ctx.moveTo(s, h);
				ctx.lineTo(s + wide, h);
				ctx.lineTo(s + wide + h / 2, 0);
				ctx.lineTo(s + h / 2, 0);
				ctx.fill();
			}
			ctx.restore();
		}
	}
}
function point(slot) {
	pointed = slot;
	if (slot < 0 || !report) return;
	const i = owners[slot], s = report.shards[i];
	let text = 'Slot ' + slot + ': ' + (i < 0 ? 'nobody owns it' : label(i));
	const n = s && report.nodes.find(n => n.id === s.master);
	if (n) text += ', ' + n.addr + ', ' + state(n)[0];
	for (const m of report.moves) {
		let moving = false;
		each(m.slots, one => { moving = moving || one === slot; });
		const to = report.nodes.find(n => n.id === m.target);
		if (moving) text += ', on its way to ' + (to ? to.addr : shortID(m.target));
	}
	set($('under'), text);
}

const RAMP = [[32, 18, 58], [138, 34, 106], [227, 89, 51], [249, 201, 50], [252, 255, 164]];
function heatColour(part) {
	const at = Math.min(part, 1) * (RAMP.length - 1), i = Math.min(Math.floor(at), RAMP.length - 2);
	return 'rgb(' + RAMP[i].map((c, j) => Math.round(c + (RAMP[i + 1][j] - c) * (at - i))).join() + ')';
}
function showHeat(r) {
	const ops = r.heat.ops_per_second, per = r.heat.slots_per_cell;
	const cols = 32, rows = SLOTS / per / cols;
	const [ctx, w, h] = fit($('heat'));
	const most = ops ? Math.max(...ops) : 0;
	for (let i = 0; i < cols * rows; i++) {
		const x = i % cols, y = Math.floor(i / cols);
		const x0 = Math.round(x * w / cols), y0 = Math.round(y * h / rows);
		ctx.fillStyle = heatColour(most ? ops[i] / most : 0);
		ctx.fillRect(x0, y0, Math.round((x + 1) * w / cols) - x0, Math.round((y + 1) * h / rows) - y0);
	}
	set($('most'), most ? rate(most) : '0/s');
	if (!ops) return set($('hot'), 'Known in a second.');
	const top = ops.map((n, i) => [n, i]).filter(([n]) => n > 0).sort((a, b) => b[0] - a[0]).slice(0, 3);
	set($('hot'), 'Each cell is ' + per + ' slots, ' + per * cols + ' a row. ' + (top.length
		? 'Most: ' + top.map(([n, i]) => i * per + '–' + (i * per + per - 1) + ' with ' + rate(n)).join(', ') + '.' : 'No operations now.'));
}

// ---- asking

async function poll() {
	clearTimeout(timer);
	timer = 0;
	asking = true;
	const began = performance.now();
	try {
		const answer = await fetch('status.json', { cache: 'no-store' });
		if (!answer.ok) throw new Error((await answer.text()).trim() || answer.statusText);
		show(await answer.json());
		failures = 0;
		live('live, ' + new Date(report.time).toLocaleTimeString(), 'good');
	} catch (e) {
		failures++;
		live('no answer: ' + e.message, 'bad');
	}
	asking = false;
	const wait = Math.min(PERIOD * 2 ** Math.min(failures, 4), 10000);
	if (!document.hidden) timer = setTimeout(poll, Math.max(100, wait - (performance.now() - began)));
}
function live(text, kind) {
	$('live').className = kind;
	set($('live'), text);
}

function listen() {
	const source = new EventSource('events');
	const add = e => {
		let past;
		try { past = JSON.parse(e.data); } catch { return; }
		const at = new Date(past.time), li = make('li'), time = make('time', '', at.toLocaleTimeString());
		time.dateTime = past.time;
		li.append(time, make('b', '', past.name), make('span', '', past.text));
		li.at = at.getTime();
		$('events').prepend(li);
		dropOld();
	};
	for (const name of document.body.dataset.events.split(' ')) source.addEventListener(name, add);
}
function dropOld() {
	const list = $('events'), before = Date.now() - 3600e3;
	while (list.children.length > MAX_EVENTS || (list.lastElementChild && list.lastElementChild.at < before)) list.lastElementChild.remove();
	$('noevents').hidden = list.children.length > 0;
}

// crc16 is that of Redis Cluster (XMODEM).
function crc16(b) {
	let crc = 0;
	for (const c of b) {
		crc ^= c << 8;
		for (let i = 0; i < 8; i++) crc = crc & 0x8000 ? crc << 1 ^ 0x1021 : crc << 1;
		crc &= 0xffff;
	}
	return crc;
}
function slotOf(text) {
	if (/^\d+$/.test(text) && Number(text) < SLOTS) return Number(text);
	let key = text.replace(/^"(.*)"$/s, '$1');
	const open = key.indexOf('{'), close = open < 0 ? -1 : key.indexOf('}', open + 1);
	if (close > open + 1) key = key.slice(open + 1, close);
	return crc16(new TextEncoder().encode(key)) % SLOTS;
}
async function explain(e) {
	e.preventDefault();
	const text = $('asked').value;
	if (text === '') return set($('answer'), 'Type a slot or a key.');
	const slot = slotOf(text);
	try {
		const answer = await fetch('explain?slot=' + slot, { cache: 'no-store' });
		const body = await answer.text();
		if (!answer.ok) throw new Error(body.trim());
		const said = JSON.parse(body).text;
		set($('answer'), said.startsWith('slot ' + slot) ? 'S' + said.slice(1) : 'Slot ' + slot + ': ' + said);
		point(slot);
		draw();
	} catch (err) {
		set($('answer'), 'No answer: ' + err.message);
	}
}

// ---- begin

const slotAt = e => Math.min(SLOTS - 1, Math.max(0, Math.floor(e.offsetX * SLOTS / $('strip').clientWidth)));
$('strip').addEventListener('pointermove', e => { point(slotAt(e)); if (!frame) draw(); });
$('strip').addEventListener('keydown', e => {
	const step = { ArrowLeft: -1, ArrowRight: 1, PageUp: -64, PageDown: 64, ArrowUp: -64, ArrowDown: 64 }[e.key];
	if (!step) return;
	e.preventDefault();
	point(Math.min(SLOTS - 1, Math.max(0, pointed + step)));
	if (!frame) draw();
});
$('filter').addEventListener('input', () => report && show(report));
$('fold').addEventListener('click', () => {
	const fold = $('fold').textContent === 'Fold all';
	for (const el of $('shards').children) folded.set(el.dataset.key, !fold);
	if (report) show(report);
});
$('ask').addEventListener('submit', explain);
document.addEventListener('visibilitychange', () => {
	if (document.hidden) {
		clearTimeout(timer);
		timer = 0;
		live('paused', 'warn');
	} else if (!timer && !asking) poll();
});
for (const change of [dark, calm]) change.addEventListener('change', () => draw());
addEventListener('resize', () => report && show(report));
setInterval(dropOld, 60000);
poll();
listen();
