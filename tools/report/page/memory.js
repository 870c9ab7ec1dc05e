// The memory section: what a running model holds, and the frame over the calls of a step.
'use strict';

const PLAN_HEIGHT = 420;
const PLAN_MARGIN = {
  left: 70,
  right: 12,
  top: 30,
  bottom: 40
};
const MEMORY_PARTS = [
  ['loaded', 'packed weights'],
  ['weights', 'weights read as they are'],
  ['states', 'KV cache of one sequence'],
  ['frame', 'activations'],
  ['workspace', 'shared by threads inside a call'],
];

function memoryTotals() {
  const total = MEMORY_PARTS.reduce((sum, [key]) => sum + report.memory[key], 0);
  return html(
      'div', {class: 'card totals'},
      html(
          'h3', {},
          `${bytes(total)} for a sequence of ${report.header.context.toLocaleString('en')} tokens`),
      html(
          'div', {class: 'stack', 'aria-hidden': 'true'},
          ...MEMORY_PARTS.map(
              ([key]) =>
                  html('i', {class: key, style: `flex-grow:${report.memory[key] / total}`}))),
      html(
          'ul', {class: 'legend'},
          ...MEMORY_PARTS.map(
              ([key, text]) => html(
                  'li', {class: `part ${key}`}, html('b', {}, bytes(report.memory[key])),
                  ` ${text}`))));
}

// Calls of one layer, [first, last]; the second one's where there are several.
function oneLayer() {
  const layers = [...new Set(report.calls.map(([name]) => (name.match(/\[(\d+)\]/) || [])[1])
                                 .filter((layer) => layer !== undefined))];
  const layer = layers[Math.min(1, layers.length - 1)];
  const places = [...report.calls.keys()].filter((i) => report.calls[i][0].includes(`[${layer}]`));
  return [places[0], places[places.length - 1]];
}

// "attn" of the buffer "attn[3].qkv".
function funcOf(buffer) {
  return buffer.name.split(/[[.]/)[0];
}

// Runs of calls that belong to the same layer: {layer, first, last}.
function layerBands() {
  const bands = [];
  report.calls.forEach(([name], i) => {
    const layer = (name.match(/\[(\d+)\]/) || [])[1];
    const last = bands[bands.length - 1];
    if (last && last.layer === layer)
      last.last = i;
    else
      bands.push({layer, first: i, last: i});
  });
  return bands;
}

// Round numbers, about `count` of them, from 0 to `most`.
function linearTicks(most, count) {
  const rough = most / count;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((factor) => factor * power).find((size) => size >= rough);
  const ticks = [];
  for (let tick = 0; tick <= most; tick += step) ticks.push(tick);
  return ticks;
}

class PlanView {
  constructor(root, onPick) {
    this.bands = svg('g');
    this.grid = svg('g');
    this.rects = svg('g');
    this.axis = svg('g');
    this.clip = svg('rect', {x: PLAN_MARGIN.left, y: 0, height: PLAN_HEIGHT});
    this.picture = svg(
        'svg', {
          class: 'plan',
          height: PLAN_HEIGHT,
          tabindex: 0,
          role: 'group',
          'aria-label': 'The frame over the calls of a step'
        },
        svg('clipPath', {id: 'plan-clip'}, this.clip),
        svg('g', {'clip-path': 'url(#plan-clip)'}, this.bands, this.grid, this.rects), this.axis);
    root.append(this.picture);
    this.items = report.buffers.map((buffer) => {
      const rect = svg('rect', {class: `buffer ${funcOf(buffer)}`, rx: 2});
      const label = svg('text', {class: 'buffer-label'});
      const group = svg(
          'g', {
            'data-name': buffer.name,
            role: 'button',
            tabindex: -1,
            'aria-label': `${buffer.name}, ${bytes(buffer.bytes)}`,
            onmouseenter: () => onPick(buffer, false),
            ...onActivate(() => onPick(buffer, true)),
          },
          svg('title', {},
              `${buffer.name}: ${bytes(buffer.bytes)} at ${buffer.offset.toLocaleString('en')}`),
          rect, label);
      this.rects.append(group);
      return {buffer, group, rect, label};
    });
    this.zoom = new PanZoom(this.picture, this.rects, {
      horizontal: true,
      least: 1,
      most: Math.max(8, report.calls.length / 6),
      onScale: () => this.draw()
    });
  }

  // Shows the calls from `first` to `last`.
  showCalls(first, last) {
    const inner = this.inner();
    const scale = Math.max(1, report.calls.length / (last - first + 1));
    this.zoom.moveTo(-inner * scale * first / report.calls.length, 0, scale);
  }

  inner() {
    return Math.max(100, this.picture.clientWidth - PLAN_MARGIN.left - PLAN_MARGIN.right);
  }

  draw() {
    const {scale, x: shift} = this.zoom;
    const inner = this.inner();
    const step = inner * scale / report.calls.length;
    const x = (call) => PLAN_MARGIN.left + shift + call * step;
    const bottom = PLAN_HEIGHT - PLAN_MARGIN.bottom;
    const y = (offset) => bottom - (bottom - PLAN_MARGIN.top) * offset / report.memory.frame;
    this.clip.setAttribute('width', inner);
    for (const {buffer, rect, label} of this.items) {
      const left = x(buffer.first);
      const width = Math.max(1, (buffer.last - buffer.first + 1) * step - 1);
      const top = y(buffer.offset + buffer.bytes);
      const height = Math.max(1, y(buffer.offset) - top - 1);
      fill(rect, {x: left, y: top, width, height}, []);
      const seenLeft = Math.max(left, PLAN_MARGIN.left);
      const seen = Math.min(left + width, PLAN_MARGIN.left + inner) - seenLeft;
      const text = buffer.name;
      const fits = height >= 13 && seen > textWidth(text, FONT_SMALL) + 8;
      label.textContent = fits ? text : '';
      fill(label, {x: seenLeft + 4, y: top + height / 2 + 4}, []);
    }
    this.drawBands(x, bottom, inner);
    this.drawAxis(x, y, bottom, inner, step);
  }

  drawBands(x, bottom, inner) {
    const bands = layerBands().filter((band) => band.layer !== undefined);
    const width = Math.min(...bands.map((band) => x(band.last + 1) - x(band.first)));
    const isWide = width > textWidth(`layer ${bands.length}`, FONT_SMALL) + 6;
    this.bands.replaceChildren(...bands.flatMap((band) => {
      const left = Math.max(x(band.first), PLAN_MARGIN.left);
      const right = Math.min(x(band.last + 1), PLAN_MARGIN.left + inner);
      if (right <= left) return [];
      const text = isWide ? `layer ${band.layer}` : band.layer;
      const fits = right - left > textWidth(text, FONT_SMALL) + 4;
      const kind = band.layer % 2 === 0 ? 'even' : 'odd';
      const middle = (left + right) / 2;
      return [
        svg('rect',
            {class: `band ${kind}`, x: left, y: 6, width: right - left, height: bottom - 6}),
        svg('text', {class: 'tick', x: middle, y: 20, 'text-anchor': 'middle'}, fits ? text : ''),
      ];
    }));
  }

  drawAxis(x, y, bottom, inner, step) {
    const right = PLAN_MARGIN.left + inner;
    const ticks = linearTicks(report.memory.frame, 5);
    this.grid.replaceChildren(...ticks.map(
        (tick) => svg(
            'line', {class: 'grid', x1: PLAN_MARGIN.left, x2: right, y1: y(tick), y2: y(tick)})));
    const parts = ticks.map(
        (tick) => (svg(
            'text', {class: 'tick', x: PLAN_MARGIN.left - 8, y: y(tick) + 4, 'text-anchor': 'end'},
            tick === 0 ? '0' : bytes(tick))));
    const every = Math.max(1, linearTicks(report.calls.length, report.calls.length * step / 60)[1]);
    for (let call = 0; call < report.calls.length; call += every) {
      const at = x(call + 0.5);
      if (at < PLAN_MARGIN.left || at > right) continue;
      parts.push(
          svg('text', {class: 'tick', x: at, y: bottom + 16, 'text-anchor': 'middle'}, `${call}`));
    }
    parts.push(
        svg('text', {
          class: 'axis',
          x: PLAN_MARGIN.left + inner / 2,
          y: PLAN_HEIGHT - 6,
          'text-anchor': 'middle'
        },
            'call of the step'));
    this.axis.replaceChildren(...parts);
  }

  select(isSelected) {
    for (const {buffer, group} of this.items) {
      group.classList.toggle('selected', isSelected(buffer));
    }
  }
}

function startMemory() {
  const info = html('p', {class: 'plan-info', 'aria-live': 'polite'});
  const root = html('div', {class: 'plan-root'});
  const hint = 'Each box is what one call computes, from then until it is read for the last ' +
      `time, at the largest step of ${plural(report.header.max_step, 'token')}. Boxes above each ` +
      'other lie in memory at the same time.';
  const describe = (buffer) => {
    const [name, kernel] = report.calls[buffer.first];
    info.replaceChildren(
        html('b', {}, html('code', {}, name)),
        ` ${bytes(buffer.bytes)} at byte ${buffer.offset.toLocaleString('en')}, calls ${
            buffer.first} to ${buffer.last}, by `,
        html('code', {}, kernel));
  };
  const pick = (buffer, clicked) => {
    describe(buffer);
    if (clicked) selectCall(baseName(buffer.name));
  };
  const view = new PlanView(root, pick);
  const button = (id, text, action) => html('button', {type: 'button', id, onclick: action}, text);
  const zoom = [
    button('plan-out', '−', () => view.zoom.zoomCentre(0.8)),
    button('plan-in', '+', () => view.zoom.zoomCentre(1.25)),
    button('plan-all', 'Whole step', () => view.showCalls(0, report.calls.length - 1)),
    button('plan-layer', 'One layer', () => view.showCalls(...oneLayer())),
  ];
  const calls = plural(report.calls.length, 'call');
  const title = html('h3', {}, `The frame: ${bytes(report.memory.frame)}, ${calls} a step`);
  const funcs = [...new Set(report.buffers.map((buffer) => funcOf(buffer)))];
  const legend = funcs.map((name) => html('li', {class: `func ${name}`}, `@${name}`));
  const head = html('div', {class: 'graph-head'}, title, html('div', {class: 'zoom'}, zoom));
  const plan = html(
      'div', {class: 'card'}, head, html('p', {class: 'quiet'}, hint), root,
      html('ul', {class: 'legend'}, legend), info);
  byId('memory-body').append(memoryTotals(), plan);
  info.append(html('span', {class: 'quiet'}, 'Point at a box.'));
  let width = 0;
  new ResizeObserver(() => {
    if (root.clientWidth === width) return;
    width = root.clientWidth;
    view.showCalls(0, report.calls.length - 1);
  }).observe(root);
  onChange((changed) => {
    if (!changed.has('selected') && !changed.has('func')) return;
    const name = state.selected ? baseOf(state.func, state.selected) : '';
    view.select((buffer) => baseName(buffer.name) === name);
  });
}
