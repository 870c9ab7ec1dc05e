// Elements from data. Text is always set as text, never parsed as markup.
'use strict';

function fill(element, attributes, children) {
  for (const [key, value] of Object.entries(attributes || {})) {
    if (value === undefined || value === null || value === false) continue;
    if (key.startsWith('on'))
      element.addEventListener(key.slice(2), value);
    else
      element.setAttribute(key, value === true ? '' : value);
  }
  element.append(...children.flat().filter((child) => child !== null && child !== undefined));
  return element;
}

// html('p', {class: 'note'}, 'text', html('b', {}, 'bold'))
function html(tag, attributes, ...children) {
  return fill(document.createElement(tag), attributes, children);
}

function svg(tag, attributes, ...children) {
  return fill(document.createElementNS('http://www.w3.org/2000/svg', tag), attributes, children);
}

function byId(id) {
  return document.getElementById(id);
}

// What Enter and the space bar do to a button, for elements that are none.
function onActivate(action) {
  return {
    onclick: action,
    onkeydown: (event) => {
      if (event.key !== 'Enter' && event.key !== ' ') return;
      event.preventDefault();
      action(event);
    },
  };
}

const measuring = document.createElement('canvas').getContext('2d');

function textWidth(text, font) {
  measuring.font = font;
  return measuring.measureText(text).width;
}

// The text, cut with an ellipsis where it is wider than `width` pixels.
function shortened(text, font, width) {
  if (textWidth(text, font) <= width) return text;
  let end = text.length;
  while (end > 1 && textWidth(text.slice(0, end) + '…', font) > width) --end;
  return text.slice(0, end) + '…';
}

const SANS = 'system-ui, -apple-system, "Segoe UI", Roboto, "DejaVu Sans", sans-serif';
const MONO = 'ui-monospace, "SF Mono", Menlo, Consolas, "DejaVu Sans Mono", monospace';
