// Building DOM nodes. Text is always a text node and links are always http(s): there is no way here to turn text into markup.

const SVG = "http://www.w3.org/2000/svg";

const ICON_PATHS = {
  hash: "M6 2 4.5 14M11.5 2 10 14M2 5.5h12M2 10.5h12",
  voice: "M2 6v4h3l4 3V3L5 6zM11.5 5.5a3.5 3.5 0 0 1 0 5",
  forum: "M2 2.5h9v7H6l-2.5 2.5V9.5H2zM13.5 6v6.5h-1v2L10 12.5H8",
  thread: "M4 2v7a3 3 0 0 0 3 3h6M10 9l3 3-3 3",
  announcement: "M2 6.5v3h2l7 4V2.5l-7 4zM13.5 6.5v3M4.5 9.5 5.5 14",
  people: "M6 8a2.5 2.5 0 1 0 0-5 2.5 2.5 0 0 0 0 5zM1.5 13.5c0-5 9-5 9 0M11 3.5a2.3 2.3 0 0 1 0 4.3M12 9.5c1.6.4 2.5 1.8 2.5 4",
  reply: "M6.5 3 2 7.5 6.5 12M2 7.5h7a5 5 0 0 1 5 5V13",
  edit: "M3 13l.7-3L11 2.7l2.3 2.3L6 12.3z",
  trash: "M2.5 4h11M6 4V2.5h4V4M4 4l.7 10h6.6L12 4",
  apps: "M2.5 2.5h4v4h-4zM9.5 2.5h4v4h-4zM2.5 9.5h4v4h-4zM9.5 9.5h4v4h-4z",
  plus: "M8 2.5v11M2.5 8h11",
  send: "M2 13.5 14.5 8 2 2.5l1.5 5.5zM3.5 8h6",
  menu: "M2 4h12M2 8h12M2 12h12",
  close: "M3.5 3.5l9 9M12.5 3.5l-9 9",
  file: "M4 1.5h5l3.5 3.5v9.5H4zM9 1.5V5h3.5",
  copy: "M5.5 5.5h8v8h-8zM10.5 5.5v-3h-8v8h3",
  eye: "M1.5 8c3-5.5 10-5.5 13 0-3 5.5-10 5.5-13 0zM8 10a2 2 0 1 0 0-4 2 2 0 0 0 0 4z",
};

/** An element. Attributes named on… take functions; false, null and undefined attributes and children are left out. */
export function el(tag, attributes = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes ?? {})) setAttribute(node, name, value);
  node.append(...nodes(children));
  return node;
}

function setAttribute(node, name, value) {
  if (value === null || value === undefined || value === false) return;
  if (name.startsWith("on")) {
    if (typeof value !== "function") throw new TypeError(`${name} takes a function`);
    node.addEventListener(name.slice(2), value);
  } else if (name === "dataset") {
    Object.assign(node.dataset, value);
  } else if (name === "value") {
    node.value = value;
  } else if (name === "href" || name === "src") {
    const safe = safeUrl(value);
    if (safe) node.setAttribute(name, safe);
  } else {
    node.setAttribute(name, value === true ? "" : String(value));
  }
}

function nodes(children) {
  return children.flat(Infinity).filter((child) => child !== null && child !== undefined && child !== false);
}

/** Replaces what is inside `node`. */
export function fill(node, ...children) {
  node.replaceChildren(...nodes(children));
  return node;
}

/** A line drawing of 16 × 16 in the text's colour; invisible to screen readers, so its button needs a label. */
export function icon(name) {
  const svg = document.createElementNS(SVG, "svg");
  svg.setAttribute("viewBox", "0 0 16 16");
  svg.setAttribute("aria-hidden", "true");
  svg.classList.add("icon");
  const path = document.createElementNS(SVG, "path");
  path.setAttribute("d", ICON_PATHS[name]);
  svg.append(path);
  return svg;
}

/** A button that shows an icon and is called `label`. */
export function iconButton(name, label, onclick, attributes = {}) {
  return el("button", { type: "button", class: "icon-button", "aria-label": label, title: label, onclick, ...attributes }, icon(name));
}

/** The URL if a browser may follow it: http and https (also relative to this page); null for javascript:, data: and the like. */
export function safeUrl(url) {
  try {
    const parsed = new URL(url, location.href);
    return parsed.protocol === "http:" || parsed.protocol === "https:" ? String(url) : null;
  } catch {
    return null;
  }
}

/** The address as seen from this page if the box itself serves it, else null: files carry 127.0.0.1 though the page may be open on localhost. */
export function ownUrl(url) {
  if (!safeUrl(url)) return null;
  const parsed = new URL(url, location.href);
  const loopback = ["127.0.0.1", "localhost", "[::1]"].includes(parsed.hostname);
  return loopback && parsed.port === location.port ? parsed.pathname + parsed.search : null;
}

/** A round picture of a person: coloured initials, the colour always the same for the same id. */
export function avatar(user, name) {
  const letters = [...name.trim().split(/\s+/).map((word) => [...word][0] ?? "").join("")].slice(0, 2).join("");
  const node = el("span", { class: "avatar", "aria-hidden": "true" }, letters.toUpperCase() || "?");
  node.style.setProperty("--hue", hueOf(user.id));
  return node;
}

/** A hue in degrees from an id or name. Steps of the golden angle keep neighbours apart. */
export function hueOf(text) {
  let sum = 0;
  for (const char of String(text)) sum = (sum * 31 + char.codePointAt(0)) % 9973;
  return Math.round((sum * 137.508) % 360);
}

/** 1536 -> "1.5 KB". */
export function sizeText(bytes) {
  if (bytes < 1024) return `${bytes} bytes`;
  const kilo = bytes / 1024;
  return kilo < 1024 ? `${kilo.toFixed(1)} KB` : `${(kilo / 1024).toFixed(1)} MB`;
}
