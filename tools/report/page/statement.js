// All that is known of the selected statement.
'use strict';

function fact(title, ...content) {
  return [html('dt', {}, title), html('dd', {}, ...content)];
}

function splitType(type) {
  const [dtype, ...rest] = type.split(' ');
  const layout = rest.findIndex((part) => part[0] === '@');
  return {dtype, shape: (layout < 0 ? rest : rest.slice(0, layout)).join(' ')};
}

function globalCard(step, reference) {
  const global = globalAt(step, withoutIndex(reference));
  if (!global) return null;
  const made = statementAt(step, 'load', global.name);
  const size = global.copies === 1 ?
      bytes(global.bytes) :
      `${global.copies} × ${bytes(global.bytes)} = ${bytes(global.copies * global.bytes)}`;
  return html(
      'div', {class: 'weight', 'data-global': global.name},
      html(
          'h4', {}, html('code', {}, global.name),
          html(
              'span', {class: 'pill'},
              {weight: 'weight', state: 'state', loaded: 'made at load time'}[global.kind])),
      html(
          'dl', {}, fact('type', html('code', {}, global.dtype)),
          fact('shape', html('code', {}, global.shape)),
          fact('layout', html('code', {}, global.layout)), fact('bytes', size),
          global.source ? fact('tensor', html('code', {}, global.source)) : [],
          made ? fact('from', html('code', {}, made.reads.join(' '))) : []));
}

// Passes to go to; those that ran before the first step are names only.
function passLinks(names, upTo) {
  return names.map((name) => {
    let step = upTo;
    while (step > 0 && report.steps[step].pass !== name) --step;
    if (step === 0) return html('span', {class: 'pill'}, name);
    return html('button', {type: 'button', class: 'pill', onclick: () => goTo(step)}, name);
  });
}

// Its time in each run that was measured.
function timeFacts(func, name) {
  return report.runs.flatMap((run) => {
    const row = run.statements.find((statement) => statement.name === baseOf(func, name));
    if (!row) return [];
    const share = row.share_of_limit === null ?
        '' :
        `, ${percent(row.share_of_limit)} of the ${row.limit} limit`;
    return fact(
        'time',
        `${seconds(row.measured_seconds)} of ${run.run}: ${
            percent(row.measured_seconds / run.seconds)} of it${share}`);
  });
}

function frameFact(text) {
  const place = text.match(/ in (\d+)(?: by \S+)?$/);
  return place ?
      fact('memory', `at byte ${Number(place[1]).toLocaleString('en')} of the function's frame`) :
      [];
}

function describeParameter(parameter) {
  return [
    html('h3', {}, html('code', {}, parameter.name)),
    html(
        'dl', {}, fact('type', html('code', {}, parameter.type)),
        fact('from', 'a parameter: the caller computes it'))
  ];
}

function describeStatement(step, func, statement) {
  const {dtype, shape} = splitType(statement.type);
  const weights = [
    ...statement.reads.filter((name) => name[0] === '@'),
    ...(statement.name[0] === '@' ? [statement.name] : [])
  ];
  const opensCallee = statement.callee ?
      html(
          'button', {
            type: 'button',
            class: 'link',
            onclick: () => update({func: statement.callee, selected: ''}),
          },
          `Open ${statement.callee}`) :
      null;
  return [
    html('h3', {}, statement.op, ' ', html('code', {}, statement.name)),
    html('pre', {class: 'ir'}, html('code', {}, ...irText(statement.text))),
    opensCallee,
    html(
        'dl', {class: 'facts-list'},
        fact(
            'type', html('code', {}, dtype), ' ', html('code', {}, shape),
            statement.view ? ' · a view, costs nothing' : ''),
        start.from && statement.from.length > 0 ? fact(start.from, counted(statement.from)) : [],
        statement.module ? fact('module', html('code', {}, statement.module)) : [],
        statement.by.length > 0 ? fact('made by', ...passLinks(statement.by, step)) :
                                  fact('made by', start.by),
        frameFact(statement.text), step === lastStep ? timeFacts(func, statement.name) : []),
    weights.length > 0 ?
        html('div', {class: 'weights'}, ...weights.map((name) => globalCard(step, name))) :
        null,
  ];
}

// The statement as it is after the step, or as it was before it if it is gone.
function startStatement() {
  const root = byId('statement');
  onChange((changed) => {
    if (!changed.has('selected') && !changed.has('step') && !changed.has('func')) return;
    const {step, func, selected} = state;
    let parts = [
      html('h3', {}, 'Statement'),
      html('p', {class: 'quiet'}, 'Click a box in the graph, or a line of the changes.')
    ];
    if (selected) {
      const now = statementAt(step, func, selected);
      const then = step > 0 ? statementAt(step - 1, func, selected) : null;
      const parameter = ((functionAt(step, func) || {parameters: []}).parameters)
                            .find((one) => one.name === selected);
      if (now) {
        parts = describeStatement(step, func, now);
        if (then && then.text !== now.text && report.steps[step].diff.length > 0) {
          parts.push(
              html('h4', {}, 'Before this pass'),
              html('pre', {class: 'ir before'}, html('code', {}, ...irText(then.text))));
        }
      } else if (then) {
        parts = [
          html('p', {class: 'removed-note'}, `${report.steps[step].pass} removed it.`),
          ...describeStatement(step - 1, func, then)
        ];
      } else if (parameter) {
        parts = describeParameter(parameter);
      }
    }
    root.replaceChildren(...parts.filter(Boolean));
  });
}
