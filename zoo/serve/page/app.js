// The page: state in the address, one search at a time, what comes back as cards.

import * as api from "/static/api.js";
import * as filters from "/static/filters.js";
import { $, make, nameOf, showItems, showVotes, walk } from "/static/gallery.js";
import { drawBoxes, preview, receive } from "/static/query.js";
import { read, START, unasked, write } from "/static/state.js";

const PAGE = 24;
let state = read();
let served = { indexes: [], limits: {}, detector: null };
let blob = null; // the image asked with, while this page holds it
let blobKey = ""; // what the server calls it
let likeName = "";
let ready; // what is served is known, and the first answer is shown

const current = () => served.indexes.find((index) => index.name === state.index);

async function start() {
  try {
    served = await api.indexes();
  } catch (error) {
    return error.status === 401 ? $("door").showModal() : complain(error);
  }
  $("index").replaceChildren(
    ...served.indexes.map(({ name }) => make("option", { value: name, textContent: name })),
  );
  $("k").max = Math.min(served.limits.k, 200);
  await run();
}

/** Ask what the state says and show the answer. */
async function run() {
  if (!current()) state.index = served.indexes[0].name;
  showControls();
  await answer(() => api.search(state, PAGE));
}

async function answer(search) {
  busy(true);
  try {
    show(await search());
  } catch (error) {
    if (error.name === "AbortError") return;
    complain(error);
  }
  busy(false);
}

function show(found) {
  complain(null);
  const items = found.hits ?? found.items;
  showItems(items, like);
  showVotes(found.votes ?? []);
  $("status").textContent = summary(found);
  showPager(found);
  const query = found.query;
  $("asked").hidden = !query;
  document.title = query?.text ? `${query.text} – rankzoo` : `${state.index} – rankzoo`;
}

function summary(found) {
  const total = found.total.toLocaleString("en");
  if (!found.query) return found.total ? `${total} items to look through` : "No item fulfils this.";
  if (!found.total) return "Nothing reaches this score and fulfils the condition.";
  return `${total} ${found.total === 1 ? "hit" : "hits"} in ${found.milliseconds.toFixed(0)} ms`;
}

function showPager({ total, offset }) {
  $("pager").hidden = total <= PAGE && offset === 0;
  const pages = Math.max(1, Math.ceil(total / PAGE));
  $("where-in").textContent = `page ${Math.floor(offset / PAGE) + 1} of ${pages}`;
  $("before").disabled = offset === 0;
  $("after").disabled = offset + PAGE >= total;
}

function showControls() {
  const index = current();
  $("index").value = index.name;
  const kind = index.modality === "captions" ? "captions" : "pictures";
  $("about").textContent = `${index.count.toLocaleString("en")} ${kind}, ${index.model}`;
  $("drop").hidden = !index.sees;
  $("words").hidden = !index.reads;
  $("text").value = state.text;
  $("k").value = state.k;
  $("threshold").value = state.threshold;
  showSliders();
  filters.offer(index);
  filters.show(state.where);
  $("asked-text").textContent = asked();
  if (state.picture) preview(held() ?? `/api/pictures/${encodeURIComponent(state.picture)}`);
  else if (state.like) preview(pictureOf(state.like));
  else if (!blob) preview(null);
}

const held = () => (blob && blobKey === state.picture ? blob : null);

const pictureOf = (id) =>
  `/api/indexes/${encodeURIComponent(state.index)}/items/${encodeURIComponent(id)}/picture`;

function asked() {
  if (state.text) return `“${state.text}”`;
  if (state.like) return likeName ? `More like ${likeName}` : `More like item ${state.like}`;
  return state.picture ? "Your image" : "";
}

function showSliders() {
  $("k-shown").textContent = $("k").value;
  const lowest = Number($("threshold").value);
  $("threshold-shown").textContent = lowest <= -1 ? "any" : lowest.toFixed(2);
  $("threshold").ariaValueText = $("threshold-shown").textContent; // spoken instead of "-1"
}

function go(changes, replace = false) {
  state = { ...state, offset: 0, ...changes };
  write(state, replace);
  return run();
}

function like(item) {
  blob = null;
  likeName = nameOf(item);
  go({ ...unasked(state), like: String(item.id) }).then(() => $("results").focus());
  scrollTo({ top: 0 });
}

async function askWith(picture) {
  await ready;
  if (picture.size > served.limits.upload_bytes) {
    const most = served.limits.upload_bytes / 1e6;
    return complain(new Error(`The image is larger than ${most} MB — send a smaller one`));
  }
  blob = picture;
  state = unasked(state);
  $("asked-text").textContent = "Your image";
  preview(picture);
  $("asked").hidden = false;
  await answer(async () => {
    const found = await api.searchWith(picture, state, PAGE);
    state.picture = blobKey = found.query.picture;
    write(state);
    return found;
  });
  if (served.detector && blob === picture) await drawBoxes(picture, askWith).catch(complain);
}

function complain(error) {
  $("problem").hidden = !error;
  $("problem").textContent = error ? error.message : "";
  if (!error) return;
  showItems([], like);
  showVotes([]);
  $("status").textContent = "";
  $("pager").hidden = true;
  $("asked").hidden = !asked();
}

const busy = (is) => $("results").setAttribute("aria-busy", is);

function startOver() {
  blob = null;
  go(unasked(state));
}

function listen() {
  $("search").onsubmit = (event) => {
    event.preventDefault();
    const text = $("text").value.trim();
    const where = $("where").value.trim();
    if (text && text !== state.text) blob = null;
    go(text ? { ...unasked(state), text, where } : { where, text: "" });
  };
  $("index").onchange = () => {
    const index = $("index").value;
    const kept = { ...START, k: state.k, index };
    if (blob) ((state = kept), write(state), showControls(), askWith(blob));
    else go({ ...kept, text: state.text });
  };
  $("k").oninput = $("threshold").oninput = showSliders;
  $("k").onchange = () => go({ k: Number($("k").value) }, true);
  $("threshold").onchange = () => go({ threshold: Number($("threshold").value) }, true);
  $("unfilter").onclick = () => go({ where: "" });
  $("forget").onclick = startOver;
  $("before").onclick = () => turn(-PAGE);
  $("after").onclick = () => turn(PAGE);
  $("theme").onclick = switchTheme;
  $("skip").onclick = skip;
  $("door-form").onsubmit = enter;
  window.onpopstate = () => ((state = read()), (blob = held()), run());
  receive(askWith, (message) => complain(new Error(message)));
  document.addEventListener("keydown", shortcuts);
}

/** Go to the results without a new address, which would ask anew and take the focus away. */
function skip(event) {
  event.preventDefault();
  $("results").focus();
}

async function turn(step) {
  await go({ offset: Math.max(0, state.offset + step) });
  $("results").focus({ preventScroll: true });
  $("status").scrollIntoView({ block: "start" });
}

function shortcuts(event) {
  walk(event);
  const typing = event.target.matches("input:not([type=range], [type=file]), select");
  if (event.key !== "/" || typing || event.ctrlKey || event.metaKey) return;
  event.preventDefault();
  $($("words").hidden ? "file" : "text").focus();
}

async function enter(event) {
  event.preventDefault();
  try {
    await api.enter($("token").value);
  } catch (error) {
    $("door-problem").textContent = error.message;
    return;
  }
  $("door").close();
  ready = start();
}

function switchTheme() {
  const dark = matchMedia("(prefers-color-scheme: dark)").matches;
  const now = document.documentElement.dataset.theme ?? (dark ? "dark" : "light");
  document.documentElement.dataset.theme = now === "dark" ? "light" : "dark";
}

listen();
ready = start();
