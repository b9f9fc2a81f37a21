// Hits as cards, votes as a list.

export const $ = (id) => document.getElementById(id);

export function make(tag, properties = {}, ...children) {
  const element = Object.assign(document.createElement(tag), properties);
  element.append(...children);
  return element;
}

export function showItems(items, onOpen, onLike) {
  $("results").replaceChildren(
    ...items.map((item, place) => card(item, () => onOpen(place), () => onLike(item))),
  );
}

export function showVotes(votes) {
  $("votes").replaceChildren(
    ...votes.map((vote) =>
      make(
        "li", { title: `${vote.support} hits say so` },
        make("span", { className: "level", textContent: plain(vote.level) }), " ",
        make("strong", { textContent: vote.label }),
        ` ${Math.round(100 * vote.confidence)} %`,
      ),
    ),
  );
}

export const plain = (name) => name.replaceAll("_", " ");
export const breakable = (text) => text.replaceAll(/[_/.-]/g, "$&\u200b"); // long names wrap after these
export const nameOf = (item) => item.label || item.caption || item.path.split("/").pop();
const saysMore = (item) => item.label && item.caption && plain(item.label) !== item.caption;

function card(item, onOpen, onLike) {
  const open = make("button", { type: "button", className: "open" }, picture(item));
  open.ariaLabel = `${item.rank ? `Hit ${item.rank}: ` : ""}${nameOf(item)}, details`;
  open.onclick = onOpen;
  const like = make("button", { type: "button", className: "like", textContent: "More like this" });
  like.ariaLabel = `More like ${nameOf(item)}`;
  like.onclick = onLike;
  const facts = [make("span", { className: "name", textContent: breakable(nameOf(item)) })];
  if (saysMore(item)) facts.push(make("span", { textContent: item.caption }));
  if (item.rank) facts.push(score(item));
  return make("li", {}, open, make("div", { className: "facts" }, ...facts), like);
}

function picture(item) {
  const shown = make("img", {
    src: `${item.picture}&size=320`, alt: item.caption || nameOf(item),
    loading: "lazy", decoding: "async", width: 160, height: 160,
  });
  shown.onerror = () =>
    shown.replaceWith(make("span", { className: "missing", textContent: "image not shown" }));
  return shown;
}

function score(item) {
  const bar = make("span", { className: "bar" });
  bar.style.setProperty("--score", Math.max(0, item.score));
  return make("span", { className: "score" }, bar, item.score.toFixed(3));
}

/** Arrow keys walk over the results. */
export function walk(event) {
  const steps = { ArrowRight: 1, ArrowLeft: -1 };
  const cards = [...document.querySelectorAll("#results .open")];
  const here = cards.indexOf(document.activeElement);
  if (here < 0 || !(event.key in steps)) return;
  cards[here + steps[event.key]]?.focus();
  event.preventDefault();
}
