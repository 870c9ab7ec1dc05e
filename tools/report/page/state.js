// What the page shows now. Parts that draw themselves from it are told when it changes.
'use strict';

const state = {
  step: 0,       // place in report.steps
  func: '',      // "@attn"
  selected: '',  // a statement of it, "%q4"
  run: 0,        // place in report.runs
  follow: true,  // a new step shows the function that its pass changed most
};

const listeners = [];

// draw(changed) is called with the names of what changed; once with all of them at the start.
function onChange(draw) {
  listeners.push(draw);
}

function update(values) {
  const changed = new Set();
  for (const [key, value] of Object.entries(values)) {
    if (state[key] === value) continue;
    state[key] = value;
    changed.add(key);
  }
  if (changed.size > 0)
    for (const draw of listeners) draw(changed);
}

function drawAll() {
  const all = new Set(Object.keys(state));
  for (const draw of listeners) draw(all);
}
