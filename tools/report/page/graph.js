// A function as a graph: statements as boxes, values as lines between them.
'use strict';

const NODE_WIDTH = 176;
const FONT_OP = `600 12.5px ${SANS}`;
const FONT_SMALL = `10.5px ${MONO}`;
// Below this scale only the ops' names are shown, larger.
const FAR = 0.6;
// The least scale at which those can be read.
const READABLE = 0.42;

// What an op does, for its colour.
const KINDS = {
  multiply: ['matmul', 'attention'],
  normalise: ['rmsnorm', 'layernorm', 'softmax', 'reduce_max', 'reduce_sum', 'rope'],
  move: ['append', 'concat', 'gather', 'merge', 'pack', 'pad', 'permute', 'slice', 'split', 'window', 'cast'],
  control: ['call', 'for', 'return', 'yield', 'parameter'],
};
const KIND_NAMES = {
  multiply: 'multiplies matrices',
  normalise: 'normalises, reduces, rotates',
  element: 'element by element',
  move: 'moves or converts',
  control: 'calls and loops',
};
const MARKS = {
  removed: {sign: '−', text: 'removed'},
  added: {sign: '+', text: 'added'},
  changed: {sign: '±', text: 'rewritten'},
  moved: {sign: '~', text: 'another place in memory'},
};

function kindOf(op) {
  return Object.keys(KINDS).find((kind) => KINDS[kind].includes(op)) || 'element';
}

// The nodes and edges of a function. A loop's body hangs between its `for` and its `yield`.
function graphOf(func) {
  const nodes = func.parameters.map((parameter) => ({
                                      ...parameter,
                                      op: 'parameter',
                                      text: `${parameter.name}: ${parameter.type}`,
                                      reads: []
                                    }));
  const first = nodes.length;
  nodes.push(...func.statements);
  const producer = new Map();
  nodes.forEach((node, i) => {
    if (node.carried) producer.set(node.carried, i);
    if (!node.name) return;
    const end = nodes.findIndex((other) => other.op === 'yield' && first + other.loop === i);
    producer.set(node.name, node.op === 'for' && end >= 0 ? end : i);
  });
  const edges = [];
  nodes.forEach((node, i) => {
    for (const name of new Set(node.reads.map(withoutIndex))) {
      const from = producer.get(name);
      if (from !== undefined && from !== i) edges.push([from, i]);
    }
    if (node.loop !== undefined &&
        !edges.some(([from, to]) => to === i && from >= first + node.loop)) {
      edges.push([first + node.loop, i]);
    }
  });
  const globals = nodes.map(
      (node) => node.reads.filter((name) => name[0] === '@' && !producer.has(withoutIndex(name))));
  return {nodes, edges, globals};
}

// A line for the op, one for its type, one for the globals it reads.
function sizeOf(node, globals) {
  if (!node.type) return {width: NODE_WIDTH, height: 34};
  return {width: NODE_WIDTH, height: globals.length > 0 ? 56 : 42};
}

function curve(points) {
  let path = `M${points[0][0]} ${points[0][1]}`;
  for (let i = 1; i < points.length; ++i) {
    const [x0, y0] = points[i - 1];
    const [x1, y1] = points[i];
    const middle = (y0 + y1) / 2;
    path += x0 === x1 ? `V${y1}` : `C${x0} ${middle} ${x1} ${middle} ${x1} ${y1}`;
  }
  return path;
}

// One of the two pictures: a function after a step.
class GraphView {
  constructor(figure, onSelect) {
    this.onSelect = onSelect;
    this.caption = html('figcaption');
    this.content = svg('g');
    this.root = svg('svg', {tabindex: 0, role: 'group'}, this.content);
    Object.assign(this, {nodes: [], edges: [], views: [], lines: []});
    this.panZoom = new PanZoom(this.root, this.content, {
      onScale: (scale) => this.root.classList.toggle('far', scale < FAR),
    });
    const button = (label, text, action) =>
        html('button', {type: 'button', title: label, 'aria-label': label, onclick: action}, text);
    this.empty = html('p', {class: 'empty'});
    figure.append(
        html(
            'div', {class: 'graph-head'}, this.caption,
            html(
                'div', {class: 'zoom'}, button('Zoom out', '−', () => this.panZoom.zoomCentre(0.8)),
                button('Zoom in', '+', () => this.panZoom.zoomCentre(1.25)),
                button('Show all of it', 'Fit', () => this.fit()),
                button('Show what changed', 'Changes', () => this.showMarked()))),
        this.root, this.empty);
  }

  draw(title, func, marks) {
    this.caption.textContent = title;
    this.root.setAttribute('aria-label', `${func ? func.name : 'nothing'}, ${title}`);
    this.content.replaceChildren();
    Object.assign(this, {nodes: [], edges: [], views: [], lines: []});
    this.root.toggleAttribute('hidden', !func);
    this.empty.textContent = func ? '' : 'The module has no such function here.';
    if (!func) return;
    const {nodes, edges, globals} = graphOf(func);
    const sizes = nodes.map((node, i) => sizeOf(node, globals[i]));
    const layout = layoutGraph(sizes, edges);
    Object.assign(this, {nodes, edges, sizes, layout});
    this.marks = nodes.map((node) => marks.get(node.text));
    this.lines = edges.map((edge, i) => svg('path', {class: 'edge', d: curve(layout.paths[i])}));
    this.content.append(...this.lines);
    this.views = nodes.map((node, i) => this.node(node, globals[i], i));
    this.content.append(...this.views);
    this.showMarked();
  }

  node(node, globals, i) {
    const {x, y} = this.layout.places[i];
    const {width, height} = this.sizes[i];
    const mark = this.marks[i];
    const left = 12;
    const space = width - 2 * left;
    const first = node.type ? 17 : 21;
    const title = node.callee ? `call ${node.callee}` : node.op;
    const opWidth = node.op === 'parameter' ? 0 : textWidth(title, FONT_OP) + 8;
    const kind = kindOf(node.op);
    const group =
        svg('g', {
          class: ['node', kind, node.view ? 'view' : '', mark].filter(Boolean).join(' '),
          transform: `translate(${x - width / 2} ${y})`,
          tabindex: -1,
          role: 'button',
          'aria-label': node.text,
          'data-name': node.name,
          ...onActivate(() => this.onSelect(node)),
        },
            svg('title', {}, node.text), svg('rect', {class: 'box', width, height, rx: 7}),
            svg('rect', {class: 'stripe', x: 0.5, y: 7, width: 4, height: height - 14, rx: 2}));
    const far = node.op === 'parameter' ? node.name : title;
    const farSize =
        Math.min(height - 8, 30, 30 * (width - 30) / textWidth(far, `600 30px ${SANS}`));
    group.append(
        svg('text', {
          class: 'far-label',
          x: width / 2 + 3,
          y: height / 2,
          style: `font-size:${farSize.toFixed(1)}px`
        },
            far));
    if (node.op !== 'parameter') group.append(svg('text', {class: 'op', x: left, y: first}, title));
    group.append(
        svg('text', {
          class: 'name',
          x: opWidth > 0 ? width - left : left,
          y: first,
          'text-anchor': opWidth > 0 ? 'end' : 'start'
        },
            shortened(node.name || node.reads.join(' '), FONT_SMALL, space - opWidth)));
    if (node.type) {
      group.append(
          svg('text', {class: 'type', x: left, y: 33}, shortened(node.type, FONT_SMALL, space)));
    }
    if (globals.length > 0) {
      group.append(
          svg('text', {class: 'globals', x: left, y: 48},
              shortened(globals.join(' '), FONT_SMALL, space)));
    }
    if (mark) {
      group.append(
          svg('circle', {class: 'badge', cx: width, cy: 0, r: 8}),
          svg('text', {class: 'sign', x: width, y: 0}, MARKS[mark].sign));
    }
    return group;
  }

  boxAround(places) {
    const left = Math.min(...places.map((i) => this.layout.places[i].x - NODE_WIDTH / 2));
    const right = Math.max(...places.map((i) => this.layout.places[i].x + NODE_WIDTH / 2));
    const top = Math.min(...places.map((i) => this.layout.places[i].y));
    const bottom = Math.max(...places.map((i) => this.layout.places[i].y + this.sizes[i].height));
    return {x: left, y: top, width: right - left, height: bottom - top};
  }

  fit() {
    if (this.views.length === 0) return;
    this.panZoom.show({x: 0, y: 0, width: this.layout.width, height: this.layout.height});
  }

  // What the pass changed, or all of it if nothing did; not smaller than can be read.
  showMarked() {
    const marked = [...this.views.keys()].filter((i) => this.marks[i]);
    if (this.views.length === 0) return;
    const shown = marked.length > 0 ? marked : [...this.views.keys()];
    this.panZoom.show(this.boxAround(shown), {least: READABLE, margin: 28});
  }

  select(name) {
    this.views.forEach(
        (view, i) => view.classList.toggle('selected', name !== '' && this.nodes[i].name === name));
    this.lines.forEach((line, i) => {
      const [from, to] = this.edges[i];
      line.classList.toggle(
          'lit', name !== '' && (this.nodes[from].name === name || this.nodes[to].name === name));
    });
  }

  // Moves the picture, not the page, so that the statement is seen.
  reveal(name) {
    const i = this.nodes.findIndex((node) => node.name === name);
    if (i < 0) return;
    const {x, y} = this.layout.places[i];
    const {panZoom, root} = this;
    const shownX = x * panZoom.scale + panZoom.x;
    const shownY = y * panZoom.scale + panZoom.y;
    const isSeen = shownX > 60 && shownX < root.clientWidth - 60 && shownY > 0 &&
        shownY < root.clientHeight - 40;
    if (isSeen && panZoom.scale >= FAR) return;
    const scale = Math.max(panZoom.scale, 0.8);
    panZoom.moveTo(root.clientWidth / 2 - x * scale, root.clientHeight / 2 - y * scale, scale);
  }
}

function startGraphs() {
  const select = (node) => update({selected: node.name || ''});
  const before = new GraphView(byId('before'), select);
  const after = new GraphView(byId('after'), select);
  const kinds = Object.entries(KIND_NAMES);
  const marks = Object.entries(MARKS);
  byId('graph-legend')
      .append(
          ...kinds.map(([kind, text]) => html('li', {class: `kind ${kind}`}, text)),
          html('li', {class: 'kind view'}, 'costs nothing: a view'),
          ...marks.map(
              ([mark, {sign, text}]) =>
                  html('li', {class: `mark ${mark}`}, html('b', {}, sign), text)));
  onChange((changed) => {
    if (changed.has('step') || changed.has('func')) {
      const marks = marksOf(state.step, state.func);
      byId('before').hidden = state.step === 0;
      if (state.step > 0) {
        before.draw(
            `Before · ${stepTitle(state.step - 1)}`, functionAt(state.step - 1, state.func),
            marks.before);
      }
      after.draw(
          state.step === 0 ? start.title : `After · ${stepTitle(state.step)}`,
          functionAt(state.step, state.func), marks.after);
    }
    if (changed.has('step') || changed.has('func') || changed.has('selected')) {
      for (const view of [before, after]) {
        view.select(state.selected);
        if (state.selected && (changed.has('selected') || changed.has('func')))
          view.reveal(state.selected);
      }
    }
  });
}
