"use strict";

/* Runs in a worker made of its own source, so that the page stays alive while it reads: streaming SHA-256 (FIPS 180-4),
   since the browser's own can only hash what fits into memory. */
function hasher() {
  const STRIDE = 4 << 20;
  const K = new Int32Array(64);
  const START = new Int32Array(8);
  (function constants() {
    const part = (x) => ((x - Math.floor(x)) * 4294967296) | 0;
    for (let n = 2, found = 0; found < 64; n++) {
      let prime = true;
      for (let d = 2; d * d <= n; d++) if (n % d === 0) { prime = false; break; }
      if (!prime) continue;
      if (found < 8) START[found] = part(Math.sqrt(n));
      K[found++] = part(Math.cbrt(n));
    }
  })();
  const W = new Int32Array(64);

  function block(H, data, at) {
    for (let i = 0; i < 16; i++, at += 4) {
      W[i] = (data[at] << 24) | (data[at + 1] << 16) | (data[at + 2] << 8) | data[at + 3];
    }
    for (let i = 16; i < 64; i++) {
      const x = W[i - 15], y = W[i - 2];
      const s0 = ((x >>> 7) | (x << 25)) ^ ((x >>> 18) | (x << 14)) ^ (x >>> 3);
      const s1 = ((y >>> 17) | (y << 15)) ^ ((y >>> 19) | (y << 13)) ^ (y >>> 10);
      W[i] = (W[i - 16] + s0 + W[i - 7] + s1) | 0;
    }
    let a = H[0], b = H[1], c = H[2], d = H[3], e = H[4], f = H[5], g = H[6], h = H[7];
    for (let i = 0; i < 64; i++) {
      const S1 = ((e >>> 6) | (e << 26)) ^ ((e >>> 11) | (e << 21)) ^ ((e >>> 25) | (e << 7));
      const t1 = (h + S1 + ((e & f) ^ (~e & g)) + K[i] + W[i]) | 0;
      const S0 = ((a >>> 2) | (a << 30)) ^ ((a >>> 13) | (a << 19)) ^ ((a >>> 22) | (a << 10));
      const t2 = (S0 + ((a & b) ^ (a & c) ^ (b & c))) | 0;
      h = g; g = f; f = e; e = (d + t1) | 0; d = c; c = b; b = a; a = (t1 + t2) | 0;
    }
    H[0] += a; H[1] += b; H[2] += c; H[3] += d; H[4] += e; H[5] += f; H[6] += g; H[7] += h;
  }

  function digest(file, tell) {
    const reader = new FileReaderSync();
    const H = Int32Array.from(START);
    let last = new Uint8Array(0);
    for (let offset = 0; offset < file.size; offset += STRIDE) {
      const data = new Uint8Array(reader.readAsArrayBuffer(file.slice(offset, offset + STRIDE)));
      const whole = data.length - (data.length % 64);
      for (let at = 0; at < whole; at += 64) block(H, data, at);
      last = data.subarray(whole);
      tell(data.length);
    }
    const end = new Uint8Array(last.length < 56 ? 64 : 128);
    end.set(last);
    end[last.length] = 0x80;
    const bits = new DataView(end.buffer);
    bits.setUint32(end.length - 8, Math.floor(file.size / 536870912));
    bits.setUint32(end.length - 4, (file.size * 8) >>> 0);
    for (let at = 0; at < end.length; at += 64) block(H, end, at);
    return Array.from(H, (word) => (word >>> 0).toString(16).padStart(8, "0")).join("");
  }

  onmessage = (asked) => {
    for (const { path, file } of asked.data) {
      try {
        postMessage({ path, digest: digest(file, (read) => postMessage({ read })) });
      } catch (error) {
        postMessage({ path, error: String(error.message || error) });
      }
    }
    postMessage({ done: true });
  };
}

const find = (selector) => document.querySelector(selector);
const TAG_LIST = "tagmanifest-sha256.txt";
const PAYLOAD_LIST = "manifest-sha256.txt";

/* -- the player ---------------------------------------------------------------------------------------------------- */

function show(button) {
  const box = find("#player"), video = box.querySelector("video"), still = box.querySelector("img");
  const { file, start, end, title, note, kind } = button.dataset;
  box.hidden = false;
  box.querySelector("h3").textContent = title;
  box.querySelector("p").textContent = note;
  const picture = kind.startsWith("image/");
  still.hidden = !picture;
  video.hidden = picture;
  if (picture) {
    video.pause();
    still.src = file;
    still.alt = title;
  } else {
    video.src = file + (start ? "#t=" + start + (end ? "," + end : "") : "");
    video.play().catch(() => undefined); // a browser that waits for a person's own press shows its controls
  }
  box.focus();
  box.scrollIntoView({ block: "start" });
}

/* -- copying a statement --------------------------------------------------------------------------------------------- */

async function copy(button) {
  const text = document.getElementById(button.dataset.copy);
  const said = button.nextElementSibling;
  try {
    await navigator.clipboard.writeText(text.textContent);
    said.textContent = "Copied.";
  } catch (error) {
    getSelection().selectAllChildren(text);
    said.textContent = "Selected: press Ctrl+C.";
  }
}

/* -- checking a folder ----------------------------------------------------------------------------------------------- */

async function listed(file, into) {
  for (const line of (await file.text()).split("\n")) {
    const match = /^([0-9a-f]{64})  (.+)$/.exec(line);
    if (match) into.set(match[2], match[1]);
  }
}

function row(cells, mark) {
  const line = document.createElement("tr");
  cells.forEach((text, place) => {
    const cell = document.createElement(place ? "td" : "th");
    if (!place) cell.scope = "row";
    if (place === 1) cell.className = mark;
    if (place === 2) cell.className = "digest";
    cell.textContent = text;
    line.append(cell);
  });
  return line;
}

function judge(good, words) {
  const verdict = find("#verdict");
  verdict.hidden = false;
  verdict.className = "verdict " + (good ? "good" : "bad");
  verdict.textContent = words;
}

async function check(chosen) {
  const files = new Map();
  for (const file of chosen) files.set(file.webkitRelativePath.split("/").slice(1).join("/"), file);
  find("#results").replaceChildren();
  find("#table").hidden = true;
  find("#seal").textContent = "";
  find("#verdict").hidden = true;
  if (!files.has(TAG_LIST) || !files.has(PAYLOAD_LIST)) {
    judge(false, "This folder is no package: choose the folder that contains this page, not one inside it or above it.");
    return;
  }
  const expected = new Map();
  await listed(files.get(TAG_LIST), expected);
  await listed(files.get(PAYLOAD_LIST), expected);
  const submitted = new Map(
    Array.from(document.querySelectorAll("[data-submitted]"), (each) => [each.dataset.path, each.dataset.submitted])
  );
  await hashAll(files, (path, digest, error) => tell(path, digest, error, expected, submitted));
  for (const path of [...expected.keys()].filter((name) => !files.has(name)).sort()) {
    find("#results").prepend(row([path, "✗ MISSING", expected.get(path)], "bad"));
  }
  const bad = document.querySelectorAll("#results .bad").length;
  judge(!bad, bad
    ? `✗ ${bad} of ${files.size} files are not as they were packed. They stand first in the list below.`
    : `✓ All ${files.size} files are as they were packed, and nothing is missing or added.`);
}

function tell(path, digest, error, expected, submitted) {
  if (path === TAG_LIST) {
    find("#seal").textContent = digest;
    find("#results").append(row([path, "✓ the seal", digest], "good"));
    return;
  }
  const wanted = expected.get(path);
  let words = "✓ as packed";
  if (error) words = "✗ CANNOT BE READ: " + error;
  else if (!wanted) words = "✗ NOT PART OF THE PACKAGE";
  else if (wanted !== digest) words = "✗ CHANGED";
  else if (submitted.has(path) && submitted.get(path) !== digest) words = "✗ NOT WHAT WAS SUBMITTED";
  else if (submitted.has(path)) words = "✓ as submitted";
  const good = words.startsWith("✓");
  const line = row([path, words, digest || ""], good ? "good" : "bad");
  if (good) find("#results").append(line); else find("#results").prepend(line);
}

function hashAll(files, told) {
  const total = Array.from(files.values()).reduce((sum, file) => sum + file.size, 0);
  const bar = find("#progress"), amount = find("#amount");
  let read = 0;
  bar.hidden = false;
  find("#table").hidden = false;
  const url = URL.createObjectURL(new Blob([`(${hasher})()`], { type: "text/javascript" }));
  const worker = new Worker(url);
  return new Promise((resolve, reject) => {
    worker.onerror = (error) => reject(new Error(error.message || "the browser does not let this page compute"));
    worker.onmessage = ({ data }) => {
      if (data.done) return resolve();
      if (data.path) return told(data.path, data.digest, data.error);
      read += data.read;
      bar.value = total ? read / total : 1;
      amount.textContent = `${(read / 1e6).toFixed(0)} of ${(total / 1e6).toFixed(0)} MB read`;
    };
    const sorted = [...files.keys()].sort();
    worker.postMessage(sorted.map((path) => ({ path, file: files.get(path) })));
  }).finally(() => {
    worker.terminate();
    URL.revokeObjectURL(url);
    bar.hidden = true;
  });
}

document.addEventListener("click", (event) => {
  const button = event.target.closest("button");
  if (button && button.dataset.file) show(button);
  if (button && button.dataset.copy) copy(button);
});

find("#folder").addEventListener("change", (event) => {
  if (event.target.files.length) {
    check(event.target.files).catch((error) => judge(false, "The check could not be finished: " + error.message));
  }
});
