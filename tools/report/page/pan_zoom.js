// Moves and scales what an SVG shows: by dragging, with the wheel, with keys, and from outside.
'use strict';

class PanZoom {
  // `content` is the group that moves. onScale(scale) is told about each new scale. With
  // `horizontal`, only x is scaled and moved.
  constructor(
      root, content, {least = 0.05, most = 4, horizontal = false, onScale = () => {}} = {}) {
    Object.assign(this, {root, content, least, most, horizontal, onScale, x: 0, y: 0, scale: 1});
    root.addEventListener('wheel', (event) => this.wheel(event), {passive: false});
    root.addEventListener('pointerdown', (event) => this.press(event));
    root.addEventListener('keydown', (event) => this.key(event));
  }

  // The wheel scrolls the page until the picture has been clicked, so that it cannot trap it.
  wheel(event) {
    if (!event.ctrlKey && !this.root.matches(':focus-within')) return;
    event.preventDefault();
    const box = this.root.getBoundingClientRect();
    this.zoom(Math.exp(-event.deltaY * 0.0015), event.clientX - box.left, event.clientY - box.top);
  }

  press(event) {
    if (event.button !== 0) return;
    const from = {x: event.clientX - this.x, y: event.clientY - this.y};
    const start = {x: event.clientX, y: event.clientY};
    let dragging = false;
    const move = (now) => {
      dragging = dragging || Math.hypot(now.clientX - start.x, now.clientY - start.y) > 4;
      if (dragging) this.moveTo(now.clientX - from.x, now.clientY - from.y, this.scale);
    };
    const end = () => {
      window.removeEventListener('pointermove', move);
      if (!dragging) return;
      // A drag that ends on a statement is no click on it.
      const swallow = (click) => click.stopPropagation();
      this.root.addEventListener('click', swallow, {capture: true, once: true});
      setTimeout(() => this.root.removeEventListener('click', swallow, {capture: true}));
    };
    window.addEventListener('pointermove', move);
    window.addEventListener('pointerup', end, {once: true});
  }

  key(event) {
    const factor = {'+': 1.25, '=': 1.25, '-': 0.8}[event.key];
    if (!factor || event.ctrlKey || event.metaKey) return;
    event.preventDefault();
    this.zoomCentre(factor);
  }

  zoomCentre(factor) {
    this.zoom(factor, this.root.clientWidth / 2, this.root.clientHeight / 2);
  }

  zoom(factor, x, y) {
    const scale = Math.min(this.most, Math.max(this.least, this.scale * factor));
    const by = scale / this.scale;
    this.moveTo(x - (x - this.x) * by, y - (y - this.y) * by, scale);
  }

  moveTo(x, y, scale) {
    if (this.horizontal) {
      x = Math.min(0, Math.max(x, this.root.clientWidth * (1 - scale)));
      y = 0;
    }
    Object.assign(this, {x, y, scale});
    if (!this.horizontal)
      this.content.setAttribute('transform', `translate(${x} ${y}) scale(${scale})`);
    this.onScale(scale, x);
  }

  // Shows the box {x, y, width, height} of the content as large as it fits, within the scales
  // given.
  show(box, {least = this.least, most = 1, margin = 20} = {}) {
    const width = this.root.clientWidth;
    const height = this.root.clientHeight;
    const fitting = Math.min((width - 2 * margin) / box.width, (height - 2 * margin) / box.height);
    const scale = Math.min(most, Math.max(least, fitting));
    // What does not fit is shown from its top.
    const top = scale > fitting + 1e-9 && box.height * scale > height - 2 * margin;
    this.moveTo(
        width / 2 - (box.x + box.width / 2) * scale,
        top ? margin - box.y * scale : height / 2 - (box.y + box.height / 2) * scale, scale);
  }
}
