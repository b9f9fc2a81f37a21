// One item in detail; arrows go to the one before and the one after.

import { refusal } from "/static/api.js";
import { $, breakable, make, nameOf, plain } from "/static/gallery.js";

/** Open the item at `place` of what is shown. */
export function open(items, place, onLike) {
  const dialog = $("details");
  const turn = (step) => {
    if (items[place + step]) show(items, (place += step));
  };
  $("details-before").onclick = () => turn(-1);
  $("details-after").onclick = () => turn(1);
  $("details-like").onclick = () => (dialog.close(), onLike(items[place]));
  dialog.onkeydown = ({ key }) => turn({ ArrowLeft: -1, ArrowRight: 1 }[key] ?? 0);
  dialog.onclose = () => document.querySelectorAll("#results .open")[place]?.focus();
  show(items, place);
  dialog.showModal();
}

function show(items, place) {
  const item = items[place];
  $("details-title").textContent = breakable(nameOf(item));
  $("details-place").textContent = `${place + 1} of ${items.length}`;
  $("details-before").disabled = place === 0;
  $("details-after").disabled = place === items.length - 1;
  $("details-facts").replaceChildren(...facts(item));
  $("details-original").href = item.picture.replace("/picture?", "/original?");
  const large = $("details-picture");
  large.hidden = false;
  $("details-problem").hidden = true;
  large.alt = item.caption || nameOf(item);
  large.onerror = () => explain(large);
  large.src = `${item.picture}&size=1280`;
}

function facts(item) {
  const known = { ...item.labels, caption: item.caption, ...item.extra };
  const all = { rank: item.rank, score: item.score?.toFixed(4), ...known };
  return Object.entries({ ...all, path: item.path, id: item.id })
    .filter(([, value]) => value !== undefined && value !== null && value !== "")
    .flatMap(([name, value]) => [
      make("dt", { textContent: plain(name) }),
      make("dd", { textContent: value }),
    ]);
}

async function explain(large) {
  const { src } = large;
  const reason = await refusal(await fetch(src));
  if (large.src !== src) return; // the next one is shown already
  large.hidden = true;
  $("details-problem").textContent = reason.message;
  $("details-problem").hidden = false;
}
