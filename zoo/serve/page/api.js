// Asking the server; every refusal becomes an Error with a status and a hint.

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
  ask(`${home(index)}/values?${new URLSearchParams({ column })}`);

/** Search with what the state says, or list the index when it asks nothing. */
export function search(state, limit) {
  const { index, where, offset } = state;
  const page = { where, offset, limit };
  const signal = nextSearch();
  const asked = ["text", "like", "picture"].find((name) => state[name] !== "");
  if (!asked) return ask(`${home(index)}/items?${new URLSearchParams(page)}`, { signal });
  const wanted = { ...page, k: state.k, threshold: state.threshold, [asked]: state[asked] };
  return ask(`${home(index)}/search?${new URLSearchParams(wanted)}`, { signal });
}

export function searchWith(picture, state, limit) {
  const { index, where, k, threshold } = state;
  const wanted = new URLSearchParams({ where, k, threshold, limit });
  const body = { method: "POST", body: picture, signal: nextSearch() };
  return ask(`${home(index)}/search?${wanted}`, {
    ...body,
    headers: { "Content-Type": picture.type || "application/octet-stream" },
  });
}

export const detect = (picture) =>
  ask("/api/detect", {
    method: "POST",
    body: picture,
    headers: { "Content-Type": picture.type || "application/octet-stream" },
  });
