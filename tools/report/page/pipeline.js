// The passes as a slider: a column for each, with how much it changed.
'use strict';

function changesOf(step) {
  const total = {removed: 0, added: 0, moved: 0};
  for (const section of report.steps[step].diff) {
    const marks = countMarks(section.lines);
    for (const mark of Object.keys(total)) total[mark] += marks[mark];
  }
  return total;
}

function changeText({removed, added, moved}) {
  const parts = [];
  if (removed > 0) parts.push(`−${removed}`);
  if (added > 0) parts.push(`+${added}`);
  if (moved > 0) parts.push(`~${moved}`);
  return parts.join(' ');
}

// The function that a step's pass changed most; none if it changed nothing of them.
function mostChanged(step) {
  let best = '';
  let most = 0;
  for (const section of report.steps[step].diff) {
    const size = section.lines.filter((line) => line[0] !== ' ').length;
    if (section.name !== 'declarations' && size > most) {
      most = size;
      best = section.name;
    }
  }
  return best;
}

function goTo(step) {
  step = Math.min(lastStep, Math.max(0, step));
  const follow = state.follow ? mostChanged(step) : '';
  const func = follow || (functionAt(step, state.func) ? state.func : '@step');
  update({step, func, selected: statementAt(step, func, state.selected) ? state.selected : ''});
}

function pipelineColumn(step, tallest) {
  const changes = changesOf(step);
  const {pass, number} = report.steps[step];
  const bar = (kind, count) => html('i', {
    class: kind,
    style: `height:${count === 0 ? 0 : Math.max(3, 40 * Math.sqrt(count / tallest))}px`
  });
  return html(
      'button', {
        type: 'button',
        class: 'stop',
        'data-step': step,
        onclick: () => goTo(step),
        title: step === 0 ? start.title :
                            `${number} ${pass}: ${changeText(changes) || 'changed nothing'}`,
      },
      html(
          'span', {class: 'bars', 'aria-hidden': 'true'}, bar('removed', changes.removed),
          bar('added', changes.added), bar('moved', changes.moved)),
      html('span', {class: 'dot', 'aria-hidden': 'true'}),
      html('span', {class: 'label'}, step === 0 ? start.label : pass));
}

function startPipeline() {
  const tallest =
      Math.max(1, ...report.steps.map((_, i) => Math.max(...Object.values(changesOf(i)))));
  const slider = html('input', {
    type: 'range',
    id: 'slider',
    min: 0,
    max: lastStep,
    step: 1,
    'aria-label': 'Pass',
    oninput: () => goTo(Number(slider.value)),
  });
  const columns = report.steps.map((_, i) => pipelineColumn(i, tallest));
  columns.forEach((column, i) => {
    if (i > 0 && report.steps[i].diff.length === 0) column.classList.add('idle');
  });
  const previous = html(
      'button', {type: 'button', id: 'previous', onclick: () => goTo(state.step - 1)},
      '← Previous');
  const next =
      html('button', {type: 'button', id: 'next', onclick: () => goTo(state.step + 1)}, 'Next →');
  const title = html('h3', {id: 'step-title'});
  const summary = html('p', {id: 'step-summary'});
  byId('pipeline')
      .append(
          html(
              'div', {class: 'pipeline-head'}, html('div', {}, title, summary),
              html('div', {class: 'buttons'}, previous, next)),
          html(
              'div', {class: 'track', style: `--stops:${report.steps.length}`},
              html('div', {class: 'stops'}, ...columns), slider));

  const tabs = functionNames().map(
      (name) => html(
          'button', {
            type: 'button',
            role: 'tab',
            'data-func': name,
            onclick: () => update({func: name, selected: ''}),
          },
          html('span', {}, name === 'load' ? 'load block' : name), html('small')));
  byId('functions').append(...tabs);
  byId('follow').addEventListener('change', (event) => update({follow: event.target.checked}));
  document.addEventListener('keydown', (event) => {
    if (event.target.closest('input, select, textarea') || event.altKey || event.ctrlKey ||
        event.metaKey)
      return;
    const by = {ArrowLeft: -1, ArrowRight: 1}[event.key];
    if (!by) return;
    event.preventDefault();
    goTo(state.step + by);
  });

  if (lastStep === 0) {
    byId('passes-intro').textContent =
        'The model after all passes. Click a statement for its text, its origin and its weights.';
    byId('follow').closest('label').remove();
  }

  onChange((changed) => {
    if (!changed.has('step') && !changed.has('func')) return;
    const step = report.steps[state.step];
    const changes = changesOf(state.step);
    slider.value = state.step;
    slider.setAttribute('aria-valuetext', stepTitle(state.step));
    previous.disabled = state.step === 0;
    next.disabled = state.step === lastStep;
    title.replaceChildren(...(
        state.step === 0 ? [start.title] :
                           [html('span', {class: 'number'}, `${step.number}`), ' ', step.pass]));
    const statements = plural(statementCount(state.step), 'statement');
    if (state.step === 0) {
      summary.textContent = `${statements}, ${start.text}.`;
    } else if (step.diff.length === 0) {
      summary.textContent = `Changed nothing. ${statements}.`;
    } else {
      const where =
          step.diff.map((section) => section.name === 'load' ? 'the load block' : section.name)
              .join(', ');
      summary.textContent = `${changeText(changes)} in ${where}. ${
          plural(statementCount(state.step - 1), 'statement')} before, ${
          statementCount(state.step)} after; took ${seconds(step.seconds)}.`;
    }
    columns.forEach((column, i) => {
      column.classList.toggle('current', i === state.step);
      column.classList.toggle('past', i < state.step);
    });
    for (const tab of tabs) {
      const name = tab.dataset.func;
      tab.setAttribute('aria-selected', name === state.func);
      tab.disabled =
          !functionAt(state.step, name) && !(state.step > 0 && functionAt(state.step - 1, name));
      tab.querySelector('small').textContent = changeText(countMarks(diffOf(state.step, name)));
    }
  });
}
