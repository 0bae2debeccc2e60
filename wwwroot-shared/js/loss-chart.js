// A loss curve on a canvas: training as a line with its smoothed trend, validation as dots with a line. Grows with its points, follows the theme, and tells values under the pointer.

const MOST_POINTS = 20000;
const MARGIN = { left: 52, right: 16, top: 12, bottom: 30 };
const PAINT_EVERY_MS = 50;

export class LossChart {
  #canvas;
  #tooltip;
  #texts;
  #training = [];
  #validation = [];
  #checkpoints = [];
  #log = false;
  #dirty = false;
  #painted = 0;
  #frame = 0;
  #right = 1;
  #pointer = null;
  #resize;
  #theme;
  #motion = matchMedia('(prefers-reduced-motion: reduce)');
  #afterPaint = [];

  /** @param {HTMLCanvasElement} canvas @param {HTMLElement} tooltip @param {object} texts */
  constructor(canvas, tooltip, texts) {
    this.#canvas = canvas;
    this.#tooltip = tooltip;
    this.#texts = texts;
    this.#resize = new ResizeObserver(() => this.#invalidate());
    this.#resize.observe(canvas);
    this.#theme = new MutationObserver(() => this.#invalidate());
    this.#theme.observe(document.documentElement, { attributes: true, subtree: false });
    this.#theme.observe(document.body, { attributes: true });
    canvas.addEventListener('pointermove', this.#move);
    canvas.addEventListener('pointerleave', this.#leave);
    canvas.addEventListener('keydown', this.#key);
    this.#invalidate();
  }

  get training() { return this.#training; }
  get validation() { return this.#validation; }

  addTraining(point) {
    put(this.#training, point);
    // Of a very long training the older half is thinned out: the screen has fewer columns anyway.
    if (this.#training.length > MOST_POINTS) {
      const half = this.#training.length >> 1;
      this.#training = this.#training.filter((_, i) => i >= half || i % 2 === 0);
    }
    this.#invalidate();
  }

  addValidation(point) { put(this.#validation, point); this.#invalidate(); }

  addCheckpoint(step) { put(this.#checkpoints, { step }); this.#invalidate(); }

  /** Training goes on from a checkpoint: what was measured past it is superseded. */
  goOnFrom(step) {
    for (const series of [this.#training, this.#validation, this.#checkpoints])
      while (series.length > 0 && series.at(-1).step > step) series.pop();
    this.#invalidate();
  }

  set logScale(on) { this.#log = on; this.#invalidate(); }

  /** Calls back when what was added up to now is on the screen. */
  whenPainted(callback) { this.#afterPaint.push(callback); this.#invalidate(); }

  dispose() {
    cancelAnimationFrame(this.#frame);
    this.#resize.disconnect();
    this.#theme.disconnect();
    this.#canvas.removeEventListener('pointermove', this.#move);
    this.#canvas.removeEventListener('pointerleave', this.#leave);
    this.#canvas.removeEventListener('keydown', this.#key);
  }

  #move = (e) => { const box = this.#canvas.getBoundingClientRect(); this.#pointer = e.clientX - box.left; this.#invalidate(); };

  #leave = () => { this.#pointer = null; this.#invalidate(); };

  // Arrow keys move the pointer from value to value.
  #key = (e) => {
    if (e.key === 'Escape') { this.#leave(); return; }
    const direction = { ArrowLeft: -1, ArrowRight: 1 }[e.key];
    if (!direction || this.#training.length === 0) return;
    e.preventDefault();
    const width = this.#canvas.clientWidth - MARGIN.left - MARGIN.right;
    const at = this.#pointer === null ? this.#training.length - 1 : nearest(this.#training, (this.#pointer - MARGIN.left) / width * this.#right) + direction;
    const point = this.#training[Math.max(0, Math.min(this.#training.length - 1, at))];
    this.#pointer = MARGIN.left + point.step / this.#right * width;
    this.#invalidate();
  };

  #invalidate() {
    this.#dirty = true;
    if (this.#frame === 0) this.#frame = requestAnimationFrame(this.#tick);
  }

  #tick = (now) => {
    this.#frame = 0;
    if (now - this.#painted < PAINT_EVERY_MS && this.#painted > 0) {
      this.#frame = requestAnimationFrame(this.#tick);
      return;
    }
    this.#painted = now;
    this.#dirty = false;
    this.#paint();
    const told = this.#afterPaint;
    this.#afterPaint = [];
    for (const callback of told) callback();
    if (this.#dirty) this.#invalidate();
  };

  #paint() {
    const canvas = this.#canvas;
    const [width, height] = [canvas.clientWidth, canvas.clientHeight];
    canvas.dataset.points = this.#training.length;
    canvas.dataset.validationPoints = this.#validation.length;
    if (width === 0 || height === 0) return;
    const scale = devicePixelRatio || 1;
    if (canvas.width !== Math.round(width * scale) || canvas.height !== Math.round(height * scale)) {
      canvas.width = Math.round(width * scale);
      canvas.height = Math.round(height * scale);
    }
    const c = canvas.getContext('2d');
    c.setTransform(scale, 0, 0, scale, 0, 0);
    c.clearRect(0, 0, width, height);

    const style = getComputedStyle(canvas);
    const colour = (name, otherwise) => style.getPropertyValue(name).trim() || otherwise;
    const colours = {
      training: colour('--chart-training', '#594ae2'),
      validation: colour('--chart-validation', '#ff6f00'),
      text: colour('--chart-text', '#616161'),
      grid: colour('--chart-grid', '#e0e0e0'),
      surface: colour('--chart-surface', '#ffffff'),
    };

    const plot = { x: MARGIN.left, y: MARGIN.top, width: width - MARGIN.left - MARGIN.right, height: height - MARGIN.top - MARGIN.bottom };
    const last = Math.max(this.#training.at(-1)?.step ?? 0, this.#validation.at(-1)?.step ?? 0, 10);
    // The right edge glides after the newest step, so that the curve grows and does not jump.
    this.#right = this.#motion.matches || this.#right >= last || last / this.#right > 3 ? last : Math.min(last, this.#right + Math.max(0.5, (last - this.#right) * 0.35));
    if (this.#right !== last) this.#dirty = true;

    const [low, high] = bounds(this.#training, this.#validation, this.#log);
    const value = (v) => this.#log ? Math.log10(Math.max(v, 1e-6)) : v;
    const x = (step) => plot.x + step / this.#right * plot.width;
    const y = (v) => plot.y + plot.height - (value(v) - low) / (high - low) * plot.height;

    c.font = `12px ${style.fontFamily}`;
    this.#axes(c, plot, low, high, colours, x);
    if (this.#training.length === 0 && this.#validation.length === 0) {
      this.#hide();
      return;
    }

    c.save();
    c.beginPath();
    c.rect(plot.x - 6, plot.y - 6, plot.width + 12, plot.height + 12);
    c.clip();
    for (const { step } of this.#checkpoints) {
      c.fillStyle = colours.text;
      c.fillRect(x(step) - 0.5, plot.y + plot.height - 6, 1, 6);
    }
    line(c, columns(this.#training, x, y, plot.width), colours.training, 1, 0.35);
    line(c, trend(this.#training, x, y, plot.width), colours.training, 2.25, 1);
    line(c, this.#validation.map((p) => [x(p.step), y(p.loss)]), colours.validation, 2, 1);
    c.fillStyle = colours.validation;
    for (const p of this.#validation) {
      c.beginPath();
      c.arc(x(p.step), y(p.loss), 3.5, 0, 2 * Math.PI);
      c.fill();
    }
    c.restore();
    this.#hover(c, plot, x, y, colours);
  }

  #axes(c, plot, low, high, colours, x) {
    c.strokeStyle = colours.grid;
    c.fillStyle = colours.text;
    c.lineWidth = 1;
    c.textBaseline = 'middle';
    c.textAlign = 'right';
    for (const tick of this.#log ? logTicks(low, high) : niceTicks(low, high, 5)) {
      const at = Math.round(plot.y + plot.height - (tick - low) / (high - low) * plot.height) + 0.5;
      c.beginPath();
      c.moveTo(plot.x, at);
      c.lineTo(plot.x + plot.width, at);
      c.stroke();
      c.fillText(label(this.#log ? 10 ** tick : tick), plot.x - 8, at);
    }
    c.textBaseline = 'top';
    c.textAlign = 'center';
    for (const tick of niceTicks(0, this.#right, Math.max(3, Math.floor(plot.width / 90))))
      if (Number.isInteger(tick)) c.fillText(tick.toLocaleString(), x(tick), plot.y + plot.height + 8);
  }

  #hover(c, plot, x, y, colours) {
    if (this.#pointer === null || this.#training.length === 0) { this.#hide(); return; }
    const step = (this.#pointer - plot.x) / plot.width * this.#right;
    const point = this.#training[nearest(this.#training, step)];
    const validated = this.#validation.length > 0 ? this.#validation[nearest(this.#validation, point.step)] : null;
    const left = x(point.step);
    c.strokeStyle = colours.text;
    c.globalAlpha = 0.5;
    c.beginPath();
    c.moveTo(left, plot.y);
    c.lineTo(left, plot.y + plot.height);
    c.stroke();
    c.globalAlpha = 1;
    c.fillStyle = colours.training;
    c.beginPath();
    c.arc(left, y(point.loss), 4, 0, 2 * Math.PI);
    c.fill();
    const lines = [
      `${this.#texts.step} ${point.step.toLocaleString()}`,
      `${this.#texts.trainingLoss} ${point.loss.toFixed(4)}`,
    ];
    if (validated) lines.push(`${this.#texts.validationLoss} ${validated.loss.toFixed(4)} (${this.#texts.step.toLowerCase()} ${validated.step.toLocaleString()})`);
    if (point.learningRate) lines.push(`${this.#texts.learningRate} ${point.learningRate.toExponential(2)}`);
    this.#tooltip.replaceChildren(...lines.map((text) => Object.assign(document.createElement('div'), { textContent: text })));
    this.#tooltip.hidden = false;
    const box = this.#tooltip.offsetWidth;
    this.#tooltip.style.left = `${Math.max(0, left + box + 16 > this.#canvas.clientWidth ? left - box - 12 : left + 12)}px`;
    this.#tooltip.style.top = `${plot.y + 8}px`;
  }

  #hide() { this.#tooltip.hidden = true; }
}

// Points come in order; one that comes again replaces what it was.
function put(series, point) {
  while (series.length > 0 && series.at(-1).step >= point.step) series.pop();
  series.push(point);
}

function nearest(series, step) {
  let [low, high] = [0, series.length - 1];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (series[middle].step < step) low = middle + 1;
    else high = middle;
  }
  return low > 0 && step - series[low - 1].step < series[low].step - step ? low - 1 : low;
}

function bounds(training, validation, log) {
  let [low, high] = [Infinity, -Infinity];
  for (const series of [training, validation])
    for (const { loss } of series) {
      if (!Number.isFinite(loss)) continue;
      low = Math.min(low, loss);
      high = Math.max(high, loss);
    }
  if (low > high) return log ? [-1, 1] : [0, 1];
  if (log) {
    const [a, b] = [Math.log10(Math.max(low, 1e-6)), Math.log10(Math.max(high, 1e-6))];
    return b - a < 0.1 ? [a - 0.1, b + 0.1] : [a - (b - a) * 0.05, b + (b - a) * 0.05];
  }
  const room = Math.max((high - low) * 0.06, 0.02);
  return [Math.max(0, low - room), high + room];
}

// More points than columns: of each column the lowest and the highest, in their order, so that no spike is lost.
function columns(series, x, y, width) {
  if (series.length <= width * 2) return series.map((p) => [x(p.step), y(p.loss)]);
  const kept = [];
  let [column, low, high] = [-1, null, null];
  const flush = () => {
    if (low === null) return;
    for (const p of low.step <= high.step ? [low, high] : [high, low]) kept.push([x(p.step), y(p.loss)]);
  };
  for (const p of series) {
    const at = Math.floor(x(p.step));
    if (at !== column) { flush(); [column, low, high] = [at, p, p]; continue; }
    if (p.loss < low.loss) low = p;
    if (p.loss > high.loss) high = p;
  }
  flush();
  return kept;
}

function trend(series, x, y, width) {
  const points = [];
  const weight = Math.min(0.9, Math.max(0, 1 - 12 / series.length));
  const stride = Math.max(1, Math.floor(series.length / (width * 2)));
  let [mean, correction] = [0, 1];
  series.forEach((p, i) => {
    mean = mean * weight + p.loss * (1 - weight);
    correction *= weight;
    if (i % stride === 0 || i === series.length - 1) points.push([x(p.step), y(mean / (1 - correction))]);
  });
  return points;
}

function line(c, points, colour, thickness, alpha) {
  if (points.length === 0) return;
  c.strokeStyle = colour;
  c.globalAlpha = alpha;
  c.lineWidth = thickness;
  c.lineJoin = 'round';
  c.beginPath();
  points.forEach(([px, py], i) => (i === 0 ? c.moveTo(px, py) : c.lineTo(px, py)));
  c.stroke();
  c.globalAlpha = 1;
}

function niceTicks(low, high, count) {
  const raw = (high - low) / Math.max(1, count);
  const power = 10 ** Math.floor(Math.log10(raw));
  const step = [1, 2, 5, 10].map((m) => m * power).find((s) => s >= raw);
  const ticks = [];
  for (let tick = Math.ceil(low / step) * step; tick <= high + step * 1e-9; tick += step) ticks.push(Number(tick.toPrecision(12)));
  return ticks;
}

function logTicks(low, high) {
  const ticks = [];
  for (let power = Math.floor(low); power <= Math.ceil(high); power++)
    for (const m of [1, 2, 5]) {
      const tick = power + Math.log10(m);
      if (tick >= low && tick <= high) ticks.push(tick);
    }
  return ticks;
}

function label(value) {
  return Math.abs(value) >= 100 ? value.toFixed(0) : Math.abs(value) >= 10 ? value.toFixed(1) : Math.abs(value) >= 0.1 ? value.toFixed(2) : value.toPrecision(2);
}
