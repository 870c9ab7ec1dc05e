// Numbers as people read them.
'use strict';

// "8.39 M": three digits and the thousand's letter that suits the value.
function scaled(value, letters = ['', 'k', 'M', 'G', 'T']) {
  let letter = 0;
  while (Math.abs(value) >= 999.5 && letter + 1 < letters.length) {
    value /= 1000;
    ++letter;
  }
  return `${Number(value.toPrecision(3))} ${letters[letter]}`;
}

function bytes(value) {
  return scaled(value, ['B', 'kB', 'MB', 'GB', 'TB']);
}

function seconds(value) {
  if (value < 1e-8) return '< 0.01 µs';
  return value >= 1 ?
      `${value.toPrecision(3)} s` :
      scaled(value < 1e-6 ? Number((value * 1e6).toFixed(2)) : value * 1e6, ['µs', 'ms', 's']);
}

function percent(share) {
  const value = 100 * share;
  if (value > 0 && value < 0.05) return '< 0.1%';
  return `${value < 9.95 ? value.toFixed(1) : value.toFixed(0)}%`;
}

function plural(count, singular) {
  return `${count} ${singular}${count === 1 ? '' : 's'}`;
}

// "3 matmul, cast" for what is there several times, in the order of the first of each.
function counted(names) {
  const counts = new Map();
  for (const name of names) counts.set(name, (counts.get(name) || 0) + 1);
  return [...counts].map(([name, count]) => (count === 1 ? name : `${count} ${name}`)).join(', ');
}
