// A log of bounded length that follows its end until somebody scrolls up, and can be searched.

const MOST_LINES = 2000;

export class LogView {
  #list;
  #follow;
  #search;
  #term = '';
  #waiting = [];
  #onScroll = () => {
    // Scrolling up is a wish to read: the tail is followed again from the end on.
    const atEnd = this.#list.scrollHeight - this.#list.scrollTop - this.#list.clientHeight < 24;
    if (this.#follow.checked !== atEnd) this.#follow.checked = atEnd;
  };

  #onFollow = () => { if (this.#follow.checked) this.#toEnd(); };

  #onSearch = () => {
    this.#term = this.#search.value.trim().toLowerCase();
    for (const line of this.#list.children) line.hidden = !this.#matches(line);
    this.#onFollow();
  };

  /** @param {HTMLElement} list @param {HTMLInputElement} follow a check box @param {HTMLInputElement} search */
  constructor(list, follow, search) {
    [this.#list, this.#follow, this.#search] = [list, follow, search];
    list.addEventListener('scroll', this.#onScroll, { passive: true });
    follow.addEventListener('change', this.#onFollow);
    search.addEventListener('input', this.#onSearch);
  }

  /** Takes a line; flush shows it. @param {number} time ms since 1970 @param {string} text @param {'info'|'warning'|'error'|'state'} level */
  add(time, text, level = 'info') {
    this.#waiting.push({ time, text, level });
    if (this.#waiting.length > MOST_LINES) this.#waiting.shift();
  }

  flush() {
    if (this.#waiting.length === 0) return;
    const lines = this.#waiting.map(({ time, text, level }) => {
      const line = document.createElement('div');
      line.className = `log-line log-${level}`;
      const stamp = document.createElement('time');
      const date = new Date(time);
      stamp.dateTime = date.toISOString();
      stamp.textContent = date.toLocaleTimeString(undefined, { hour12: false });
      const body = document.createElement('span');
      body.textContent = text;
      line.append(stamp, body);
      line.hidden = !this.#matches(line);
      return line;
    });
    this.#waiting = [];
    this.#list.append(...lines);
    while (this.#list.childElementCount > MOST_LINES) this.#list.firstElementChild.remove();
    this.#list.dataset.lines = this.#list.childElementCount;
    if (this.#follow.checked) this.#toEnd();
  }

  dispose() {
    this.#list.removeEventListener('scroll', this.#onScroll);
    this.#follow.removeEventListener('change', this.#onFollow);
    this.#search.removeEventListener('input', this.#onSearch);
  }

  #matches(line) { return this.#term === '' || line.textContent.toLowerCase().includes(this.#term); }

  #toEnd() { this.#list.scrollTop = this.#list.scrollHeight; }
}
