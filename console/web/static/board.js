"use strict";
// Keeps the board as it is now. Each part that has changed comes whole; only what differs in it is changed on the page,
// so that focus, an open list and a press of the mouse stay where they are. Without this the page is whole, and still.
(() => {
  const board = document.querySelector("[data-stream]");
  if (!board || !window.EventSource) return;
  const lost = document.getElementById("lost");
  const aloud = document.getElementById("aloud");
  const AGAIN = 10000; // ms until it is tried again after a refusal; what is merely interrupted the browser tries itself
  const CALM = 15000; // ms between two things that are read aloud

  const attributes = (old, now) => {
    for (const { name } of [...old.attributes]) {
      if (!now.hasAttribute(name) && !(name === "open" && old.localName === "details")) old.removeAttribute(name);
    }
    for (const { name, value } of [...now.attributes]) {
      if (old.getAttribute(name) !== value) old.setAttribute(name, value);
    }
  };

  const children = (old, now) => {
    let next = old.firstChild;
    for (const child of [...now.childNodes]) {
      let same = child.id ? [...old.children].find((kept) => kept.id === child.id) : next;
      if (!same || same.nodeName !== child.nodeName || (same.id || "") !== (child.id || "")) same = null;
      if (!same) { old.insertBefore(child, next); continue; }
      if (same !== next) old.insertBefore(same, next); else next = next.nextSibling;
      if (same.nodeType === Node.ELEMENT_NODE) { attributes(same, child); children(same, child); }
      else if (same.data !== child.data) same.data = child.data;
    }
    while (next) { const gone = next; next = next.nextSibling; gone.remove(); }
  };

  let said = "", saidAt = 0, waits = 0;
  const say = () => {
    const told = document.getElementById("told");
    if (!told || told.textContent === said) return;
    clearTimeout(waits);
    const left = saidAt + CALM - Date.now();
    if (left > 0) { waits = setTimeout(say, left); return; }
    if (said) { aloud.textContent = told.textContent; saidAt = Date.now(); }
    said = told.textContent;
  };

  const show = (part) => {
    const place = document.getElementById(part.id);
    if (!place) return;
    const now = document.createElement("template");
    now.innerHTML = part.html;
    children(place, now.content);
    if (part.id === "head") say();
  };

  let source;
  const listen = () => {
    source = new EventSource(board.dataset.stream);
    source.addEventListener("part", (event) => show(JSON.parse(event.data)));
    source.addEventListener("open", () => { lost.hidden = true; });
    source.addEventListener("error", () => {
      lost.hidden = false;
      if (source.readyState === EventSource.CLOSED) setTimeout(listen, AGAIN);
    });
  };
  say();
  listen();
})();
