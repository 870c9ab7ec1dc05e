// Which model, machine and versions, and the figures one asks for first.
'use strict';

function figure(value, unit, text) {
  return html(
      'li', {}, html('b', {}, value, html('small', {}, ` ${unit}`)), html('span', {}, text));
}

// Whether it is the step that is run, and no other entry.
function isOfStep() {
  return (report.header.entry || 'step') === 'step';
}

// How fast the run was, and which share of the machine's limit that is.
function runFigure(run) {
  const predicted = run.statements.reduce((sum, row) => sum + row.predicted_seconds, 0);
  const share = `${run.run}: ${percent(predicted / run.seconds)} of the limit`;
  if (!isOfStep())
    return figure(`${Number((1000 * run.seconds).toPrecision(3))}`, 'ms', share);
  const tokens = run.run.startsWith('one token') ? 1 : Number(run.run.match(/\d+/)[0]);
  return figure(`${Number((tokens / run.seconds).toPrecision(3))}`, 'tokens/s', share);
}

function startHeader() {
  const {header} = report;
  const title = [header.model, header.ir_file, header.entry && `@${header.entry}`].filter(Boolean)
                    .join(' · ');
  document.title = `${header.model} – lluda report`;
  byId('model').textContent = title;
  const facts = [
    ['CPU', header.cpu],
    ['ISA', header.isa],
    header.threads > 0 ? ['Threads', header.threads] : null,
    ['Context', `${header.context.toLocaleString('en')} tokens`],
    ['Versions', `lluda ${header.lluda}, LLVM ${header.llvm}`],
  ];
  byId('facts').append(...facts.filter(Boolean).flatMap(
      ([name, value]) => [html('div', {}, html('dt', {}, name), html('dd', {}, `${value}`))]));
  const kernels = new Set(report.calls.map(([, kernel]) => kernel)).size;
  const changing = report.steps.filter((step) => step.diff.length > 0).length;
  byId('figures').append(
      lastStep === 0 ?
          figure(`${statementCount(0)}`, 'statements', 'after all passes') :
          figure(
              `${statementCount(0)} → ${statementCount(lastStep)}`, 'statements',
              `${changing} of ${lastStep} passes changed something`),
      figure(`${kernels}`, 'kernels', `for ${plural(report.calls.length, 'call')} a ${isOfStep() ? 'step' : 'run'}`),
      ...report.runs.map(runFigure));
}
