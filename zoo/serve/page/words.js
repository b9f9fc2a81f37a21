// What the page says.

export function summary({ query, total, milliseconds }) {
  if (!query) return total ? `${counted(total, "item")} to look through` : "No item fulfils this.";
  if (!total) return "Nothing reaches this score and fulfils the condition.";
  return `${counted(total, "hit")} in ${milliseconds.toFixed(0)} ms`;
}

export function describe({ count, modality, model, architecture }) {
  const kind = modality === "captions" ? "caption" : "image";
  const known = architecture && architecture !== model ? `${model} (${architecture})` : model;
  return `${counted(count, kind)}, found with the model ${known}`;
}

export function asked(parts, names) {
  if (parts.length > 1) return `These ${parts.length} together`;
  const [{ kind, value } = {}] = parts;
  if (kind === "text") return `“${value}”`;
  if (kind === "like") return `More like ${names.get(value) ?? `item ${value}`}`;
  return kind ? "Your image" : "";
}

const counted = (count, what) => `${count.toLocaleString("en")} ${what}${count === 1 ? "" : "s"}`;
