// The report's data, and questions to it.
'use strict';

const report = JSON.parse(byId('report').textContent);
const lastStep = report.steps.length - 1;

// What the pipeline begins with, and how it tells of its statements.
const starts = {
  import: {
    label: 'import',
    title: 'As imported',
    text: 'as the importer writes the model: no fused op, nothing packed',
    changes: 'This is where the pipeline begins.',
    from: 'imported as',
    by: 'the importer',
  },
  dump: {
    label: 'dump',
    title: 'As in the dump',
    text: 'before the passes that are left',
    changes: 'This is where the pipeline begins.',
    from: 'in the dump as',
    by: 'the dump',
  },
  bundle: {
    label: 'bundle',
    title: 'As in the bundle',
    text: 'after all passes, as it was compiled',
    changes: 'A bundle keeps the module after all passes: what each of them changed, and what it ' +
        'nearly changed, is not in it.',
    from: null,  // not kept
    by: 'the importer',
  },
};
const start = report.header.is_bundle ? starts.bundle :
    report.header.ir_file             ? starts.dump :
                                        starts.import;

// "@wq" for "@wq[layer]".
function withoutIndex(name) {
  return name.split('[')[0];
}

function functionAt(step, name) {
  const place = report.steps[step].functions.find((i) => report.functions[i].name === name);
  return place === undefined ? null : report.functions[place];
}

// All functions there ever are, the load block last.
function functionNames() {
  const names = [...new Set(report.functions.map((func) => func.name))];
  return [...names.filter((name) => name !== 'load'), ...names.filter((name) => name === 'load')];
}

function statementAt(step, func, name) {
  const found = functionAt(step, func);
  return found ? found.statements.find((statement) => statement.name === name) || null : null;
}

function globalAt(step, name) {
  return report.globals[report.steps[step].globals].find((global) => global.name === name) || null;
}

function statementCount(step) {
  let count = 0;
  for (const place of report.steps[step].functions)
    count += report.functions[place].statements.length;
  return count;
}

function stepTitle(step) {
  return step === 0 ? start.title.toLowerCase() :
                      `${report.steps[step].number} ${report.steps[step].pass}`;
}

// A step's diff, counted by mark: {removed, added, moved}.
function countMarks(lines) {
  const count = (mark) => lines.filter((line) => line[0] === mark).length;
  return {removed: count('-'), added: count('+'), moved: count('~')};
}

function diffOf(step, func) {
  const section = report.steps[step].diff.find((part) => part.name === func);
  return section ? section.lines : [];
}

// Of a step's statements by their text: "removed", "added", "changed" (its text is another one
// under the same name) or "moved" (another place in the frame).
function marksOf(step, func) {
  const lines = diffOf(step, func).map(([mark, text]) => [mark, text.trim()]);
  const nameOf = (text) => (text.match(/^[%@]\w+(?=(\[\w+\])? = )/) || [text])[0];
  const names = (mark) =>
      new Set(lines.filter((line) => line[0] === mark).map((line) => nameOf(line[1])));
  const gone = names('-');
  const come = names('+');
  const before = new Map();
  const after = new Map();
  for (const [mark, text] of lines) {
    if (mark === '-') before.set(text, come.has(nameOf(text)) ? 'changed' : 'removed');
    if (mark === '+') after.set(text, gone.has(nameOf(text)) ? 'changed' : 'added');
    if (mark === '~') after.set(text, 'moved');
  }
  return {before, after};
}

// "attn.qkv" of a call's name "attn[3].qkv", and the other way round for the graph.
function baseName(call) {
  return call.replace(/\[\d+\]/, '');
}

function callsStatement(base) {
  const dot = base.indexOf('.');
  const func = base.slice(0, dot);
  return {
    func: func === 'load' ? 'load' : '@' + func,
    name: (func === 'load' ? '@' : '%') + base.slice(dot + 1)
  };
}

function baseOf(func, name) {
  return `${func.replace('@', '')}.${name.slice(1)}`;
}

// Shows the statement of a call in the graph of the last step.
function selectCall(base) {
  const {func, name} = callsStatement(base);
  update({step: lastStep, func, selected: name});
}
