// The live part of the run page: takes the run's events from the hub and shows them as counters, loss curve and log.
// The markup, in the reader's language, is the page's (RunLiveView.razor); nothing here passes through the circuit.
import { HubClient } from './hub-client.js';
import { LossChart } from './loss-chart.js';
import { LogView } from './log-view.js';

const MOST_LATENCIES = 2000;
const RATE_WINDOW_MS = 60000;
const TABLE_ROWS = 200;

/**
 * @param {HTMLElement} root the page's markup, with elements marked data-role
 * @param {{ hub: string, runId: string, texts: object, locale: string }} options
 */
export function mount(root, options) {
  return new RunView(root, options);
}

class RunView {
  #root;
  #runId;
  #texts;
  #locale;
  #hub;
  #chart;
  #log;
  #last = 0;
  #mounted = now();
  #total = 0;
  #epoch = 0;
  #rate = [];
  #taskStatus = '';
  #states = {};
  #latencies = [];
  #unshown = [];
  #asked = false;
  #tableOpen = false;
  #tableTimer = 0;
  #listeners = [];

  constructor(root, { hub, runId, texts, locale }) {
    [this.#root, this.#runId, this.#texts, this.#locale] = [root, runId, texts, locale];
    this.#chart = new LossChart(this.#role('chart'), this.#role('tooltip'), texts);
    this.#log = new LogView(this.#role('log'), this.#role('follow'), this.#role('search'));
    this.#on(this.#role('log-scale'), 'change', (e) => { this.#chart.logScale = e.target.checked; });
    this.#on(this.#role('table'), 'toggle', (e) => { this.#tableOpen = e.target.open; this.#fillTable(); });
    // For tests, and for whoever wants to know how fresh the page is.
    window.__runView = {
      lastSequence: 0,
      latencies: this.#latencies,
      get training() { return chart.training; },
      get validation() { return chart.validation; },
    };
    const chart = this.#chart;
    this.#hub = new HubClient(hub, (state) => this.#connection(state));
    this.#hub.stream('Watch', () => [runId, this.#last], {
      next: (events) => this.#take(events),
      failed: () => this.#connection('refused'),
    });
  }

  dispose() {
    clearTimeout(this.#tableTimer);
    this.#hub.close();
    this.#chart.dispose();
    this.#log.dispose();
    for (const [element, event, handler] of this.#listeners) element.removeEventListener(event, handler);
    delete window.__runView;
  }

  #role(name) { return this.#root.querySelector(`[data-role="${name}"]`); }

  #on(element, event, handler) {
    element.addEventListener(event, handler);
    this.#listeners.push([element, event, handler]);
  }

  #connection(state) {
    this.#root.dataset.connection = state;
    const badge = this.#role('connection');
    badge.textContent = this.#texts.connection[state] ?? state;
    badge.hidden = state === 'connected';
  }

  #take(events) {
    let fresh = false;
    for (const e of events) {
      if (e.sequence <= this.#last) continue;
      this.#last = e.sequence;
      this.#show(e);
      if (e.time > this.#mounted && !document.hidden && this.#unshown.length < MOST_LATENCIES) this.#unshown.push(e.time);
      fresh = true;
    }
    if (!fresh) return;
    this.#log.flush();
    this.#counters();
    if (this.#tableOpen && this.#tableTimer === 0) this.#tableTimer = setTimeout(() => { this.#tableTimer = 0; this.#fillTable(); }, 1000);
    this.#askForPaint();
  }

  // One question to the chart at a time, however many events come before it is answered: a hidden page paints nothing.
  #askForPaint() {
    if (this.#asked) return;
    this.#asked = true;
    this.#chart.whenPainted(() => {
      this.#asked = false;
      this.#root.dataset.lastSequence = this.#last;
      window.__runView.lastSequence = this.#last;
      const shown = now();
      for (const written of this.#unshown) this.#latencies.push(shown - written);
      this.#unshown = [];
      if (this.#latencies.length > MOST_LATENCIES) this.#latencies.splice(0, this.#latencies.length - MOST_LATENCIES);
    });
  }

  #show(e) {
    const d = e.data;
    const t = this.#texts;
    // Rates are computed on the platform's clock: it tells when a step was done, not when we heard of it.
    const time = d.time ? Date.parse(d.time) : e.time;
    switch (e.kind) {
      case 'Metric':
        this.#total = d.totalSteps ?? this.#total;
        this.#epoch = d.epoch ?? this.#epoch;
        this.#rate.push({ time, step: d.step });
        while (this.#rate.length > 2 && time - this.#rate[0].time > RATE_WINDOW_MS) this.#rate.shift();
        this.#chart.addTraining({ step: d.step, loss: d.loss, epoch: d.epoch, learningRate: d.learningRate, tokensPerSecond: d.tokensPerSecond });
        break;
      case 'Validation':
        this.#chart.addValidation({ step: d.step, loss: d.loss });
        this.#log.add(time, fill(t.validated, d.step, this.#number(d.loss, 4)));
        break;
      case 'Checkpoint':
        this.#chart.addCheckpoint(d.step);
        this.#log.add(time, fill(t.checkpoint, d.step));
        break;
      case 'TrainingStarted':
        this.#total = d.totalSteps ?? this.#total;
        // What was measured before says nothing about how fast it goes on.
        this.#rate = [];
        this.#chart.goOnFrom(d.fromStep ?? 0);
        this.#log.add(time, fill(d.fromStep > 0 ? t.resumed : t.started, this.#number(d.fromStep), this.#number(d.totalSteps), this.#number(d.trainRows), this.#number(d.validationRows), this.#number(d.trainableParameters)), 'state');
        break;
      case 'Log':
        this.#log.add(time, this.#line(d), d.level === 'error' ? 'error' : d.level === 'warning' ? 'warning' : 'info');
        break;
      case 'Status':
        this.#status(e, time);
        break;
      case 'Action':
        // An action may tell many times that it is running; that it began to is what a reader wants to know.
        if (e.actionClass !== 'Pipeline' && this.#states[e.actionClass] !== e.actionState) {
          this.#states[e.actionClass] = e.actionState;
          const failed = e.actionState === 'Error';
          const why = failed ? d.data?.error ?? d.message : null;
          this.#log.add(e.time, `${t.actions[e.actionClass] ?? e.actionClass}: ${t.states[e.actionState] ?? e.actionState}${why ? `: ${why}` : ''}`, failed ? 'error' : 'state');
        }
        break;
    }
  }

  // What the platform says by a code is said in the reader's language; the rest as it comes.
  #line(d) {
    const text = this.#texts.lines[d.code];
    if (!text) return d.message ?? '';
    const values = d.values ?? [];
    return fill(text, ...(d.code === 'done' ? values.map((v, i) => this.#number(Number(v), i === 2 ? 4 : undefined)) : values));
  }

  #status(e, time) {
    const t = this.#texts;
    const d = e.data;
    if (!e.actionClass) {
      this.#log.add(e.time, `${t.run}: ${t.statuses[d.status] ?? d.status}${d.error ? `: ${d.error}` : ''}`, d.error ? 'error' : 'state');
      return;
    }
    const queue = d.queuePosition > 0 ? fill(t.queued, d.queuePosition) : '';
    const start = d.expectedStart ?? d.expectedStartDate;
    const expected = queue && start ? fill(t.expected, new Date(start).toLocaleString(this.#locale, { dateStyle: 'short', timeStyle: 'short' })) : '';
    const told = `${d.runStatus}|${queue}|${expected}|${d.message ?? ''}`;
    if (told === this.#taskStatus) return;
    this.#taskStatus = told;
    this.#log.add(time, [`${t.task}: ${t.taskStatuses[d.runStatus] ?? d.runStatus}`, queue, expected, d.message].filter(Boolean).join(' · '), d.message && d.runStatus === 'Failed' ? 'error' : 'info');
  }

  #counters() {
    const training = this.#chart.training.at(-1);
    const validation = this.#chart.validation.at(-1);
    const set = (name, text) => { const element = this.#role(name); if (element.textContent !== text) element.textContent = text; };
    if (training) {
      set('step', this.#total ? `${this.#number(training.step)} / ${this.#number(this.#total)}` : this.#number(training.step));
      set('epoch', this.#number(this.#epoch, 2));
      set('loss', this.#number(training.loss, 4));
      if (training.tokensPerSecond) set('speed', this.#number(training.tokensPerSecond, 0));
    }
    if (validation) set('validation', this.#number(validation.loss, 4));
    set('eta', this.#timeLeft(training));
  }

  #timeLeft(training) {
    const first = this.#rate[0];
    const last = this.#rate.at(-1);
    if (!training || !this.#total || !first || last.step <= first.step || last.time <= first.time) return '–';
    const seconds = Math.max(0, Math.round((last.time - first.time) / (last.step - first.step) * (this.#total - last.step) / 1000));
    const parts = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60, seconds % 60];
    return parts[0] > 0 ? `${parts[0]} h ${parts[1]} min` : parts[1] > 0 ? `${parts[1]} min ${parts[2]} s` : `${parts[2]} s`;
  }

  // For whoever can't see a curve: evenly chosen rows of the same points.
  #fillTable() {
    if (!this.#tableOpen) return;
    const points = this.#chart.training;
    const validation = new Map(this.#chart.validation.map((p) => [p.step, p.loss]));
    const stride = Math.max(1, Math.ceil(points.length / TABLE_ROWS));
    const rows = points.filter((p, i) => i % stride === 0 || i === points.length - 1 || validation.has(p.step)).slice(-2 * TABLE_ROWS);
    this.#role('rows').replaceChildren(...rows.map((p) => {
      const row = document.createElement('tr');
      const cells = [this.#number(p.step), this.#number(p.loss, 4), validation.has(p.step) ? this.#number(validation.get(p.step), 4) : ''];
      row.append(...cells.map((text) => Object.assign(document.createElement('td'), { textContent: text })));
      return row;
    }));
  }

  #number(value, digits) {
    if (value === undefined || value === null) return '–';
    return value.toLocaleString(this.#locale, digits === undefined ? { maximumFractionDigits: 0 } : { minimumFractionDigits: digits, maximumFractionDigits: digits });
  }
}

function now() { return performance.timeOrigin + performance.now(); }

// {0} is a value; {0:row|rows} the one word or the other, as PluralTexts.cs has it.
function fill(template, ...values) {
  return template.replace(/\{(\d)(?::([^|}]*)\|([^}]*))?\}/g, (_, i, one, others) => one === undefined ? values[i] ?? '' : values[i] === '1' ? one : others);
}
