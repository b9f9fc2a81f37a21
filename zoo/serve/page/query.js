// The query: images chosen, photographed, dropped or pasted; its parts; boxes found in an image.

import { detect } from "/static/api.js";
import { remover } from "/static/filters.js";
import { $, make } from "/static/gallery.js";
import { partsOf } from "/static/state.js";

/** Call `onPictures(files)` with all images that a person hands to the page at once. */
export function receive(onPictures, onProblem) {
  const take = (files) => {
    const pictures = [...files].filter((file) => file.type.startsWith("image/"));
    const other = [...files].find((file) => !pictures.includes(file));
    const asked = pictures.length && onPictures(pictures);
    if (other) Promise.resolve(asked).then(() => onProblem(`${other.name || "That"} is no image.`));
  };
  for (const input of [$("file"), $("camera")]) {
    input.onchange = () => {
      const files = [...input.files];
      input.value = "";
      if (files.length) onPictures(files);
    };
  }
  document.addEventListener("paste", (event) => take(event.clipboardData.files));
  document.addEventListener("dragover", (event) => {
    event.preventDefault();
    $("drop").classList.add("over");
  });
  document.addEventListener("dragleave", (event) => {
    if (!event.relatedTarget) $("drop").classList.remove("over");
  });
  document.addEventListener("drop", (event) => {
    event.preventDefault();
    $("drop").classList.remove("over");
    take(event.dataTransfer.files);
  });
}

let address = "";

/** Show an image by its address, or a blob. */
export function preview(source) {
  if (address) URL.revokeObjectURL(address);
  address = source instanceof Blob ? URL.createObjectURL(source) : "";
  $("boxes").replaceChildren();
  $("shown").hidden = !source;
  if (source) $("preview").src = address || source;
}

/** Show the parts of a query of several; `onRemove(part)` takes one out. */
export function showParts(state, imageOf, onRemove) {
  const parts = partsOf(state);
  const chips = parts.map((part, place) => {
    if (part.kind === "text") return remover(`“${part.value}”`, () => onRemove(part));
    const image = make("img", { src: imageOf(part), alt: "", width: 48, height: 48 });
    const name = part.kind === "like" ? `item ${part.value}` : `image ${place + 1}`;
    return remover(name, () => onRemove(part), image);
  });
  $("parts").replaceChildren(...(parts.length > 1 ? chips : []));
  $("parts").hidden = parts.length < 2;
}

/** Draw the boxes a detector finds; choosing one asks with that part of the image. */
export async function drawBoxes(picture, onPart) {
  const found = await detect(picture);
  const image = await createImageBitmap(picture);
  const boxes = found.detections.map((thing) => {
    const [left, top, right, bottom] = thing.box;
    const text = `${thing.label} ${thing.score.toFixed(2)}`;
    const box = make("button", { type: "button", title: `Search for this ${thing.label}` });
    box.append(make("span", { textContent: text }));
    box.style.left = `${(100 * left) / found.width}%`;
    box.style.top = `${(100 * top) / found.height}%`;
    box.style.width = `${(100 * (right - left)) / found.width}%`;
    box.style.height = `${(100 * (bottom - top)) / found.height}%`;
    box.onclick = async () => onPart([await part(image, thing.box)]);
    return box;
  });
  $("boxes").replaceChildren(...boxes);
  return found.detections.length;
}

async function part(image, [left, top, right, bottom]) {
  const canvas = new OffscreenCanvas(Math.max(1, right - left), Math.max(1, bottom - top));
  canvas.getContext("2d").drawImage(image, -left, -top);
  return canvas.convertToBlob({ type: "image/png" });
}
