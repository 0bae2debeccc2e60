// Brings the page back by itself: rejoins the circuit, resumes it, or loads the page again when the server was restarted meanwhile.
const modal = document.getElementById("components-reconnect-modal");
const checkEvery = 3000;
let waiting = false;

modal.addEventListener("components-reconnect-state-changed", event => {
    switch (event.detail.state) {
        case "show":
            if (!modal.open) modal.showModal();
            break;
        case "hide":
            modal.close();
            break;
        case "failed":
            reloadWhenServerAnswers();
            break;
        case "rejected":
            // The server is there and no longer knows this circuit.
            location.reload();
            break;
    }
});

document.getElementById("components-reconnect-button").addEventListener("click", reconnect);
document.getElementById("components-resume-button").addEventListener("click", resume);
document.addEventListener("visibilitychange", () => {
    if (waiting && document.visibilityState === "visible") reconnect();
});

async function reconnect() {
    try {
        if (await Blazor.reconnect()) return;
        if (await Blazor.resumeCircuit()) modal.close();
        else location.reload();
    } catch {
        reloadWhenServerAnswers(); // Not reachable yet.
    }
}

async function resume() {
    try {
        if (!await Blazor.resumeCircuit()) location.reload();
    } catch {
        modal.classList.replace("components-reconnect-paused", "components-reconnect-resume-failed");
    }
}

// Blazor's client gives up after a while; an answer of the server is the sign to start afresh.
async function reloadWhenServerAnswers() {
    if (waiting) return;
    waiting = true;
    for (;;) {
        try {
            const response = await fetch("health/live", { cache: "no-store" });
            if (response.ok) {
                location.reload();
                return;
            }
        } catch {
            // Still away.
        }
        await new Promise(resolve => setTimeout(resolve, checkEvery));
    }
}
