// The time section: the roofline, and each statement's time beside its prediction.
'use strict';

function kernelRow(run, row, longest, onSelect) {
  const width = (value) => `${(100 * value / longest).toFixed(2)}%`;
  const share = row.share_of_limit;
  return html(
      'tr', {tabindex: 0, 'data-name': row.name, ...onActivate(() => onSelect(row.name))},
      html('th', {scope: 'row'}, html('code', {}, row.name)),
      html(
          'td', {class: 'bar-cell'},
          html(
              'span', {class: 'bar'}, html('i', {
                class: `measured ${row.limit === 'DRAM read' ? 'read' : row.limit}`,
                style: `width:${width(row.measured_seconds)}`
              }),
              row.predicted_seconds < 0.01 * longest ?
                  null :
                  html('i', {class: 'predicted', style: `left:${width(row.predicted_seconds)}`}))),
      html('td', {}, seconds(row.measured_seconds)), html('td', {}, seconds(row.predicted_seconds)),
      html('td', {}, share === null ? '–' : percent(share)),
      html('td', {}, percent(row.measured_seconds / run.seconds)));
}

function kernelTable(run, onSelect) {
  const rows = [...run.statements].sort((a, b) => b.measured_seconds - a.measured_seconds);
  const longest =
      Math.max(...rows.map((row) => Math.max(row.measured_seconds, row.predicted_seconds)));
  const inCalls = rows.reduce((sum, row) => sum + row.measured_seconds, 0);
  const between = Math.max(0, run.seconds - inCalls);
  return html(
      'table', {class: 'kernels'},
      html(
          'thead', {},
          html(
              'tr', {},
              ...['Statement', 'Time, and │ limit', 'Measured', 'At limit', 'Of limit', 'Of run']
                  .map((title) => html('th', {scope: 'col'}, title)))),
      html('tbody', {}, ...rows.map((row) => kernelRow(run, row, longest, onSelect))),
      between === 0 ? null :
                      html(
                          'tfoot', {},
                          html(
                              'tr', {}, html('th', {scope: 'row'}, 'between calls'), html('td'),
                              html('td', {}, seconds(between)), html('td'), html('td'),
                              html('td', {}, percent(between / run.seconds)))));
}

function kernelCard(run, row) {
  return [
    html(
        'h3', {}, html('code', {}, row.name),
        html(
            'button', {
              type: 'button',
              class: 'link',
              onclick: () => byId('passes').scrollIntoView({behavior: 'smooth'}),
            },
            'Show in the graph')),
    html(
        'dl', {class: 'facts-list'}, fact('kernel', html('code', {}, row.kernel)),
        fact(
            'imported as', counted(row.ops), row.module ? ' of ' : '',
            row.module ? html('code', {}, row.module) : ''),
        row.passes.length > 0 ? fact('made by', row.passes.join(', ')) : [],
        fact(
            'work',
            `${plural(row.calls, 'call')}, ${bytes(row.bytes)} from memory, ${
                scaled(row.flops)}FLOP`),
        fact(
            'time',
            `${seconds(row.measured_seconds)}, at least ${seconds(row.predicted_seconds)} by the ${
                row.limit} limit`)),
  ];
}

function startTime() {
  const root = byId('time-body');
  if (report.runs.length === 0) {
    root.append(html(
        'p', {class: 'card quiet'}, 'Nothing was run: this report was made with --no-measure.'));
    return;
  }
  const chart = html('div', {class: 'chart'});
  const card = html('div', {class: 'kernel-card', 'aria-live': 'polite'});
  const table = html('div', {class: 'table-scroll'});
  const note = html('p', {class: 'quiet'});
  const tabs = report.runs.map(
      (run, i) => html(
          'button', {
            type: 'button',
            role: 'tab',
            'data-run': i,
            onclick: () => update({run: i}),
          },
          run.run[0].toUpperCase() + run.run.slice(1)));
  root.append(
      html('div', {class: 'tabs', role: 'tablist', 'aria-label': 'Run'}, ...tabs),
      html(
          'div', {class: 'time-grid'}, html('div', {class: 'card'}, chart, note, card),
          html('div', {class: 'card table-card'}, table)));

  const draw = () => drawRoofline(chart, report.runs[state.run], selectCall);
  let width = 0;
  new ResizeObserver(() => {
    if (chart.clientWidth === width) return;
    width = chart.clientWidth;
    draw();
    mark();
  }).observe(chart);

  const mark = () => {
    const run = report.runs[state.run];
    const name = state.selected ? baseOf(state.func, state.selected) : '';
    for (const element of root.querySelectorAll('[data-name]'))
      element.classList.toggle('selected', element.dataset.name === name);
    const row = run.statements.find((statement) => statement.name === name);
    card.replaceChildren(...(row ? kernelCard(run, row) : []));
  };

  onChange((changed) => {
    if (changed.has('run')) {
      const run = report.runs[state.run];
      const shown = rooflinePoints(run).length;
      tabs.forEach((tab, i) => tab.setAttribute('aria-selected', i === state.run));
      draw();
      table.replaceChildren(kernelTable(run, selectCall));
      note.textContent = `${shown} of ${plural(run.statements.length, 'statement')}; ` +
          'the others read nothing from memory, or compute nothing. ' +
          'A disc\'s area is its share of the time.';
    }
    mark();
  });
}
