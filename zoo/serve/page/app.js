// The page: state in the address, one search at a time, what comes back as cards.

import * as api from "/static/api.js";
import * as filters from "/static/filters.js";
import { $, make, nameOf, showItems, showVotes, walk } from "/static/gallery.js";
import { open } from "/static/lightbox.js";
import { drawBoxes, preview, receive, showParts } from "/static/query.js";
import { partsOf, read, START, unasked, without, write } from "/static/state.js";
import { asked, describe, summary } from "/static/words.js";

const PAGE = 24;
let state = read();
let served = { indexes: [], limits: {}, detector: null };
const held = new Map(); // the images sent from this page, by what the server calls them
const names = new Map(); // of items asked with, by id
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
  showItems(items, (place) => open(items, place, like), like);
  showVotes(found.votes ?? []);
  $("status").textContent = summary(found);
  showPager(found);
  const query = found.query;
  $("asked").hidden = !query;
  document.title = query?.text ? `${query.text} – rankzoo` : `${state.index} – rankzoo`;
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
  $("about").textContent = describe(index);
  give("images", index.no_images);
  give("words", index.no_text, "no-text");
  $("text").value = state.text;
  $("k").value = state.k;
  $("threshold").value = state.threshold;
  showSliders();
  filters.offer(index, pick);
  filters.show(state, pick, () => go({ where: "" }));
  showQuery();
}

/** Show a way to ask, or the reason why there is none. */
function give(id, reason, told = `no-${id}`) {
  $(id).hidden = reason !== "";
  $(told).hidden = reason === "";
  $(told).textContent = reason;
}

function showQuery() {
  const parts = partsOf(state);
  $("asked-text").textContent = asked(parts, names);
  showParts(state, imageOf, (part) => go(without(state, part)));
  const alone = parts.length === 1 && parts[0].kind !== "text";
  preview(alone ? (held.get(parts[0].value) ?? imageOf(parts[0])) : null);
}

const imageOf = ({ kind, value }) =>
  kind === "picture"
    ? `/api/pictures/${encodeURIComponent(value)}`
    : `/api/indexes/${encodeURIComponent(state.index)}/items/${encodeURIComponent(value)}/picture`;

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

function pick(each) {
  const picked = new Set(state.pick);
  if (!picked.delete(each)) picked.add(each);
  go({ pick: [...picked] });
}

/** What the next part of a query is put to: what is asked already, or nothing. */
const base = () => ($("more").checked ? state : unasked(state));

function like(item) {
  names.set(String(item.id), nameOf(item));
  const before = base();
  go({ ...before, like: [...new Set([...before.like, String(item.id)])] }).then(() =>
    $("results").focus(),
  );
  scrollTo({ top: 0 });
}

async function askWith(pictures) {
  await ready;
  const index = current();
  const most = served.limits.upload_bytes;
  const large = pictures.find((each) => each.size > most);
  if (index.no_images) return complain(new Error(index.no_images));
  if (large) {
    const name = large.name || "The image";
    return complain(new Error(`${name} is larger than ${most / 1e6} MB — send a smaller one`));
  }
  const keys = await sent(index.name, pictures);
  if (!keys) return;
  const before = base();
  await go({ ...before, picture: [...new Set([...before.picture, ...keys])] });
  if (served.detector && partsOf(state).length === 1 && state.picture[0] === keys[0])
    await drawBoxes(pictures[0], askWith).catch(complain);
}

/** Send images; on an error say so, and leave everything else as it is. */
async function sent(index, pictures) {
  busy(true);
  try {
    const keys = await api.send(index, pictures);
    keys.forEach((key, place) => held.set(key, pictures[place]));
    return keys;
  } catch (error) {
    if (error.name === "AbortError") return null;
    complain(error);
  }
  busy(false);
  return null;
}

/** Say what is wrong; what was found before stays. */
function complain(error) {
  const kept = error && $("results").children.length ? " (Below: what was found before.)" : "";
  $("problem").hidden = !error;
  $("problem").textContent = error ? error.message + kept : "";
  if (error) $("problem").scrollIntoView({ block: "nearest" });
}

const busy = (is) => $("results").setAttribute("aria-busy", is);

function startOver() {
  $("more").checked = false;
  go(unasked(state));
}

function listen() {
  $("search").onsubmit = (event) => {
    event.preventDefault();
    const text = $("text").value.trim();
    const where = $("where").value.trim();
    const changed = text && text !== state.text;
    go({ ...(changed ? base() : state), text, where });
  };
  $("index").onchange = changeIndex;
  $("k").oninput = $("threshold").oninput = showSliders;
  $("k").onchange = () => go({ k: Number($("k").value) }, true);
  $("threshold").onchange = () => go({ threshold: Number($("threshold").value) }, true);
  $("unfilter").onclick = () => go({ where: "", pick: [] });
  $("forget").onclick = startOver;
  $("before").onclick = () => turn(-PAGE);
  $("after").onclick = () => turn(PAGE);
  $("theme").onclick = switchTheme;
  $("skip").onclick = skip;
  $("door-form").onsubmit = enter;
  window.onpopstate = () => ((state = read()), run());
  receive(askWith, (message) => complain(new Error(message)));
  document.addEventListener("keydown", shortcuts);
}

/** Ask another index the same; its model has to see the images anew, if it can. */
async function changeIndex() {
  const index = $("index").value;
  const { no_images, no_text } = served.indexes.find(({ name }) => name === index);
  const pictures = no_images ? [] : state.picture.map((key) => held.get(key)).filter(Boolean);
  const picture = pictures.length ? ((await sent(index, pictures)) ?? []) : [];
  await go({ ...START, k: state.k, index, picture, text: no_text ? "" : state.text });
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
