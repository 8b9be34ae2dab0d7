// Draws the tree of markdown.js as DOM nodes. Names of people, roles and channels come from `names`, so that this file knows no world.

import { el, iconButton, safeUrl } from "./dom.js";
import { highlight } from "./highlight.js";
import { parse } from "./markdown.js";

/**
 * Discord's Markdown as DOM nodes.
 * `names` answers user(id), role(id) and channel(id) with {name, colour?, href?} or null when there is no such thing.
 */
export function markdown(source, names) {
  return draw(parse(source ?? ""), names);
}

function draw(tree, names) {
  return tree.map((node) => (DRAW[node.type] ?? DRAW.text)(node, names));
}

const DRAW = {
  text: (node) => document.createTextNode(node.text),
  strong: wrap("strong"),
  em: wrap("em"),
  underline: wrap("u"),
  strike: wrap("s"),
  small: wrap("small", "subtext"),
  code: (node) => el("code", { class: "inline-code" }, node.code),
  fence,
  spoiler,
  quote: (node, names) => el("div", { class: "quote" }, el("blockquote", {}, draw(node.children, names))),
  // Not <h1>…: the page has its own headings. The level below the room's name keeps the outline right.
  heading: (node, names) => el("div", { class: `heading heading-${node.level}`, role: "heading", "aria-level": node.level + 2 }, draw(node.children, names)),
  list,
  link: (node, names) => el("a", { href: node.url, title: node.url, target: "_blank", rel: "noopener noreferrer" }, draw(node.children, names)),
  user: (node, names) => mention("@", names.user(node.id), "unknown-user"),
  role: (node, names) => mention("@", names.role(node.id), "unknown-role"),
  channel: (node, names) => mention("#", names.channel(node.id), "unknown"),
  everyone: (node) => el("span", { class: "mention" }, `@${node.name}`),
  command: (node) => el("span", { class: "mention" }, `/${node.name}`),
  // The pictures live on Discord's servers, which this page never asks.
  emoji: (node) => el("span", { class: "custom-emoji", title: `Custom emoji, id ${node.id}` }, `:${node.name}:`),
  time,
};

function wrap(tag, className) {
  return (node, names) => el(tag, { class: className }, draw(node.children, names));
}

function mention(sign, found, fallback) {
  const label = sign + (found?.name ?? fallback);
  if (found?.href) return el("a", { class: "mention", href: found.href }, label);
  const node = el("span", { class: "mention" }, label);
  if (found?.colour) node.style.color = found.colour;
  return node;
}

function fence(node) {
  const code = el("code", {}, highlight(node.code, node.language) ?? node.code);
  const copy = iconButton("copy", "Copy code", () => navigator.clipboard?.writeText(node.code));
  return el("div", { class: "fence" },
    el("div", { class: "fence-head" }, el("span", { class: "fence-language" }, node.language), copy),
    el("pre", {}, code));
}

function spoiler(node, names) {
  const inside = el("span", { class: "spoiler-text", "aria-hidden": "true" }, draw(node.children, names));
  const cover = el("span", { class: "spoiler", role: "button", tabindex: 0, "aria-label": "Spoiler, press to show" }, inside);
  const reveal = (event) => {
    if (cover.classList.contains("shown") || (event.type === "keydown" && !["Enter", " "].includes(event.key))) return;
    event.preventDefault();
    cover.classList.add("shown");
    for (const name of ["role", "tabindex", "aria-label"]) cover.removeAttribute(name);
    inside.removeAttribute("aria-hidden");
  };
  cover.addEventListener("click", reveal);
  cover.addEventListener("keydown", reveal);
  return cover;
}

function list(node, names) {
  const tag = node.start === null ? "ul" : "ol";
  return el(tag, { start: node.start ?? undefined }, node.items.map((item) => el("li", {}, draw(item, names))));
}

const TIME_STYLES = {
  t: { timeStyle: "short" },
  T: { timeStyle: "medium" },
  d: { dateStyle: "short" },
  D: { dateStyle: "long" },
  f: { dateStyle: "long", timeStyle: "short" },
  F: { dateStyle: "full", timeStyle: "short" },
  s: { dateStyle: "short", timeStyle: "short" },
  S: { dateStyle: "short", timeStyle: "medium" },
};

function time(node) {
  const date = new Date(node.seconds * 1000);
  if (Number.isNaN(date.getTime())) return document.createTextNode(`<t:${node.seconds}>`);
  const full = date.toLocaleString(undefined, TIME_STYLES.F);
  const shown = node.style === "R" ? relative(date) : date.toLocaleString(undefined, TIME_STYLES[node.style]);
  return el("time", { class: "timestamp", datetime: date.toISOString(), title: full }, shown);
}

/** "3 minutes ago", "in 2 days". */
export function relative(date, now = Date.now()) {
  const seconds = (date.getTime() - now) / 1000;
  const words = new Intl.RelativeTimeFormat(undefined, { numeric: "auto" });
  const units = [["year", 31557600], ["month", 2629800], ["day", 86400], ["hour", 3600], ["minute", 60], ["second", 1]];
  const [unit, length] = units.find(([, size]) => Math.abs(seconds) >= size) ?? units.at(-1);
  return words.format(Math.round(seconds / length), unit);
}

/** The text without marks and with names, for one line: reply quotes, announcements, unread previews. */
export function plain(source, names) {
  return flatten(parse(source ?? ""), names).replace(/\s+/g, " ").trim();
}

function flatten(tree, names) {
  return tree.map((node) => {
    if (node.type === "text") return node.text;
    if (node.code !== undefined) return node.code;
    if (node.type === "spoiler") return "▒▒▒";
    if (node.items) return node.items.map((item) => `• ${flatten(item, names)} `).join("");
    if (node.children) return `${flatten(node.children, names)}${node.type === "heading" ? " " : ""}`;
    if (node.type === "time") return time(node).textContent;
    if (node.type === "emoji") return `:${node.name}:`;
    if (node.type === "everyone") return `@${node.name}`;
    const sign = node.type === "channel" ? "#" : node.type === "command" ? "/" : "@";
    return sign + (names[node.type]?.(node.id)?.name ?? node.name ?? "unknown");
  }).join("");
}

/** A link for a text that may or may not be an http(s) address. */
export function maybeLink(url, ...children) {
  return safeUrl(url) ? el("a", { href: url, target: "_blank", rel: "noopener noreferrer" }, children) : el("span", {}, children);
}
