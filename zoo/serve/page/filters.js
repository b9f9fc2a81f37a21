// Putting together the condition from columns and the values they have.

import { values } from "/static/api.js";
import { $, make } from "/static/gallery.js";

let known = new Map();
let offered = "";

export function offer(index) {
  if (offered === index.name) return;
  offered = index.name;
  const columns = [...index.levels, ...index.columns, "path"];
  if (index.modality === "captions") columns.push("caption");
  $("column").replaceChildren(...columns.map((name) => make("option", { textContent: name })));
  $("column").onchange = () => offerValues(index);
  if ($("filters").open) offerValues(index);
  $("filters").ontoggle = () => $("filters").open && offerValues(index);
  $("add").onclick = add;
  $("value").onkeydown = (event) => {
    if (event.key === "Enter") (event.preventDefault(), add());
  };
}

export function show(where) {
  $("where").value = where;
  $("filter-shown").textContent = where;
  if (where) $("filters").open = true;
}

async function offerValues(index) {
  const column = $("column").value;
  known = new Map();
  $("values").replaceChildren();
  if (![...index.levels, ...index.columns].includes(column)) return;
  const found = await values(index.name, column).catch(() => ({ values: [] }));
  known = new Map(found.values.map((value) => [String(value), value]));
  $("values").replaceChildren(...[...known.keys()].map((value) => make("option", { value })));
}

function add() {
  const value = $("value").value;
  if (value === "") return $("value").focus();
  const clause = `${column($("column").value)} ${$("operator").value} ${literal(value)}`;
  const before = $("where").value.trim();
  $("where").value = before ? `${before} and ${clause}` : clause;
  $("value").value = "";
  $("search").requestSubmit();
}

const column = (name) => (/^[A-Za-z_]\w*$/.test(name) ? name : `"${name}"`);

function literal(value) {
  const offered = known.get(value);
  const number = typeof offered === "number" || (offered === undefined && isNumber(value));
  return number ? value : `'${value.replaceAll("'", "''")}'`;
}

const isNumber = (value) =>
  /^-?\d+(\.\d+)?$/.test(value) && [...known.values()].some((v) => typeof v === "number");
