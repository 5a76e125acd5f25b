// Keys and buttons for the player of a clip, and the local time of what it shows. The page is whole without it.
"use strict";
const player = document.querySelector(".player");
const media = player && player.querySelector("video, audio");
if (media) {
  const controls = player.querySelector(".controls");
  const shown = controls.querySelector("output");
  const began = Number.parseFloat(player.dataset.began);
  const FRAME = 1 / 25; // seconds; a camera's own rate is not known here, and one picture too many is seen
  const step = (seconds) => {
    if (media.readyState > 0) {
      media.currentTime = Math.max(0, media.currentTime + seconds);
      return;
    }
    // Nothing of it is here yet: it is not asked for before somebody wants to see it.
    media.addEventListener("loadedmetadata", () => step(seconds), { once: true });
    media.preload = "metadata";
    media.load();
  };
  const frame = (pictures) => { media.pause(); step(pictures * FRAME); };
  const rate = (button) => {
    const wanted = Number(button.dataset.rate);
    media.playbackRate = media.playbackRate === wanted ? 1 : wanted;
    for (const one of controls.querySelectorAll("[data-rate]")) {
      one.setAttribute("aria-pressed", String(Number(one.dataset.rate) === media.playbackRate));
    }
  };
  const clock = new Intl.DateTimeFormat("en-GB", {
    timeZone: "Europe/London", dateStyle: "medium", timeStyle: "long",
  });
  controls.hidden = false;
  controls.addEventListener("click", (event) => {
    const button = event.target.closest("button");
    if (!button) return;
    if (button.dataset.step) step(Number(button.dataset.step));
    else if (button.dataset.frame) frame(Number(button.dataset.frame));
    else rate(button);
  });
  player.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.altKey || event.metaKey) return;
    const keys = {
      j: () => step(-10), l: () => step(10), ",": () => frame(-1), ".": () => frame(1),
      k: () => { if (media.paused) media.play(); else media.pause(); },
    };
    const act = keys[event.key.toLowerCase()];
    if (act) { event.preventDefault(); act(); }
  });
  media.addEventListener("timeupdate", () => {
    if (Number.isFinite(began)) shown.textContent = clock.format(new Date((began + media.currentTime) * 1000));
  });
  media.addEventListener("error", () => {
    const offer = document.querySelector(".unplayable");
    if (offer) delete offer.dataset.quiet;
    shown.textContent = "This browser does not play it.";
  });
}
