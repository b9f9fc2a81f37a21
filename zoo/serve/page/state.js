// What is asked, kept in the address so that it can be shared and gone back to.

export const START = {
  index: "", text: "", like: "", picture: "", where: "", k: 24, threshold: -1, offset: 0,
};

export function read(address = location.search) {
  const given = new URLSearchParams(address);
  const state = { ...START };
  for (const name of Object.keys(START)) {
    if (!given.has(name)) continue;
    const value = given.get(name);
    if (typeof START[name] !== "number") state[name] = value;
    else if (value !== "" && Number.isFinite(Number(value))) state[name] = Number(value);
  }
  return state;
}

export function write(state, replace = false) {
  const changed = Object.entries(state).filter(([name, value]) => value !== START[name]);
  const address = changed.length ? `?${new URLSearchParams(changed)}` : location.pathname;
  if (address === (location.search || location.pathname)) return;
  history[replace ? "replaceState" : "pushState"](null, "", address);
}

/** Drop the question, keep index, filter and sliders. */
export const unasked = (state) => ({ ...state, text: "", like: "", picture: "", offset: 0 });
