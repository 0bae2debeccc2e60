// The upload card of the datasets page: choosing, dropping, sending with progress, cancelling. The file never crosses the circuit.
const errorsShown = 20;

/**
 * @param {HTMLElement} root The card.
 * @param {object} page The component: fileChosen(name, size), uploadEnded(result).
 * @param {{url: string, tokenHeader: string, token: string}} options Where to send it, and the antiforgery token.
 */
export function attach(root, page, options) {
    const listening = new AbortController();
    const input = root.querySelector("input[type=file]");
    const zone = root.querySelector("[data-drop]");
    let file = null;
    let request = null;

    function choose(chosen) {
        if (!chosen || request)
            return;
        file = chosen;
        page.invokeMethodAsync("FileChosen", file.name, file.size);
    }

    const on = (target, type, handler) => target.addEventListener(type, handler, { signal: listening.signal });
    on(input, "change", () => choose(input.files[0]));
    let inside = 0;
    on(zone, "dragenter", event => { event.preventDefault(); inside++; zone.dataset.over = ""; });
    on(zone, "dragover", event => event.preventDefault());
    on(zone, "dragleave", () => { if (--inside <= 0) { inside = 0; delete zone.dataset.over; } });
    on(zone, "drop", event => {
        event.preventDefault();
        inside = 0;
        delete zone.dataset.over;
        choose(event.dataTransfer.files[0]);
    });
    // A file that misses the zone would replace the page.
    on(document, "dragover", event => event.preventDefault());
    on(document, "drop", event => event.preventDefault());

    function show(fraction) {
        const percent = Math.floor(fraction * 100);
        const bar = root.querySelector("[data-upload-bar]");
        const text = root.querySelector("[data-upload-percent]");
        if (bar) {
            bar.value = percent;
            bar.toggleAttribute("data-checking", percent >= 100);
        }
        if (text)
            text.textContent = `${percent} %`;
    }

    function end(result) {
        request = null;
        page.invokeMethodAsync("UploadEnded", result);
    }

    function answer(status, text) {
        let body = {};
        try {
            body = JSON.parse(text);
        } catch {
            // An error page of something in between: the status is all there is.
        }
        if (status === 200)
            return { datasetId: body.datasetId };
        return { code: body.code ?? `Http${status}`, message: body.detail ?? null, errors: (body.errors ?? []).slice(0, errorsShown) };
    }

    // Chosen before this module had loaded.
    choose(input.files[0]);

    return {
        send(name, connectionId, kind) {
            if (!file || request)
                return;
            const form = new FormData();
            form.append("name", name);
            form.append("connection", connectionId ?? "");
            form.append("kind", kind ?? "");
            form.append("file", file, file.name);
            request = new XMLHttpRequest();
            request.open("POST", options.url);
            request.setRequestHeader(options.tokenHeader, options.token);
            request.setRequestHeader("Accept", "application/json");
            request.upload.addEventListener("progress", event => { if (event.lengthComputable) show(event.loaded / event.total); });
            request.addEventListener("load", event => end(answer(event.target.status, event.target.responseText)));
            request.addEventListener("error", () => end({ code: "UploadBroken" }));
            request.addEventListener("abort", () => end({ code: "Cancelled" }));
            request.send(form);
        },
        cancel: () => request?.abort(),
        clear() {
            file = null;
            input.value = "";
        },
        dispose() {
            listening.abort();
            request?.abort();
        },
    };
}
