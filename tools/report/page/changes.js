// What a pass changed in the function that is shown, as text, and what it nearly changed.
'use strict';

// IR text with its names set apart.
function irText(text) {
  return text.split(/([%@]\w+(?:\[\w+\])?)/)
      .map(
          (part, i) =>
              (i % 2 === 0 ? part :
                             html('span', {class: part[0] === '%' ? 'value' : 'global'}, part)));
}

function diffLine([mark, text]) {
  const kind = {'-': 'removed', '+': 'added', '~': 'moved'}[mark] || 'note';
  const name = (text.trim().match(/^([%@]\w+)(?:\[\w+\])? = /) || [])[1];
  const line = html(
      'div', {class: `line ${kind}`}, html('span', {class: 'sign'}, mark === '-' ? '−' : mark),
      html('code', {}, ...irText(text)));
  if (name && kind !== 'note') {
    fill(
        line, {
          tabindex: 0,
          role: 'button',
          'data-name': name,
          ...onActivate(() => update({selected: name}))
        },
        []);
  }
  return line;
}

function diffBlock(section) {
  return html('div', {class: 'diff', 'data-section': section.name}, ...section.lines.map(diffLine));
}

function missList(misses) {
  if (misses.length === 0) return [];
  return [
    html('h3', {}, 'Near misses'),
    html(
        'ul', {class: 'misses'},
        ...misses.map(
            (miss) => html(
                'li', {},
                html(
                    'code', {},
                    `${miss.func === 'load' ? 'load' : '@' + miss.func} %${miss.statement}`),
                ` ${miss.reason}`)))
  ];
}

function startChanges() {
  const root = byId('changes');
  onChange((changed) => {
    if (changed.has('step') || changed.has('func')) {
      const step = report.steps[state.step];
      const shown = step.diff.filter(
          (section) => section.name === state.func || section.name === 'declarations');
      const others = step.diff.filter((section) => !shown.includes(section));
      const parts = [html('h3', {}, state.step === 0 ? 'Changes' : `What ${step.pass} changed`)];
      if (state.step === 0)
        parts.push(html('p', {class: 'quiet'}, start.changes));
      else if (step.diff.length === 0)
        parts.push(html('p', {class: 'quiet'}, 'Nothing.'));
      for (const section of shown) parts.push(html('h4', {}, section.name), diffBlock(section));
      if (others.length > 0) {
        parts.push(html(
            'p', {class: 'quiet'},
            shown.length > 0 ? 'It also changed ' : 'Nothing here, but it changed ',
            ...others.flatMap(
                (section, i) =>
                    [i > 0 ? ', ' : '',
                     html(
                         'button', {
                           type: 'button',
                           class: 'link',
                           onclick: () => update({func: section.name, selected: ''}),
                         },
                         `${section.name} (${changeText(countMarks(section.lines))})`)]),
            '.'));
      }
      root.replaceChildren(...parts, ...missList(step.misses));
    }
    for (const line of root.querySelectorAll('.line')) {
      line.classList.toggle(
          'selected', state.selected !== '' && line.dataset.name === state.selected);
    }
  });
}
