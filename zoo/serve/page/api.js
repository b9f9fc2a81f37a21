// Asking the server; every refusal becomes an Error with a status and a hint.

import { condition, parameters, partsOf } from "/static/state.js";

export class Refused extends Error {
  constructor(status, message, hint) {
    super(hint ? `${message} — ${hint}` : message);
    this.status = status;
  }
}

let running = new AbortController();

/** Forget the search that is under way, if any, and return the signal of the next one. */
export function nextSearch() {
  running.abort();
  running = new AbortController();
  return running.signal;
}

export async function ask(address, options = {}) {
  let response;
  try {
    response = await fetch(address, options);
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Refused(0, "The server does not answer", "is it still running?");
  }
  if (response.ok) return response.status === 204 ? null : response.json();
  throw await refusal(response);
}

export async function refusal(response) {
  try {
    const problem = await response.json();
    return new Refused(response.status, problem.error, problem.hint);
  } catch {
    return new Refused(response.status, `The server answered ${response.status}`, "");
  }
}

export const indexes = () => ask("/api/indexes");
export const enter = (token) =>
  ask("/api/session", { method: "POST", headers: { Authorization: `Bearer ${token}` } });

const home = (index) => `/api/indexes/${encodeURIComponent(index)}`;

export const values = (index, column) =>
  ask(`${home(index)}/values?${parameters({ column })}`);

/** Search with what the state says, or list the index when it asks nothing. */
export function search(state, limit) {
  const { index, text, like, picture, k, threshold, offset } = state;
  const page = { where: condition(state), offset, limit };
  const signal = nextSearch();
  if (!partsOf(state).length) return ask(`${home(index)}/items?${parameters(page)}`, { signal });
  const wanted = { ...page, k, threshold, like, picture, ...(text && { text }) };
  return ask(`${home(index)}/search?${parameters(wanted)}`, { signal });
}

/** Send images and return what the server calls them. */
export async function send(index, pictures) {
  const signal = nextSearch();
  const sent = pictures.map((each) => ask(`${home(index)}/pictures`, { ...body(each), signal }));
  return (await Promise.all(sent)).map(({ picture }) => picture);
}

export const detect = (picture) => ask("/api/detect", body(picture));

const body = (picture) => ({
  method: "POST",
  body: picture,
  headers: { "Content-Type": picture.type || "application/octet-stream" },
});
