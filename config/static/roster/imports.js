"use strict";
// While an import runs, show once a second how far it is; its end is announced.
const look = async () => {
  try {
    const answer = await fetch(location.href);
    if (answer.ok) {
      const page = new DOMParser().parseFromString(await answer.text(), "text/html");
      if (!page.querySelector("#import")) {
        location.reload(); // logged out since
        return;
      }
      const isOver = !page.querySelector("#import[data-running]");
      const part = isOver ? "#import" : "#import-progress";
      const fresh = page.querySelector(part);
      if (fresh) document.querySelector(part).replaceWith(fresh);
    }
  } catch {
    // The server is away for a moment: ask again.
  }
  wait();
};
const wait = () => {
  if (document.querySelector("#import[data-running]")) setTimeout(look, 1000);
};
wait();
