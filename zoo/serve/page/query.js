// Pictures asked with: chosen, dropped, pasted; the boxes a detector finds in them.

import { detect } from "/static/api.js";
import { $, make } from "/static/gallery.js";

/** Call `onPicture(file)` for every image a person hands to the page. */
export function receive(onPicture, onProblem) {
  const take = (files) => {
    const picture = [...files].find((file) => file.type.startsWith("image/"));
    if (picture) onPicture(picture);
    else if (files.length) onProblem(`${files[0].name || "That"} is no image.`);
  };
  $("file").onchange = () => {
    const files = [...$("file").files];
    $("file").value = "";
    if (files.length) onPicture(files[0]);
  };
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
    box.onclick = async () => onPart(await part(image, thing.box));
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
