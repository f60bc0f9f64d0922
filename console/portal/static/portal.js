// What the portal does beyond what its pages say. Every page works without it.
(() => {
  "use strict";
  const $ = (selector, within = document) => within.querySelector(selector);
  const $$ = (selector, within = document) => [...within.querySelectorAll(selector)];
  const tell = (text) => { $("#told").textContent = text; };

  // A button that chooses a language loads the page anew, all of it.
  document.addEventListener("submit", (event) => {
    if (event.submitter && event.submitter.name === "language") event.stopPropagation();
  }, true);

  // A password can be shown, and stays when the rest of its form comes back.
  document.addEventListener("click", (event) => {
    const button = event.target.closest("[data-reveal]");
    if (!button) return;
    const field = document.getElementById(button.dataset.reveal);
    const shown = field.type === "password";
    field.type = shown ? "text" : "password";
    button.setAttribute("aria-pressed", shown);
  });
  let secrets = {};
  document.addEventListener("htmx:beforeSwap", () => {
    secrets = {};
    for (const field of $$("[data-secret]")) if (field.value) secrets[location.pathname + "#" + field.id] = field.value;
  });
  document.addEventListener("htmx:afterSwap", () => {
    for (const field of $$("[data-secret]")) field.value = secrets[location.pathname + "#" + field.id] || field.value;
    secrets = {};
  });

  // What is typed into a long form is kept in this tab, for when the phone puts
  // the browser away; without passwords, and until the form has been taken.
  const kept = "kibali-draft:";
  const draft = () => $("form[data-draft]");
  const restore = () => {
    const form = draft();
    if (!form) {
      for (const key of Object.keys(sessionStorage)) if (key.startsWith(kept)) sessionStorage.removeItem(key);
      return;
    }
    const saved = JSON.parse(sessionStorage.getItem(kept + location.pathname) || "{}");
    for (const [name, value] of Object.entries(saved)) {
      const field = form.elements[name];
      if (field instanceof RadioNodeList || !field || field.value) continue;
      field.value = value;
      if (value) { const more = field.closest("details"); if (more) more.open = true; }
    }
  };
  try {
    restore();
    document.addEventListener("input", (event) => {
      const form = event.target.form;
      if (!form || form !== draft()) return;
      const values = {};
      for (const field of form.elements) if (field.name && !["password", "hidden", "radio", "file"].includes(field.type) && !("secret" in field.dataset)) values[field.name] = field.value;
      sessionStorage.setItem(kept + location.pathname, JSON.stringify(values));
    });
  } catch { /* a browser that keeps nothing */ }

  // The line was cut: the form stays as it is, and says so.
  document.addEventListener("htmx:sendError", (event) => failed(event.target.closest("form"), document.body.dataset.cut));
  document.addEventListener("htmx:timeout", (event) => failed(event.target.closest("form"), document.body.dataset.cut));
  const failed = (form, text) => {
    if (!form) return;
    let place = $("[data-failed]", form);
    if (!place) {
      place = document.createElement("p");
      place.className = "problem";
      place.dataset.failed = "";
      place.setAttribute("role", "alert");
      place.append(document.createElement("span"));
      form.append(place);
    }
    $("span", place).textContent = text;
    place.hidden = !text;
  };
  document.addEventListener("htmx:beforeRequest", (event) => failed($("[data-failed]") && event.target.closest("form"), ""));

  // Copying.
  document.addEventListener("click", async (event) => {
    const button = event.target.closest("[data-copy]");
    if (!button) return;
    const field = document.getElementById(button.dataset.copy);
    field.select();
    try {
      await navigator.clipboard.writeText(field.value);
    } catch {
      document.execCommand("copy"); // no clipboard without TLS
    }
    tell(button.dataset.told);
    button.textContent = button.dataset.told;
  });

  // How much of a file has been sent.
  document.addEventListener("htmx:xhr:progress", (event) => {
    const form = event.target.closest("form[data-upload]");
    if (!form || !event.detail.lengthComputable) return;
    const part = Math.round(100 * event.detail.loaded / event.detail.total);
    $(".sending", form).hidden = false;
    $("progress", form).value = part;
    $("output", form).textContent = part + " %";
  });
})();
