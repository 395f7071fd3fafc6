/* Lists search as you type. Without this the form of the search is an ordinary one. */
"use strict";
document.addEventListener("DOMContentLoaded", () => {
  const PAUSE = 250; // milliseconds after the last key
  const LIST = "changelist";
  const FIELD = "searchbar";

  const field = document.getElementById(FIELD);
  const list = document.getElementById(LIST);

  if (field && list && field.form) {
    const announcer = document.createElement("p");
    announcer.setAttribute("role", "status");
    announcer.className = "visually-hidden";
    list.after(announcer);

    let timer = null;
    let running = null;

    /* Put everything around the field in place of what is there. The field itself is never moved:
       it keeps the focus, the caret, and what an input method is composing. */
    const replaceAround = (node, root, newNode, newRoot) => {
      while (node !== root) {
        const parent = node.parentNode;
        const newParent = newNode.parentNode;
        if (!parent || !newParent || newNode === newRoot) {
          return false;
        }
        for (const child of [...parent.childNodes]) {
          if (child !== node) {
            child.remove();
          }
        }
        let isBefore = true;
        for (const child of [...newParent.childNodes]) {
          if (child === newNode) {
            isBefore = false;
          } else if (isBefore) {
            node.before(document.importNode(child, true));
          } else {
            parent.append(document.importNode(child, true));
          }
        }
        [node, newNode] = [parent, newParent];
      }
      return newNode === newRoot;
    };

    const address = () => {
      const query = new URLSearchParams(new FormData(field.form));
      query.delete("p"); // another search begins on its first page
      if (!field.value.trim()) {
        query.delete(field.name);
      }
      const text = query.toString();
      return location.pathname + (text ? `?${text}` : "");
    };

    const announce = () => {
      const rows = document.querySelectorAll("#result_list tbody tr").length;
      const count = field.form.querySelector(".quiet");
      const words = count ? count.textContent.split("(")[0].trim() : `${rows} rows`;
      announcer.textContent = rows ? `Found: ${words}` : "Nothing found";
    };

    const search = async () => {
      if (running) {
        running.abort();
      }
      running = new AbortController();
      const { signal } = running;
      const target = address();
      list.setAttribute("aria-busy", "true");
      try {
        const answer = await fetch(target, { signal, credentials: "same-origin" });
        const text = await answer.text();
        const page = new DOMParser().parseFromString(text, "text/html");
        const newField = page.getElementById(FIELD);
        const newList = page.getElementById(LIST);
        const isList = answer.ok && new URL(answer.url).pathname === location.pathname;
        if (signal.aborted) {
          return;
        }
        if (!isList || !newField || !newList
            || !replaceAround(field, list, newField, newList)) {
          location.assign(target); // logged out, or something is wrong: the page itself says what
          return;
        }
        history.replaceState(null, "", target);
        const boxes = document.querySelectorAll("tr input.action-select");
        if (boxes.length && window.Actions) {
          window.Actions(boxes); // Django's own script
        }
        document.dispatchEvent(new CustomEvent("roster:list"));
        announce();
        list.removeAttribute("aria-busy");
      } catch (fault) {
        if (fault.name !== "AbortError") {
          location.assign(target);
        }
      }
    };

    field.addEventListener("input", (event) => {
      if (event.isComposing) {
        return;
      }
      clearTimeout(timer);
      timer = setTimeout(search, PAUSE);
    });
    field.addEventListener("compositionend", () => {
      clearTimeout(timer);
      timer = setTimeout(search, PAUSE);
    });
    field.form.addEventListener("submit", (event) => {
      event.preventDefault();
      clearTimeout(timer);
      search();
    });
  }
});
