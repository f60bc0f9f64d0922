// What the console does beyond what its pages say: the keyboard, dialogs, and
// lists that keep up with the world. Every page works without it.
(() => {
  "use strict";
  const $ = (selector, within = document) => within.querySelector(selector);
  const $$ = (selector, within = document) => [...within.querySelectorAll(selector)];

  // What was pressed for a dialog that is still on its way.
  let ahead = {};

  // Dialogs: a page of a form is shown above the page that it was opened from.
  const dialog = $("#dialog");
  document.addEventListener("htmx:afterSwap", (event) => {
    if (event.detail.target === dialog && dialog.childElementCount && !dialog.open) {
      dialog.showModal();
      const first = $("[autofocus]", dialog), form = $("form[data-decide]", dialog);
      if (first) first.focus();
      if (form && ahead.reason && Date.now() - ahead.since < 5000) choose(form, ahead.reason);
      ahead = {};
    }
  });
  document.addEventListener("htmx:beforeSwap", (event) => {
    if (event.detail.target.id === "main" && dialog.open) dialog.close(); // to sign in, or to prove oneself
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
  // A list that is replaced keeps the row that one is at by then, and the focus that
  // is in it: whoever presses j and Enter need not wait for a search or the world.
  let kept = {};
  document.addEventListener("htmx:beforeSwap", (event) => {
    if (!$("tr[data-row]", event.detail.target)) return;
    const at = $("tr.at[id]", event.detail.target);
    kept = at ? { id: at.id, focus: at.contains(document.activeElement) } : {};
  });
  const keep = () => {
    const row = kept.id && document.getElementById(kept.id);
    if (row && !rows().some((other) => other.classList.contains("at"))) row.classList.add("at");
    return row;
  };
  document.addEventListener("htmx:afterSwap", () => {
    const row = keep();
    if (row && kept.focus && !row.contains(document.activeElement)) $("a.who", row).focus({ preventScroll: true });
    kept.focus = false;
  });
  document.addEventListener("htmx:afterSettle", keep); // which sets the classes of what was there before
  document.addEventListener("click", (event) => {
    const row = event.target.closest("tr[data-row]");
    if (!row || event.target.closest("a, button, input, label, summary") || getSelection().toString()) return;
    const link = $("a.who", row);
    if (event.metaKey || event.ctrlKey) window.open(link.href, "_blank", "noopener");
    else link.click();
  });

  // The viewer of documents: one at a time, larger, smaller, turned.
  const viewer = () => $("[data-viewer]");
  const show = (tab) => {
    for (const other of $$("[data-document]", viewer())) {
      if (other === tab) other.setAttribute("aria-current", "true");
      else other.removeAttribute("aria-current");
      $(other.hash).toggleAttribute("data-away", other !== tab);
    }
    $(".paper", viewer()).scrollTop = 0;
  };
  const shape = (view) => {
    const zoom = Number(view.dataset.zoomed || 1), turn = Number(view.dataset.turned || 0);
    for (const figure of $$("figure", view)) {
      const image = $("img", figure), width = image.width && Number(image.getAttribute("width")), height = Number(image.getAttribute("height"));
      const sideways = turn % 180 !== 0;
      figure.style.width = `${zoom * 100}%`;
      figure.style.aspectRatio = sideways ? `${height} / ${width}` : `${width} / ${height}`;
      image.style.width = sideways ? `${(width / height) * 100}%` : "100%";
      image.style.transform = { 0: "", 90: "rotate(90deg) translateY(-100%)", 180: "rotate(180deg) translate(-100%, -100%)", 270: "rotate(270deg) translateX(-100%)" }[turn];
    }
  };
  document.addEventListener("click", (event) => {
    const view = viewer();
    if (!view) return;
    const tab = event.target.closest("[data-document]"), zoom = event.target.closest("[data-zoom]");
    if (tab) { event.preventDefault(); show(tab); }
    if (zoom) {
      const by = Number(zoom.dataset.zoom), now = Number(view.dataset.zoomed || 1);
      view.dataset.zoomed = by === 0 ? 1 : Math.min(Math.max(now * (by > 0 ? 1.25 : 0.8), 0.25), 6);
      shape(view);
    }
    if (event.target.closest("[data-turn]")) {
      view.dataset.turned = (Number(view.dataset.turned || 0) + 90) % 360;
      shape(view);
    }
    const step = event.target.closest("[data-step]");
    if (step) {
      const tabs = $$("[data-document]", view), now = tabs.findIndex((each) => each.hasAttribute("aria-current"));
      if (tabs.length) show(tabs[(now + Number(step.dataset.step) + tabs.length) % tabs.length]);
    }
  });
  // Whoever looks at an application says so now and then, for their colleagues.
  setInterval(() => {
    const at = $("[data-claim]");
    if (at && !document.hidden) fetch(at.dataset.claim, { method: "POST", headers: { "HX-Request": "true", "X-Background": "1" } }).catch(() => {});
  }, 60000);

  // A canned reason begins the text, until somebody changes it.
  const fill = (form) => {
    const chosen = $("[name=reason_code][data-text]:checked", form), text = $("textarea[name=reason]", form);
    if (!chosen || !text) return;
    const canned = $$("[name=reason_code]", form).map((choice) => choice.dataset.text);
    if (text.value === "" || canned.includes(text.value)) {
      text.value = chosen.dataset.text;
      text.dispatchEvent(new Event("input", { bubbles: true }));
    }
  };
  document.addEventListener("change", (event) => {
    if (event.target.name === "reason_code") fill(event.target.form);
  });
  document.addEventListener("htmx:load", (event) => {
    const form = $("form[data-decide]", event.detail.elt.parentElement || document);
    if (form) fill(form);
  });
  document.addEventListener("keydown", (event) => {
    const form = $("form[data-decide]");
    if (!form || event.metaKey || event.altKey) return;
    if (event.ctrlKey) {
      if (event.key === "Enter") { event.preventDefault(); form.requestSubmit($("[data-go]", form)); }
      return;
    }
    if (!/^[1-9]$/.test(event.key) || event.target.closest("textarea, select, input:not([type=radio])")) return;
    if (choose(form, event.key)) event.preventDefault();
  });
  const choose = (form, key) => {
    const choice = $$(".choices [type=radio]", form)[Number(key) - 1];
    if (!choice) return false;
    choice.checked = true;
    choice.focus();
    for (const kind of ["input", "change"]) choice.dispatchEvent(new Event(kind, { bubbles: true }));
    return true;
  };

  // On a narrow window the tab that one is in stands where it can be seen.
  const reveal = () => {
    for (const tab of $$(".tabs [aria-current]")) tab.parentElement.scrollLeft = tab.offsetLeft - (tab.parentElement.clientWidth - tab.offsetWidth) / 2;
  };
  reveal();
  document.addEventListener("htmx:afterSettle", reveal);

  // Every row of a list, or none.
  document.addEventListener("change", (event) => {
    if (!event.target.matches("[data-pick-all]")) return;
    for (const box of $$("input[name=id]", event.target.form)) box.checked = event.target.checked;
  });

  // Live: what a page shows keeps up with the world. One window of the browser
  // follows the stream and tells the others; without a stream all of them look
  // again now and then.
  const refresh = (area) => {
    if (area.querySelector("input:checked:not([type=radio])") || area.contains(document.activeElement) && document.activeElement.matches("input, textarea, select")) return;
    htmx.ajax("GET", location.href, { target: `#${area.id}`, select: `#${area.id}`, swap: "outerHTML", source: area, headers: { "X-Background": "1" } });
  };
  const concerns = (area, change) => area.dataset.live.split(" ").some((wanted) => {
    const [kind, id] = wanted.split(":");
    return change.kind === "resync" || (id ? change.account === id : kind === change.kind);
  });
  let due = 0, waiting = new Set();
  const hear = (change) => {
    for (const area of $$("[data-live][id]")) if (concerns(area, change)) waiting.add(area.id);
    if (!waiting.size || due) return;
    // Not every console at the same moment, and one look for many changes.
    due = setTimeout(() => {
      due = 0;
      for (const id of waiting) {
        const area = document.getElementById(id);
        if (area && !document.hidden) refresh(area);
      }
      if (!document.hidden) waiting = new Set();
    }, 150 + Math.random() * 350);
  };
  document.addEventListener("visibilitychange", () => { if (!document.hidden && waiting.size) hear({ kind: "none" }); });
  const follow = document.body.dataset.follow;
  if (follow) {
    const others = "BroadcastChannel" in window ? new BroadcastChannel("kibali-live") : null;
    if (others) others.onmessage = (event) => hear(event.data);
    let polling = 0;
    const tell = (change) => {
      hear(change);
      if (others) others.postMessage(change);
    };
    const poll = (on) => {
      if (on && !polling) polling = setInterval(() => tell({ kind: "resync" }), 15000);
      if (!on && polling) { clearInterval(polling); polling = 0; }
    };
    // A page whose stream is over for good is loaded anew, which asks its reader
    // to sign in where that is why: not while they are writing something.
    const renew = () => {
      const written = $$("input:not([type=hidden]), textarea").some((field) => field.type === "checkbox" || field.type === "radio" ? field.checked !== field.defaultChecked : field.value !== field.defaultValue);
      if (!dialog.open && !written) location.reload();
    };
    const lead = () => new Promise(() => {
      const source = new EventSource(follow);
      source.onopen = () => poll(false);
      source.onmessage = (event) => tell(JSON.parse(event.data));
      source.onerror = () => {
        poll(true);
        if (source.readyState === EventSource.CLOSED) setInterval(renew, 60000);
      };
      addEventListener("pagehide", () => source.close());
    });
    if (navigator.locks && others) navigator.locks.request("kibali-live", lead);
    else lead();
  }

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
      case "?": {
        dialog.replaceChildren($("#keys-help").content.cloneNode(true));
        dialog.showModal();
        return true;
      }
    }
    const button = $(`[data-key="${CSS.escape(key)}"]`);
    if (!button) {
      if (!ahead.since || !/^[1-9]$/.test(key)) return false;
      ahead.reason = key;
      return true;
    }
    if (button.getAttribute("hx-target") === "#dialog") ahead = { since: Date.now() };
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
