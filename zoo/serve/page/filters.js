// Chips for the values that columns have; a condition in SQL for all that chips cannot say.

import { values } from "/static/api.js";
import { $, make, plain } from "/static/gallery.js";
import { pickOf, quoted, unpicked } from "/static/state.js";

const SHOWN = 12; // chips of a column before the rest is asked for
const OFFERED = 50; // values that the server tells of
let offered = "";
let known = new Map(); // the values of each column, once they are asked for
let on = new Set(); // the picks that are on

/** Offer an index's columns; `onPick(pick)` turns a value on or off. */
export function offer(index, onPick) {
  if (offered === index.name) return;
  offered = index.name;
  known = new Map();
  const columns = [...index.levels, ...index.columns];
  const also = index.modality === "captions" ? ["path", "caption"] : ["path"];
  $("column").replaceChildren(
    ...[...columns, ...also].map((name) => make("option", { textContent: name })),
  );
  $("columns").replaceChildren();
  const fill = () => $("filters").open && !known.size && offerChips(index.name, columns, onPick);
  $("filters").ontoggle = fill;
  $("column").onchange = offerValues;
  $("add").onclick = add;
  $("value").onkeydown = (event) => {
    if (event.key === "Enter") (event.preventDefault(), add());
  };
  fill();
}

/** Show which filters are on; each goes off when it is chosen. */
export function show({ pick, where }, onPick, onSql) {
  on = new Set(pick);
  press();
  const picked = pick.map((each) => {
    const { column, text } = unpicked(each);
    return remover(`${plain(column)}: ${text}`, () => onPick(each));
  });
  $("active").replaceChildren(...picked, ...(where ? [remover(where, onSql)] : []));
  $("unfilter").hidden = !pick.length && !where;
  $("where").value = where;
}

function press() {
  for (const chip of document.querySelectorAll("#columns [data-pick]"))
    chip.ariaPressed = on.has(chip.dataset.pick);
}

export function remover(text, onRemove, ...shown) {
  const button = make("button", { type: "button", className: "chip", textContent: `${text} ✕` });
  button.ariaLabel = `Remove ${text}`;
  button.onclick = onRemove;
  button.prepend(...shown);
  return make("li", {}, button);
}

async function offerChips(index, columns, onPick) {
  known = new Map(columns.map((column) => [column, []]));
  const all = await Promise.allSettled(columns.map((column) => values(index, column)));
  if (index !== offered) return;
  all.forEach(({ value }, place) => value && known.set(columns[place], value.values));
  $("columns").replaceChildren(
    ...all.map(({ value, reason }, n) =>
      value ? group(value, onPick) : make("p", { textContent: `${columns[n]}: ${reason.message}` }),
    ),
  );
  press();
  offerValues();
}

function group({ column, values: found, counts }, onPick) {
  const chips = found.map((value, place) => {
    const count = make("span", { className: "count", textContent: counts[place].toLocaleString("en") });
    const chip = make("button", { type: "button", className: "chip" }, `${value} `, count);
    chip.dataset.pick = pickOf(column, value);
    chip.hidden = place >= SHOWN;
    chip.onclick = () => onPick(chip.dataset.pick);
    return chip;
  });
  const name = found.length < OFFERED ? plain(column) : `${plain(column)}, the ${OFFERED} most frequent`;
  const legend = make("legend", { textContent: found.length ? name : `${name}: no value` });
  return make("fieldset", { className: "values" }, legend, ...chips, ...moreOf(chips));
}

function moreOf(chips) {
  const rest = chips.filter((chip) => chip.hidden);
  if (!rest.length) return [];
  const more = make("button", { type: "button", className: "chip more" });
  more.textContent = `${rest.length} more`;
  more.onclick = () => {
    rest.forEach((chip) => (chip.hidden = false));
    more.remove();
    rest[0].focus();
  };
  return [more];
}

function offerValues() {
  const found = known.get($("column").value) ?? [];
  $("values").replaceChildren(...found.map((value) => make("option", { value })));
}

function add() {
  const value = $("value").value;
  if (value === "") return $("value").focus();
  const column = $("column").value;
  const clause = `${quoted(column)} ${$("operator").value} ${literal(column, value)}`;
  const before = $("where").value.trim();
  $("where").value = before ? `${before} and ${clause}` : clause;
  $("value").value = "";
  $("search").requestSubmit();
}

/** A number only in a column of numbers: `zip = '02139'` is a text. */
function literal(column, value) {
  const numbers = (known.get(column) ?? []).some((each) => typeof each === "number");
  return pickOf("", numbers && /^-?\d+(\.\d+)?$/.test(value) ? Number(value) : value).slice(1);
}
