// What the console does beyond what its pages say: the keyboard, dialogs, and
// lists that keep up with the world. Every page works without it.
(() => {
  "use strict";
  const $ = (selector, within = document) => within.querySelector(selector);
  const $$ = (selector, within = document) => [...within.querySelectorAll(selector)];

  // Dialogs: a page of a form is shown above the page that it was opened from.
  const dialog = $("#dialog");
  document.addEventListener("htmx:afterSwap", (event) => {
    if (event.detail.target === dialog && dialog.childElementCount && !dialog.open) {
      dialog.showModal();
      const first = $("[autofocus]", dialog);
      if (first) first.focus();
    }
  });
  dialog.addEventListener("click", (event) => {
    if (event.target === dialog || event.target.closest("[data-close]")) {
      event.preventDefault();
      dialog.close();
    }
  });
  dialog.addEventListener("close", () => dialog.replaceChildren());

  // A list: j and k move, Enter opens. A click on a row is one on its link.
  const rows = () => $$("[data-list] tbody tr[data-row]");
  const move = (by) => {
    const all = rows();
    if (!all.length) return;
    const now = all.findIndex((row) => row.classList.contains("at"));
    const next = all[Math.min(Math.max(now + by, 0), all.length - 1)];
    for (const row of all) row.classList.toggle("at", row === next);
    const link = $("a.who", next);
    link.focus({ preventScroll: true });
    next.scrollIntoView({ block: "nearest" });
  };
  document.addEventListener("focusin", (event) => {
    const row = event.target.closest("tr[data-row]");
    if (row) for (const other of rows()) other.classList.toggle("at", other === row);
  });
  document.addEventListener("click", (event) => {
    const row = event.target.closest("tr[data-row]");
    if (!row || event.target.closest("a, button, input, label, summary") || getSelection().toString()) return;
    const link = $("a.who", row);
    if (event.metaKey || event.ctrlKey) window.open(link.href, "_blank", "noopener");
    else link.click();
  });

  // The keyboard: off inside inputs, where a dialog is open, and for whoever
  // turned it off.
  const places = { u: "/console/users", p: "/console/pending", l: "/console/ledger", d: "/console/dashboard" };
  let going = 0;
  const press = (key) => {
    if (going && Date.now() - going < 1500) {
      going = 0;
      if (!places[key] || !$(`a[href="${places[key]}"]`)) return false;
      location.assign(places[key]);
      return true;
    }
    going = 0;
    switch (key) {
      case "j": move(1); return true;
      case "k": move(-1); return true;
      case "/": { const box = $("#q"); if (!box) return false; box.focus(); box.select(); return true; }
      case "g": going = Date.now(); return true;
    }
    const button = $(`[data-key="${CSS.escape(key)}"]`);
    if (!button) return false;
    button.click();
    return true;
  };
  document.addEventListener("keydown", (event) => {
    if (!document.body.hasAttribute("data-keys") || event.defaultPrevented || event.repeat && event.key !== "j" && event.key !== "k") return;
    if (event.metaKey || event.ctrlKey || event.altKey || dialog.open) return;
    const target = event.target;
    if (target.isContentEditable || target.closest("input:not([type=checkbox], [type=radio]), textarea, select")) {
      if (event.key === "Escape") target.blur();
      return;
    }
    if (press(event.key)) event.preventDefault();
  });
})();
