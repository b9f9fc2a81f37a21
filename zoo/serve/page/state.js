// What is asked, kept in the address so that it can be shared and gone back to.

export const START = {
  index: "", text: "", like: [], picture: [], pick: [], where: "",
  k: 24, threshold: -1, offset: 0,
};

export function read(address = location.search) {
  const given = new URLSearchParams(address);
  const state = { ...START };
  for (const [name, start] of Object.entries(START)) {
    if (!given.has(name)) continue;
    const value = given.get(name);
    if (Array.isArray(start)) state[name] = given.getAll(name);
    else if (typeof start === "string") state[name] = value;
    else if (value !== "" && Number.isFinite(Number(value))) state[name] = Number(value);
  }
  return state;
}

export function write(state, replace = false) {
  const changed = Object.entries(state).filter(([name, value]) => value !== START[name]);
  const address = String(parameters(Object.fromEntries(changed)));
  const next = address ? `?${address}` : location.pathname;
  if (next === (location.search || location.pathname)) return;
  history[replace ? "replaceState" : "pushState"](null, "", next);
}

/** Parameters of an address; a list is a name given again. */
export function parameters(values) {
  const all = Object.entries(values).flatMap(([name, value]) =>
    [value].flat().map((each) => [name, each]),
  );
  return new URLSearchParams(all);
}

/** Drop the question, keep index, filters and sliders. */
export const unasked = (state) => ({ ...state, text: "", like: [], picture: [], offset: 0 });

/** What the query is made of, in the order it is shown. */
export const partsOf = ({ text, like, picture }) => [
  ...picture.map((value) => ({ kind: "picture", value })),
  ...like.map((value) => ({ kind: "like", value })),
  ...(text ? [{ kind: "text", value: text }] : []),
];

/** The state without one of those parts. */
export function without(state, { kind, value }) {
  const left = kind === "text" ? "" : state[kind].filter((each) => each !== value);
  return { ...state, [kind]: left, offset: 0 };
}

/** A value of a column as it stands in the address: the column, and the value as SQL writes it. */
export function pickOf(column, value) {
  const literal = typeof value === "number" ? value : `'${String(value).replaceAll("'", "''")}'`;
  return `${encodeURIComponent(column)}:${literal}`;
}

export function unpicked(pick) {
  const [column, ...rest] = pick.split(":");
  const literal = rest.join(":");
  const text = literal.startsWith("'") ? literal.slice(1, -1).replaceAll("''", "'") : literal;
  return { column: decodeURIComponent(column), literal, text };
}

/** The whole condition in SQL: any of the values picked of a column, and so for every column. */
export function condition({ pick, where }) {
  if (!pick.length) return where;
  const columns = Map.groupBy(pick.map(unpicked), ({ column }) => column);
  const clauses = [...columns].map(
    ([column, found]) => `${quoted(column)} in (${found.map((one) => one.literal).join(", ")})`,
  );
  return [...clauses, ...(where ? [`(${where})`] : [])].join(" and ");
}

export const quoted = (name) => (/^[A-Za-z_]\w*$/.test(name) ? name : `"${name}"`);
