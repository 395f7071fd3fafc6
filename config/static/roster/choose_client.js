/* The filter by client: choose one by typing. Without this the form leads to the list of clients. */
"use strict";
{
  const PAUSE = 250; // milliseconds after the last key

  const begin = () => {
    const form = document.querySelector("form.choose-client:not([data-begun])");
    if (!form) {
      return;
    }
    form.dataset.begun = "";
    const field = form.querySelector("input[type=search]");
    const found = form.querySelector("[role=listbox]");
    let timer = null;
    let running = null;
    let chosen = -1;

    field.setAttribute("role", "combobox");
    field.setAttribute("aria-expanded", "false");
    field.setAttribute("aria-controls", found.id);
    field.setAttribute("aria-autocomplete", "list");
    form.classList.add("live");

    const options = () => [...found.querySelectorAll("[role=option]")];

    const show = (isShown) => {
      found.hidden = !isShown;
      field.setAttribute("aria-expanded", String(isShown));
      if (!isShown) {
        chosen = -1;
        field.removeAttribute("aria-activedescendant");
      }
    };

    const narrow = (id) => {
      const target = new URL(location.href);
      target.searchParams.delete("p");
      target.searchParams.delete("e");
      target.searchParams.set("client", id);
      location.assign(target);
    };

    const highlight = (index) => {
      const rows = options();
      chosen = rows.length ? (index + rows.length) % rows.length : -1;
      rows.forEach((row, at) => row.setAttribute("aria-selected", String(at === chosen)));
      if (chosen >= 0) {
        field.setAttribute("aria-activedescendant", rows[chosen].id);
        rows[chosen].scrollIntoView({ block: "nearest" });
      }
    };

    const list = (results) => {
      found.replaceChildren(...results.map((result, at) => {
        const row = document.createElement("li");
        row.id = `${found.id}-${at}`;
        row.setAttribute("role", "option");
        row.setAttribute("aria-selected", "false");
        row.dataset.id = result.id;
        row.textContent = result.text;
        row.addEventListener("mousedown", (event) => {
          event.preventDefault();
          narrow(result.id);
        });
        return row;
      }));
      if (!results.length) {
        const none = document.createElement("li");
        none.setAttribute("role", "option");
        none.setAttribute("aria-disabled", "true");
        none.textContent = "No such client";
        found.append(none);
      }
      chosen = -1;
      show(true);
    };

    const look = async () => {
      if (running) {
        running.abort();
      }
      const typed = field.value.trim();
      if (!typed) {
        show(false);
        return;
      }
      running = new AbortController();
      try {
        const target = `${form.dataset.source}&term=${encodeURIComponent(typed)}`;
        const answer = await fetch(target, {
          signal: running.signal, credentials: "same-origin",
        });
        const { results } = await answer.json();
        list(results);
      } catch (fault) {
        if (fault.name !== "AbortError") {
          show(false); // Enter still leads to the list of clients
        }
      }
    };

    field.addEventListener("input", () => {
      clearTimeout(timer);
      timer = setTimeout(look, PAUSE);
    });
    field.addEventListener("blur", () => show(false));
    field.addEventListener("keydown", (event) => {
      if (event.key === "Escape") {
        show(false);
      } else if (found.hidden) {
        return;
      } else if (event.key === "ArrowDown") {
        event.preventDefault();
        highlight(chosen + 1);
      } else if (event.key === "ArrowUp") {
        event.preventDefault();
        highlight(chosen < 0 ? -1 : chosen - 1);
      } else if (event.key === "Enter") {
        const rows = options().filter((row) => row.dataset.id);
        const row = rows[chosen] || (rows.length === 1 ? rows[0] : null);
        if (row) {
          event.preventDefault();
          narrow(row.dataset.id);
        }
      }
    });
  };

  document.addEventListener("DOMContentLoaded", begin);
  document.addEventListener("roster:list", begin);
}
