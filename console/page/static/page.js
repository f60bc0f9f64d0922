// What pages of the console and the portal do beyond what they say. Every page
// works without it.
(() => {
  "use strict";
  const root = document.documentElement;
  root.classList.add("js");

  // Times in the reader's own zone.
  const full = new Intl.DateTimeFormat(root.lang === "sw" ? "sw-TZ" : "en-GB", { dateStyle: "medium", timeStyle: "short" });
  const tellTimes = (within) => {
    for (const time of within.querySelectorAll("time[datetime]:not([data-told])")) {
      const told = full.format(new Date(time.dateTime));
      time.title = told;
      time.dataset.told = "";
      if (time.classList.contains("at")) time.textContent = told;
    }
  };
  tellTimes(document);
  document.addEventListener("htmx:load", (event) => tellTimes(event.detail.elt.parentElement || document));

  // A menu closes when the reader turns to something else.
  document.addEventListener("click", (event) => {
    for (const menu of document.querySelectorAll("details.menu[open]")) {
      if (!menu.contains(event.target)) menu.open = false;
    }
  });
  document.addEventListener("keydown", (event) => {
    if (event.key !== "Escape") return;
    for (const menu of document.querySelectorAll("details.menu[open]")) {
      menu.open = false;
      menu.querySelector("summary").focus();
    }
  });

  // A form is sent once, however often it is clicked.
  document.addEventListener("submit", (event) => {
    const form = event.target;
    if (event.defaultPrevented || form.method !== "post" || form.hasAttribute("hx-post")) return;
    if (form.dataset.sent) { event.preventDefault(); return; }
    form.dataset.sent = "1";
    for (const button of form.querySelectorAll("button")) button.setAttribute("aria-busy", "true");
  });
  // Back in a page that the browser kept, its forms can be sent again.
  addEventListener("pageshow", () => {
    for (const form of document.querySelectorAll("form[data-sent]")) {
      delete form.dataset.sent;
      for (const button of form.querySelectorAll("[aria-busy]")) button.removeAttribute("aria-busy");
    }
  });

  // A choice that takes effect at once.
  document.addEventListener("change", (event) => {
    const form = event.target.closest("form[data-instant]");
    if (form) form.requestSubmit();
  });
})();
