// Loaded before the first paint, so that the page never flashes in the wrong colours.
(() => {
    const key = "theme";
    const root = document.documentElement;
    const system = matchMedia("(prefers-color-scheme: dark)");

    function stored() {
        try {
            return localStorage.getItem(key) ?? "system";
        } catch {
            return "system"; // Storage can be switched off; then the system decides.
        }
    }

    function apply(choice) {
        root.dataset.themeChoice = choice;
        root.dataset.theme = choice === "system" ? (system.matches ? "dark" : "light") : choice;
    }

    function choose(choice) {
        try {
            localStorage.setItem(key, choice);
        } catch {
            // Lasts for this page then.
        }
        apply(choice);
    }

    apply(stored());
    system.addEventListener("change", () => apply(root.dataset.themeChoice));
    // Another tab of the same browser.
    addEventListener("storage", event => { if (event.key === key) apply(stored()); });

    async function copy(text) {
        if (navigator.clipboard && isSecureContext) {
            await navigator.clipboard.writeText(text);
            return;
        }
        // Plain http from another machine: browsers keep the clipboard API from it.
        const area = document.createElement("textarea");
        area.value = text;
        area.style.position = "fixed";
        area.style.opacity = "0";
        (document.querySelector("dialog[open], [role=dialog]") ?? document.body).append(area);
        area.select();
        document.execCommand("copy");
        area.remove();
    }

    document.addEventListener("click", async event => {
        const themeButton = event.target.closest("[data-choose-theme]");
        if (themeButton)
            choose(themeButton.dataset.chooseTheme);

        const copyButton = event.target.closest("[data-copy]");
        if (copyButton) {
            await copy(copyButton.dataset.copy);
            // Seen by its icon, heard by the words beside it.
            const said = copyButton.nextElementSibling;
            copyButton.dataset.copied = "";
            said.textContent = copyButton.dataset.copiedText;
            setTimeout(() => {
                delete copyButton.dataset.copied;
                said.textContent = "";
            }, 2000);
        }
    });

    window.portal = {
        timeZone: () => Intl.DateTimeFormat().resolvedOptions().timeZone ?? "UTC",
    };
})();
