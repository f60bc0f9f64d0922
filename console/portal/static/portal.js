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

  // A file goes in pieces, one after the other. When the line breaks, what has
  // arrived stays and the rest follows by itself; on a page that is opened anew
  // it follows once the same file is chosen again.
  const piece = 128 * 1024, tries = 30;
  const pause = (ms) => new Promise((go) => {
    const timer = setTimeout(go, ms);
    addEventListener("online", () => { clearTimeout(timer); go(); }, { once: true });
  });
  const ask = async (form, path, options) => {
    for (let tried = 0; tried < tries; tried++) {
      try {
        const answer = await fetch(path, { ...options, signal: AbortSignal.timeout(120000) });
        if (answer.status < 500 && answer.status !== 429) { failed(form, ""); return answer; }
      } catch { /* no line */ }
      failed(form, form.dataset.waiting);
      await pause(Math.min(500 * 2 ** tried, 15000));
    }
    throw new Error("no line");
  };
  const recall = (key) => { try { return localStorage.getItem(key); } catch { return null; } };
  const remember = (key, id) => { try { if (id) localStorage.setItem(key, id); else localStorage.removeItem(key); } catch { /* a browser that keeps nothing */ } };
  const begin = async (form, file, key) => {
    const known = recall(key) && await ask(form, `/documents/uploads/${recall(key)}`);
    if (known && known.ok) return known.json();
    const begun = await ask(form, "/documents/uploads", { method: "POST", body: new URLSearchParams({ size: file.size }) });
    if (!begun.ok) return null;
    const standing = await begun.json();
    remember(key, standing.id);
    return standing;
  };
  const tellPart = (form, received, size) => {
    const part = Math.floor(100 * received / size);
    $(".sending", form).hidden = false;
    $("progress", form).value = part;
    $("output", form).textContent = part + " %";
  };
  // Resolves with false when the page has to be loaded anew: it says why.
  const upload = async (form, file) => {
    const key = `kibali-upload:${file.name}:${file.size}:${file.lastModified}`;
    const standing = await begin(form, file, key);
    if (!standing) return false;
    let received = standing.received;
    while (received < file.size) {
      tellPart(form, received, file.size);
      const answer = await ask(form, `/documents/uploads/${standing.id}?at=${received}`, {
        method: "POST", headers: { "Content-Type": "application/octet-stream" }, body: file.slice(received, received + piece),
      });
      if (answer.status === 404) { remember(key, ""); return upload(form, file); }
      if (!answer.ok && answer.status !== 409) return false;
      received = (await answer.json()).received;
    }
    tellPart(form, received, file.size);
    const done = await ask(form, `/documents/uploads/${standing.id}/finish`, {
      method: "POST", headers: { "HX-Request": "true" }, body: new URLSearchParams({ kind: form.elements.kind.value, name: file.name }),
    });
    remember(key, "");
    if (done.headers.get("HX-Redirect")) location.assign(done.headers.get("HX-Redirect"));
    else if (done.status !== 422) return false;
    else htmx.swap("#main", await done.text(), { swapStyle: "innerHTML", swapDelay: 0, settleDelay: 0, show: "top", showTarget: "window" });
    return true;
  };
  document.addEventListener("submit", async (event) => {
    const form = event.target.closest("form[data-upload]");
    const file = form && $$("input[type=file]", form).flatMap((field) => [...field.files])[0];
    if (!file || !file.size || event.submitter && event.submitter.name === "language") return;
    event.preventDefault();
    event.stopPropagation();
    if (form.dataset.sending) return;
    if (file.size > Number(form.dataset.limit)) { failed(form, form.dataset.large); return; }
    const button = $("button[type=submit]", form);
    form.dataset.sending = "1";
    button.disabled = true;
    try {
      if (!await upload(form, file)) location.assign("/documents");
    } catch {
      failed(form, document.body.dataset.cut); // the button goes on from there
    }
    delete form.dataset.sending;
    button.disabled = false;
  }, true);
})();
