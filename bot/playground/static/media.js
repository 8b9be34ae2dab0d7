// What hangs on a message: attached files and embeds.

import { el, icon, ownUrl, safeUrl, sizeText } from "./dom.js";
import { markdown, maybeLink } from "./markdown_view.js";

const PREVIEW_MOST_BYTES = 512 * 1024;
const TEXT = /^(text\/|application\/(json|xml|x-yaml|toml|javascript))|\.(md|txt|csv|json|ya?ml|toml|log|py|js|ts|c|cpp|h|rs|go|sh|sql|html|css)$/i;

/** A file that came with a message: a picture with its alt text, a player, or a card. */
export function attachment(file) {
  const url = ownUrl(file.url);
  const type = file.content_type ?? "";
  if (url && type.startsWith("image/")) return picture(file, url);
  if (url && type.startsWith("audio/")) return el("figure", { class: "media" }, el("audio", { controls: true, src: url, preload: "metadata" }), el("figcaption", {}, file.filename));
  return card(file, url);
}

function picture(file, url) {
  const alt = file.description ?? "";
  const image = el("img", { src: url, alt, loading: "lazy" });
  if (file.width && file.height) {
    // The room is taken before the picture has come, so that what one reads does not jump.
    image.style.aspectRatio = `${file.width} / ${file.height}`;
    image.style.width = `${Math.min(file.width, 420, 340 * file.width / file.height)}px`;
  }
  image.addEventListener("error", () => frame.replaceWith(card(file, url, "The picture could not be loaded")), { once: true });
  const hidden = file.filename.startsWith("SPOILER_");
  const frame = el("figure", { class: `media picture${hidden ? " hidden-picture" : ""}` },
    el("a", { href: url, target: "_blank", rel: "noopener noreferrer", title: alt || file.filename }, image),
    alt && el("figcaption", { "aria-hidden": "true" }, el("span", { class: "alt-tag" }, "ALT"), ` ${alt}`));
  if (hidden) frame.addEventListener("click", (event) => uncover(event, frame));
  return frame;
}

function uncover(event, frame) {
  if (!frame.classList.contains("hidden-picture")) return;
  event.preventDefault();
  frame.classList.remove("hidden-picture");
}

function card(file, url, trouble) {
  const name = url ? el("a", { href: url, download: file.filename, target: "_blank", rel: "noopener noreferrer" }, file.filename) : el("span", {}, file.filename);
  const isText = TEXT.test(file.content_type ?? "") || TEXT.test(file.filename);
  return el("div", { class: "file-card" },
    el("div", { class: "file-line" }, icon("file"),
      el("div", {}, name, el("div", { class: "muted" }, trouble ? `${trouble} · ` : "", sizeText(file.size ?? 0), file.description && ` · ${file.description}`))),
    url && isText && file.size <= PREVIEW_MOST_BYTES && preview(url));
}

/** The text of a file, fetched when it is asked for. */
function preview(url) {
  const text = el("pre", { class: "file-text", tabindex: 0 }, "Loading …");
  const details = el("details", {}, el("summary", {}, "Preview"), text);
  details.addEventListener("toggle", async () => {
    if (!details.open) return;
    try {
      const response = await fetch(url);
      text.textContent = response.ok ? await response.text() : "The file is no longer there.";
    } catch {
      text.textContent = "The file could not be loaded.";
    }
  });
  return details;
}

/** An embed: a framed card with title, text, fields, picture and footer. */
export function embed(data, names) {
  const node = el("article", { class: "embed" },
    data.thumbnail?.url && el("div", { class: "embed-thumb" }, remotePicture(data.thumbnail.url, "Thumbnail")),
    data.provider?.name && el("div", { class: "muted" }, data.provider.name),
    data.author?.name && el("div", { class: "embed-author" }, maybeLink(data.author.url, data.author.name)),
    data.title && el("div", { class: "embed-title" }, maybeLink(data.url, markdown(data.title, names))),
    data.description && el("div", { class: "content" }, markdown(data.description, names)),
    data.fields?.length > 0 && el("div", { class: "embed-fields" }, data.fields.map((field) => embedField(field, names))),
    data.image?.url && remotePicture(data.image.url, data.image.description ?? "Picture of the embed"),
    footer(data));
  if (data.color) node.style.borderInlineStartColor = `#${data.color.toString(16).padStart(6, "0")}`;
  return node;
}

function embedField(field, names) {
  return el("div", { class: `embed-field${field.inline ? " inline" : ""}` },
    el("div", { class: "embed-field-name" }, markdown(field.name, names)),
    el("div", { class: "content" }, markdown(field.value, names)));
}

/** A picture that the box has; for one of the internet, which this page never asks, the link. */
export function remotePicture(url, alt) {
  const own = ownUrl(url);
  if (own) return el("img", { src: own, alt, loading: "lazy" });
  return safeUrl(url) ? el("a", { href: url, target: "_blank", rel: "noopener noreferrer", class: "remote-picture" }, `Picture: ${url}`) : null;
}

function footer(data) {
  const date = data.timestamp && new Date(data.timestamp).toLocaleString(undefined, { dateStyle: "medium", timeStyle: "short" });
  const words = [data.footer?.text, date].filter(Boolean).join(" · ");
  return words && el("div", { class: "embed-footer" }, words);
}
