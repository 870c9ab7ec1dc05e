// The roofline chart: arithmetic intensity against speed, under what the machine can do.
//
// Williams, Waterman and Patterson, "Roofline: An Insightful Visual Performance Model" (2009).
'use strict';

const ROOF_HEIGHT = 430;
const ROOF_MARGIN = {
  left: 66,
  right: 18,
  top: 18,
  bottom: 48
};
const FONT_LABEL = `11px ${MONO}`;

// A logarithmic axis from `low` to `high`, in pixels from `start` to `end`.
function logScale(low, high, start, end) {
  const place = (value) => start +
      (end - start) * (Math.log10(value) - Math.log10(low)) / (Math.log10(high) - Math.log10(low));
  place.ticks = [];
  for (let power = Math.ceil(Math.log10(low)); power <= Math.floor(Math.log10(high)); ++power)
    place.ticks.push(10 ** power);
  return place;
}

function overlaps(a, b) {
  return a.x < b.x + b.width && b.x < a.x + a.width && a.y < b.y + b.height && b.y < a.y + a.height;
}

// Puts texts beside their points where nothing else is, the first ones first; the others stay
// without.
class Labels {
  constructor(width, height) {
    Object.assign(this, {width, height, taken: []});
  }

  take(box) {
    this.taken.push(box);
  }

  isFree(box) {
    return box.x >= 0 && box.y >= 0 && box.x + box.width <= this.width &&
        box.y + box.height <= this.height && !this.taken.some((other) => overlaps(box, other));
  }

  // The place of a text near (x, y), or null.
  near(text, x, y, radius) {
    const width = textWidth(text, FONT_LABEL) + 4;
    const height = 15;
    for (const [left, top] of [
             [x + radius + 3, y - height / 2],
             [x - radius - 3 - width, y - height / 2],
             [x - width / 2, y - radius - height - 1],
             [x - width / 2, y + radius + 1],
             [x + radius, y + radius],
             [x + radius, y - radius - height],
             [x - radius - width, y + radius],
             [x - radius - width, y - radius - height],
    ]) {
      const box = {x: left, y: top, width, height};
      if (this.isFree(box)) {
        this.take(box);
        return {x: left + 2, y: top + 11.5};
      }
    }
    return null;
  }
}

// What of a run can be in the chart: statements that read memory and compute.
function rooflinePoints(run) {
  return run.statements.filter((row) => row.bytes > 0 && row.flops > 0 && row.measured_seconds > 0)
      .map((row) => ({
             row,
             intensity: row.flops / row.bytes,
             speed: row.flops / row.measured_seconds,
           }))
      .sort((a, b) => b.row.measured_seconds - a.row.measured_seconds);
}

function drawRoofline(root, run, onSelect) {
  const width = Math.max(320, root.clientWidth);
  const points = rooflinePoints(run);
  const limits = Object.entries(run.limits).filter(([name]) => name !== 'DRAM read');
  const read = run.limits['DRAM read'];
  const ridges = limits.map(([, rate]) => rate / read);
  const xs = [...points.map((point) => point.intensity), ...ridges];
  const lowest = Math.min(...xs) / 4;
  const x = logScale(lowest, Math.max(...xs) * 4, ROOF_MARGIN.left, width - ROOF_MARGIN.right);
  const ys = [...points.map((point) => point.speed), ...limits.map(([, rate]) => rate)];
  const y = logScale(
      Math.min(...ys) / 3, Math.max(...ys) * 2.5, ROOF_HEIGHT - ROOF_MARGIN.bottom,
      ROOF_MARGIN.top);
  const left = ROOF_MARGIN.left;
  const right = width - ROOF_MARGIN.right;
  const bottom = ROOF_HEIGHT - ROOF_MARGIN.bottom;
  const picture = svg('svg', {
    class: 'roofline',
    width,
    height: ROOF_HEIGHT,
    role: 'group',
    'aria-label': `Roofline of ${run.run}`
  });
  const labels = new Labels(width, bottom);
  labels.take({x: 0, y: 0, width: left, height: bottom});

  for (const tick of x.ticks) {
    picture.append(
        svg('line', {class: 'grid', x1: x(tick), x2: x(tick), y1: ROOF_MARGIN.top, y2: bottom}),
        svg('text', {class: 'tick', x: x(tick), y: bottom + 16, 'text-anchor': 'middle'},
            scaled(tick).trim()));
  }
  for (const tick of y.ticks) {
    picture.append(
        svg('line', {class: 'grid', x1: left, x2: right, y1: y(tick), y2: y(tick)}),
        svg('text', {class: 'tick', x: left - 8, y: y(tick) + 4, 'text-anchor': 'end'},
            scaled(tick)));
  }
  picture.append(
      svg('text',
          {class: 'axis', x: (left + right) / 2, y: ROOF_HEIGHT - 10, 'text-anchor': 'middle'},
          'operations per byte read from memory'),
      svg('text', {
        class: 'axis',
        transform: `translate(14 ${(ROOF_MARGIN.top + bottom) / 2}) rotate(-90)`,
        'text-anchor': 'middle'
      },
          'operations per second'));

  const peak = Math.max(...limits.map(([, rate]) => rate));
  const clip = svg(
      'clipPath', {id: 'roofline-clip'},
      svg('rect',
          {x: left, y: ROOF_MARGIN.top, width: right - left, height: bottom - ROOF_MARGIN.top}));
  // The slope from the chart's left end to the highest ceiling.
  picture.append(clip, svg('line', {
                   class: 'roof read',
                   'clip-path': 'url(#roofline-clip)',
                   x1: left,
                   y1: y(lowest * read),
                   x2: x(peak / read),
                   y2: y(peak)
                 }));
  for (const [name, rate] of limits) {
    picture.append(svg(
        'line', {class: `roof ${name}`, x1: x(rate / read), x2: right, y1: y(rate), y2: y(rate)}));
    const text = `${name} ${scaled(rate)}FLOP/s`;
    const textAt = {
      x: right - textWidth(text, FONT_LABEL) - 4,
      y: y(rate) - 18,
      width: textWidth(text, FONT_LABEL) + 4,
      height: 15
    };
    labels.take(textAt);
    picture.append(
        svg('text', {class: 'roof-label', x: right, y: y(rate) - 6, 'text-anchor': 'end'}, text));
  }
  const radius = (row) => 4 + 13 * Math.sqrt(row.measured_seconds / run.seconds);
  for (const {row, intensity, speed} of points) {
    const r = radius(row);
    labels.take({x: x(intensity) - r, y: y(speed) - r, width: 2 * r, height: 2 * r});
  }
  // The slope's name stands below it, at the first free place from the left.
  const slopeText = `DRAM read ${bytes(read)}/s`;
  for (let intensity = lowest * 1.2; intensity < peak / read; intensity *= 1.1) {
    const box = {
      x: x(intensity) + 12,
      y: y(intensity * read) - 4,
      width: textWidth(slopeText, FONT_LABEL) + 4,
      height: 15
    };
    if (!labels.isFree(box)) continue;
    labels.take(box);
    picture.append(svg('text', {class: 'roof-label', x: box.x, y: box.y + 11.5}, slopeText));
    break;
  }
  for (const {row, intensity, speed} of [...points].reverse()) {
    picture.append(
        svg('circle', {
          class: `point ${row.limit === 'DRAM read' ? 'read' : row.limit}`,
          cx: x(intensity),
          cy: y(speed),
          r: radius(row),
          tabindex: 0,
          role: 'button',
          'data-name': row.name,
          'aria-label': row.name,
          ...onActivate(() => onSelect(row.name)),
        },
            svg('title', {},
                `${row.name}: ${scaled(row.flops / row.measured_seconds)}FLOP/s, ${
                    intensity.toPrecision(3)} operations per byte`)));
  }
  for (const {row, intensity, speed} of points) {
    const place = labels.near(row.name, x(intensity), y(speed), radius(row));
    if (place)
      picture.append(svg(
          'text', {class: 'point-label', 'data-name': row.name, x: place.x, y: place.y}, row.name));
  }
  root.replaceChildren(picture);
}
