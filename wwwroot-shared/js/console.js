// The console: asks services and shows the answers token by token, past the circuit. Texts go in as text nodes, never as markup.
const paintInterval = 50;

/** Reads server-sent events from a response. A decoder that keeps state puts characters together that arrive in pieces. */
async function* events(response) {
    const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
    let buffer = "";
    try {
        for (;;) {
            const { value, done } = await reader.read();
            if (done)
                return;
            buffer += value;
            let end;
            while ((end = buffer.indexOf("\n\n")) >= 0) {
                const block = buffer.slice(0, end);
                buffer = buffer.slice(end + 2);
                let name = "message";
                const data = [];
                for (const line of block.split("\n")) {
                    if (line.startsWith("event:"))
                        name = line.slice(6).trim();
                    else if (line.startsWith("data:"))
                        data.push(line.slice(5).replace(/^ /, ""));
                }
                if (data.length > 0)
                    yield { name, data: JSON.parse(data.join("\n")) };
            }
        }
    } finally {
        reader.cancel().catch(() => { }); // Already ended or aborted.
    }
}

/** Appends text to a node: the first piece at once, later ones at most every 50 ms. */
function painter(node, after) {
    let waiting = "";
    let timer = 0;
    function paint() {
        timer = 0;
        if (waiting.length === 0)
            return;
        node.appendData(waiting);
        waiting = "";
        after();
        timer = setTimeout(paint, paintInterval);
    }
    return {
        add(text) {
            waiting += text;
            if (timer === 0)
                paint();
        },
        flush() {
            clearTimeout(timer);
            paint();
            clearTimeout(timer);
            timer = 0;
        },
    };
}

function element(name, attributes = {}, ...children) {
    const created = document.createElement(name);
    for (const [key, value] of Object.entries(attributes))
        created.setAttribute(key, value);
    created.append(...children);
    return created;
}

const fill = (text, ...values) => text.replace(/\{(\d)\}/g, (_, index) => values[index]);

function parameters(root) {
    const body = {};
    for (const input of root.querySelectorAll("[data-param]")) {
        const value = input.value.trim();
        if (value.length > 0)
            body[input.dataset.param] = input.type === "number" ? Number(value) : value;
    }
    return body;
}

/**
 * Asks once and shows the answer.
 * @returns {Promise<{text: string, state: "done"|"stopped"|"failed"}>}
 */
async function ask(options, question, view, signal) {
    const started = performance.now();
    let first = 0;
    let text = "";
    const paint = painter(view.text, view.painted);
    view.state("waiting");
    function fail(message) {
        paint.flush();
        view.error(message);
        view.state("failed");
        return { text, state: "failed" };
    }
    try {
        const response = await fetch(options.url, {
            method: "POST",
            headers: { "Content-Type": "application/json", "Accept": "text/event-stream", [options.tokenHeader]: options.token },
            body: JSON.stringify({ serviceId: options.serviceId, ...question }),
            signal,
        });
        if (!response.ok) {
            const problem = await response.json().catch(() => ({}));
            return fail(problem.detail ?? fill(options.texts.failed, response.status));
        }
        for await (const { name, data } of events(response)) {
            if (name === "text") {
                if (first === 0) {
                    first = performance.now();
                    view.state("streaming");
                }
                text += data.text;
                paint.add(data.text);
            } else if (name === "error") {
                return fail(data.message);
            } else if (name === "done") {
                paint.flush();
                view.meta(describe(options.texts, data, first - started, performance.now() - first, first > 0));
                view.state("done");
                return { text, state: "done" };
            }
        }
        return fail(options.texts.broken);
    } catch (error) {
        if (signal.aborted) {
            paint.flush();
            view.meta(options.texts.stopped);
            view.state("stopped");
            return { text, state: "stopped" };
        }
        if (error instanceof TypeError || error instanceof DOMException || error instanceof SyntaxError)
            return fail(options.texts.broken);
        throw error;
    }
}

function describe(texts, data, wait, duration, any) {
    const parts = [];
    if (any)
        parts.push(fill(texts.firstToken, Math.round(wait)));
    if (data.completionTokens != null) {
        parts.push(fill(texts.tokens, data.promptTokens ?? "?", data.completionTokens));
        if (data.completionTokens > 1 && duration > 250)
            parts.push(fill(texts.speed, Math.round((data.completionTokens - 1) * 1000 / duration)));
    }
    if (data.finishReason === "length")
        parts.push(texts.cut);
    return parts.join(" · ");
}

function send(input, start) {
    input.addEventListener("keydown", event => {
        // While Chinese is being composed, Enter takes the candidate.
        if (event.key === "Enter" && !event.shiftKey && !event.isComposing) {
            event.preventDefault();
            start();
        }
    });
}

/** The chat panel. The log inside it belongs to this script; the rest is rendered by the portal. */
export function attachChat(root, options) {
    const log = root.querySelector("[data-log]");
    const input = root.querySelector("[data-input]");
    const compare = root.querySelector("[data-compare]");
    const buttons = { send: root.querySelector("[data-send]"), stop: root.querySelector("[data-stop]") };
    let histories = { base: [], tuned: [] };
    let running = null;

    const sides = () => options.hasBase && compare?.checked ? ["base", "tuned"] : ["tuned"];

    function layout() {
        root.toggleAttribute("data-comparing", sides().length > 1);
    }

    function busy(on) {
        buttons.send.hidden = on;
        buttons.stop.hidden = !on;
        log.setAttribute("aria-busy", on ? "true" : "false");
    }

    function follow() {
        // Only while the reader is at the end.
        if (log.scrollHeight - log.scrollTop - log.clientHeight < 120)
            log.scrollTop = log.scrollHeight;
    }

    function column(side) {
        const body = element("p", { "data-testid": `answer-${side}` });
        const text = document.createTextNode("");
        body.append(text);
        const meta = element("small");
        const box = element("div", { class: "answer", "data-side": side }, element("span", { class: "answer-who" }, options.texts[side]), body, meta);
        return {
            box,
            text,
            painted: follow,
            state: name => { box.dataset.state = name; },
            meta: words => { meta.textContent = words; follow(); },
            error: words => { box.append(element("div", { class: "answer-error", role: "alert" }, words)); follow(); },
        };
    }

    async function start(question) {
        question = question.trim();
        if (question.length === 0 || running)
            return;
        running = new AbortController();
        busy(true);
        input.value = "";
        root.setAttribute("data-started", "");
        const asked = sides();
        const columns = asked.map(column);
        log.append(element("div", { class: "turn" }, element("p", { class: "question" }, question), element("div", { class: "answers" }, ...columns.map(c => c.box))));
        log.scrollTop = log.scrollHeight;
        const { signal } = running;
        const settings = parameters(root);
        await Promise.all(asked.map(async (side, index) => {
            const history = histories[side];
            const { text } = await ask(options, { side, messages: [...history, { role: "user", content: question }], ...settings }, columns[index], signal);
            // A stopped or broken answer counts as far as it came; an empty one leaves no trace.
            if (text.length > 0 && histories[side] === history)
                history.push({ role: "user", content: question }, { role: "assistant", content: text });
        }));
        running = null;
        busy(false);
        input.focus();
    }

    function reset() {
        running?.abort();
        histories = { base: [], tuned: [] };
        log.replaceChildren();
        root.removeAttribute("data-started");
        input.focus();
    }

    const listening = new AbortController();
    const on = (target, type, handler) => target?.addEventListener(type, handler, { signal: listening.signal });
    on(root.querySelector("form"), "submit", event => { event.preventDefault(); start(input.value); });
    send(input, () => start(input.value));
    on(buttons.stop, "click", () => running?.abort());
    on(compare, "change", layout);
    on(root, "click", event => {
        const suggestion = event.target.closest("[data-suggestion]");
        if (suggestion)
            start(suggestion.dataset.suggestion);
        if (event.target.closest("[data-new-chat]"))
            reset();
    });
    layout();
    busy(false);
    buttons.send.disabled = false;
    return {
        dispose() {
            listening.abort();
            running?.abort();
        },
    };
}

/** The completion panel: one prompt, one text. */
export function attachCompletion(root, options) {
    const input = root.querySelector("[data-input]");
    const side = root.querySelector("[data-side-choice]");
    const output = root.querySelector("[data-output]");
    const meta = root.querySelector("[data-meta]");
    const error = root.querySelector("[data-error]");
    const buttons = { send: root.querySelector("[data-send]"), stop: root.querySelector("[data-stop]") };
    let running = null;

    async function start() {
        const prompt = input.value.trim();
        if (prompt.length === 0 || running)
            return;
        running = new AbortController();
        buttons.send.hidden = true;
        buttons.stop.hidden = false;
        const text = document.createTextNode("");
        output.replaceChildren(text);
        meta.textContent = "";
        error.hidden = true;
        await ask(options, { side: side?.value ?? "tuned", prompt, ...parameters(root) }, {
            text,
            painted: () => { },
            state: name => { output.dataset.state = name; },
            meta: words => { meta.textContent = words; },
            error: words => { error.textContent = words; error.hidden = false; },
        }, running.signal);
        running = null;
        buttons.send.hidden = false;
        buttons.stop.hidden = true;
    }

    const listening = new AbortController();
    root.querySelector("form").addEventListener("submit", event => { event.preventDefault(); start(); }, { signal: listening.signal });
    buttons.stop.addEventListener("click", () => running?.abort(), { signal: listening.signal });
    buttons.send.disabled = false;
    return {
        dispose() {
            listening.abort();
            running?.abort();
        },
    };
}
