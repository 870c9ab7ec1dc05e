// Places the nodes of a directed acyclic graph in layers, from top to bottom.
//
// Layers, order and coordinates as Sugiyama, Tagawa and Toda, "Methods for Visual Understanding of
// Hierarchical System Structures" (1981); coordinates by isotonic regression: in each layer the
// nearest places to the neighbours' that keep order and distance.
'use strict';

const LAYER_GAP = 26;
const NODE_GAP = 12;
const SWEEPS = 24;  // that sort
const PULLS = 40;   // that straighten
const PULLS_OF_ONE_SIDE = 16;

// nodes: [{width, height}], edges: [[from, to]]. Returns {places: [{x, y}] (centre, top), paths:
// [for each edge its points], width, height}.
function layoutGraph(nodes, edges) {
  const layers = assignLayers(nodes.length, edges);
  const drawn = nodes.map((node, i) => ({...node, layer: layers[i], dummy: false, x: 0}));
  const {links, chains} = addDummies(drawn, edges);
  const rows = orderRows(drawn, links);
  placeColumns(drawn, rows, links);
  return finish(nodes.length, drawn, rows, chains);
}

// The longest way from a source; sources lie right above what reads them first.
function assignLayers(count, edges) {
  const layer = new Array(count).fill(0);
  const targets = Array.from({length: count}, () => []);
  const waiting = new Array(count).fill(0);
  for (const [from, to] of edges) {
    targets[from].push(to);
    ++waiting[to];
  }
  const sources = [...waiting.keys()].filter((i) => waiting[i] === 0);
  const ready = [...sources];
  while (ready.length > 0) {
    const node = ready.pop();
    for (const to of targets[node]) {
      layer[to] = Math.max(layer[to], layer[node] + 1);
      if (--waiting[to] === 0) ready.push(to);
    }
  }
  for (const source of sources) {
    if (targets[source].length > 0)
      layer[source] = Math.min(...targets[source].map((to) => layer[to])) - 1;
  }
  return layer;
}

// An edge over several layers goes through a dummy node in each; edges of one node share them.
function addDummies(drawn, edges) {
  const links = [];
  const known = new Map();  // "from layer" -> dummy
  const chains = edges.map(([from, to]) => {
    const chain = [from];
    for (let layer = drawn[from].layer + 1; layer < drawn[to].layer; ++layer) {
      const key = `${from} ${layer}`;
      if (!known.has(key)) {
        known.set(key, drawn.length);
        links.push([chain[chain.length - 1], drawn.length]);
        drawn.push({width: 4, height: 0, layer, dummy: true, x: 0});
      }
      chain.push(known.get(key));
    }
    links.push([chain[chain.length - 1], to]);
    chain.push(to);
    return chain;
  });
  return {links, chains};
}

function neighbours(count, links) {
  const above = Array.from({length: count}, () => []);
  const below = Array.from({length: count}, () => []);
  for (const [from, to] of links) {
    above[to].push(from);
    below[from].push(to);
  }
  return {above, below};
}

function crossings(rows, links, drawn) {
  const place = new Map();
  for (const row of rows) row.forEach((node, i) => place.set(node, i));
  const byLayer = rows.map(() => []);
  for (const [from, to] of links) byLayer[drawn[from].layer].push([place.get(from), place.get(to)]);
  let count = 0;
  for (const pairs of byLayer) {
    for (let i = 0; i < pairs.length; ++i) {
      for (let j = 0; j < i; ++j) {
        if ((pairs[i][0] - pairs[j][0]) * (pairs[i][1] - pairs[j][1]) < 0) ++count;
      }
    }
  }
  return count;
}

// Sorts each layer by the mean place of its neighbours, downwards and upwards in turns; keeps the
// order with the fewest crossings.
function orderRows(drawn, links) {
  const {above, below} = neighbours(drawn.length, links);
  let rows = [];
  drawn.forEach((node, i) => (rows[node.layer] = rows[node.layer] || []).push(i));
  rows = Array.from(rows, (row) => row || []);
  let best = rows;
  let fewest = crossings(rows, links, drawn);
  for (let sweep = 0; sweep < SWEEPS && fewest > 0; ++sweep) {
    const down = sweep % 2 === 0;
    const near = down ? above : below;
    rows = rows.map((row) => [...row]);
    const place = new Map();
    for (const row of rows) row.forEach((node, i) => place.set(node, i));
    for (const row of down ? rows : [...rows].reverse()) {
      const key = new Map(row.map((node) => {
        const around = near[node];
        const sum = around.reduce((total, other) => total + place.get(other), 0);
        return [node, around.length > 0 ? sum / around.length : place.get(node)];
      }));
      row.sort((a, b) => key.get(a) - key.get(b));
      row.forEach((node, i) => place.set(node, i));
    }
    const now = crossings(rows, links, drawn);
    if (now < fewest) {
      fewest = now;
      best = rows;
    }
  }
  return best;
}

// The non-decreasing values nearest to `wanted`, by pooling adjacent violators.
function isotonic(wanted, weights) {
  const pools = [];
  wanted.forEach((value, i) => {
    pools.push({value, weight: weights[i], count: 1});
    while (pools.length > 1 && pools[pools.length - 2].value > pools[pools.length - 1].value) {
      const last = pools.pop();
      const pool = pools[pools.length - 1];
      const weight = pool.weight + last.weight;
      pool.value = (pool.value * pool.weight + last.value * last.weight) / weight;
      pool.weight = weight;
      pool.count += last.count;
    }
  });
  return pools.flatMap((pool) => new Array(pool.count).fill(pool.value));
}

// The place nearest to x from which the lines to all neighbours are shortest together.
function nearMedian(x, neighbourXs) {
  if (neighbourXs.length === 0) return x;
  const sorted = [...neighbourXs].sort((a, b) => a - b);
  const low = sorted[(sorted.length - 1) >> 1];
  const high = sorted[sorted.length >> 1];
  return Math.min(high, Math.max(low, x));
}

function placeColumns(drawn, rows, links) {
  const {above, below} = neighbours(drawn.length, links);
  const offsets = rows.map((row) => {
    let x = 0;
    return row.map((node, i) => {
      if (i > 0) x += (drawn[row[i - 1]].width + drawn[node].width) / 2 + NODE_GAP;
      return x;
    });
  });
  rows.forEach((row, r) => row.forEach((node, i) => {
    drawn[node].x = offsets[r][i] - offsets[r][row.length - 1] / 2;
  }));
  for (let sweep = 0; sweep < PULLS; ++sweep) {
    const order = [...rows.keys()];
    if (sweep % 2 === 1) order.reverse();
    for (const r of order) {
      const row = rows[r];
      // First the side that is placed already pulls, then both, so that lines become straight.
      const around = (node) =>
          (sweep >= PULLS_OF_ONE_SIDE ? [...above[node], ...below[node]] :
               sweep % 2 === 0        ? above[node] :
                                        below[node]);
      const weights = row.map(
          (node) =>
              (around(node).length === 0 ? 0.01 :
                   drawn[node].dummy     ? 8 :
                                           1));
      const wanted = row.map((node, i) => {
        return nearMedian(drawn[node].x, around(node).map((other) => drawn[other].x)) -
            offsets[r][i];
      });
      isotonic(wanted, weights).forEach((x, i) => (drawn[row[i]].x = x + offsets[r][i]));
    }
  }
}

function finish(count, drawn, rows, chains) {
  let y = 0;
  const tops = rows.map((row) => {
    const top = y;
    const height = Math.max(0, ...row.map((node) => drawn[node].height));
    y += height + LAYER_GAP;
    return {top, height};
  });
  const left = Math.min(...drawn.map((node) => node.x - node.width / 2));
  const right = Math.max(...drawn.map((node) => node.x + node.width / 2));
  const places = drawn.slice(0, count).map((node) => ({x: node.x - left, y: tops[node.layer].top}));
  const paths = chains.map((chain) => {
    const points = [];
    chain.forEach((i, at) => {
      const node = drawn[i];
      const {top, height} = tops[node.layer];
      const x = node.x - left;
      if (at === 0)
        points.push([x, top + node.height], [x, top + height]);
      else if (at === chain.length - 1)
        points.push([x, top]);
      else
        points.push([x, top], [x, top + height]);
    });
    return points;
  });
  return {places, paths, width: right - left, height: y - LAYER_GAP};
}
