"use strict";
// Puts each part that has changed in the place of the old one; where the focus was, it stays.
(() => {
  const board = document.querySelector("[data-stream]");
  if (!board || !window.EventSource) return;
  const source = new EventSource(board.dataset.stream);
  source.addEventListener("part", (event) => {
    const part = JSON.parse(event.data);
    const place = document.getElementById(part.id);
    if (!place) return;
    const focused = place.contains(document.activeElement) ? document.activeElement : null;
    const key = focused && (focused.id || focused.getAttribute("href"));
    place.innerHTML = part.html;
    if (!key) return;
    for (const link of place.querySelectorAll("a")) {
      if (link.id === key || link.getAttribute("href") === key) { link.focus({ preventScroll: true }); break; }
    }
  });
  source.addEventListener("open", () => board.classList.remove("stale"));
  source.addEventListener("error", () => board.classList.add("stale"));
})();
