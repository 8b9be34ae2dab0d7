// One message as a row. A row is redrawn part by part and only where something changed: an answer that streams in must not take
// away the button that is being pressed, the text that is being selected or the spoiler that was opened.

import * as api from "./api.js";
import { avatar, el, fill, icon } from "./dom.js";
import { attachment, embed } from "./media.js";
import { component } from "./components.js";
import { markdown, plain } from "./markdown_view.js";
import { FLAG, forgetInteraction, isPinged, nameOf, names, noteInteraction, removeMessages, state, tell } from "./state.js";

const REPLY = 19;
const COMMAND = 20;
const CONTEXT_COMMAND = 23;
const STARTER = 21;
const SYSTEM = { 1: "added someone", 4: "renamed the channel", 6: "pinned a message", 7: "joined the server", 18: "started a thread" };

const PARTS = { context: contextPart, gutter: gutterPart, head: headPart, content: contentPart, files: filesPart, embeds: embedsPart, components: componentsPart, foot: footPart };

/** A new, still empty row for the message. */
export function newRow(message) {
  const row = el("article", { class: "row", id: `message-${message.id}`, tabindex: -1, dataset: { id: message.id } });
  row.parts = {};
  row.keys = {};
  for (const name of Object.keys(PARTS)) row.parts[name] = el("div", { class: `part-${name}` });
  const { context, gutter, ...body } = row.parts;
  row.append(context, gutter, el("div", { class: "body" }, Object.values(body)));
  return row;
}

/** Brings the row up to date. `grouped`: it follows a message of the same person and needs no name. */
export function updateRow(row, message, grouped) {
  row.classList.toggle("grouped", grouped);
  row.classList.toggle("pinged", isPinged(message) && message.author?.id !== state.speaker);
  row.classList.toggle("private", isPrivate(message));
  row.setAttribute("aria-label", `${nameOf(message.author, message.member)}, ${clock(message)}`);
  for (const [name, part] of Object.entries(PARTS)) {
    const [key, build] = part(message, grouped);
    const text = JSON.stringify(key ?? null);
    if (row.keys[name] === text) continue;
    row.keys[name] = text;
    fill(row.parts[name], build?.());
  }
}

export function isPrivate(message) {
  return Boolean(message.viewer_only || (message.flags & FLAG.ephemeral));
}

function clock(message) {
  return new Date(message.timestamp).toLocaleTimeString(undefined, { timeStyle: "short" });
}

/** "14:05" today, with the date for older ones. */
function when(message) {
  const date = new Date(message.timestamp);
  const today = date.toDateString() === new Date().toDateString();
  return today ? clock(message) : date.toLocaleString(undefined, { dateStyle: "short", timeStyle: "short" });
}

// Each part says what it depends on, and how it is built (nothing: it stays empty).

function contextPart(message) {
  if (message.type === REPLY || (message.message_reference && message.message_reference.type !== 1 && message.type === 0)) {
    const target = targetOf(message);
    return [["reply", target?.content, target?.attachments?.length, target === null], () => replyLine(message, target)];
  }
  const caller = message.interaction_metadata ?? message.interaction;
  if (caller && [COMMAND, CONTEXT_COMMAND].includes(message.type)) return [["command", caller.id], () => commandLine(message, caller)];
  return [null];
}

/** The message replied to as it is now if it is on the page; null when it was deleted. */
function targetOf(message) {
  const id = message.message_reference?.message_id ?? message.referenced_message?.id;
  return state.messages.get(message.channel_id)?.find((one) => one.id === id) ?? message.referenced_message ?? null;
}

function replyLine(message, target) {
  if (!target) return el("div", { class: "reply-line" }, el("em", {}, "The message replied to was deleted"));
  const name = nameOf(target.author, target.member);
  const words = plain(target.content, names) || (target.attachments?.length ? "(a file)" : "(no text)");
  const pings = message.mentions?.some((user) => user.id === target.author?.id);
  return el("button", { type: "button", class: "reply-line", title: "Show this message", onclick: () => tell("show", target.id) },
    avatar(target.author, name), el("b", {}, pings ? `@${name}` : name), el("span", { class: "reply-words" }, words));
}

function commandLine(message, caller) {
  const name = message.interaction?.name ?? caller.name ?? caller.command_name ?? state.interactions.get(caller.id)?.name;
  const user = caller.user ?? state.users.get(caller.user_id);
  return el("div", { class: "reply-line" }, user && avatar(user, nameOf(user)), el("b", {}, nameOf(user)),
    el("span", {}, "used ", el("span", { class: "mention" }, name ? `/${name}` : "a command")));
}

function gutterPart(message, grouped) {
  if (SYSTEM[message.type]) return [["system"], () => icon("thread")];
  if (grouped) return [["time"], () => el("time", { class: "gutter-time", datetime: message.timestamp }, clock(message))];
  const name = nameOf(message.author, message.member);
  return [[message.author?.id, name], () => avatar(message.author, name)];
}

function headPart(message, grouped) {
  if (grouped || SYSTEM[message.type]) return [null];
  const name = nameOf(message.author, message.member);
  const pinged = pingedNames(message);
  return [[name, message.timestamp, pinged], () => [
    authorName(message, name),
    message.author?.bot && el("span", { class: "bot-tag" }, "BOT"),
    el("time", { datetime: message.timestamp, title: new Date(message.timestamp).toLocaleString(undefined, { dateStyle: "full", timeStyle: "medium" }) }, when(message)),
    pinged.length > 0 && el("span", { class: "pinged-names", title: "Who was notified by this message" }, `notified ${pinged.join(", ")}`),
  ]];
}

function authorName(message, name) {
  const node = el("span", { class: "author", title: `${message.author?.username ?? ""} · ${message.author?.id ?? ""}` }, name);
  node.style.setProperty("--hue", avatar(message.author, name).style.getPropertyValue("--hue"));
  return node;
}

function pingedNames(message) {
  if (!message.author?.bot) return []; // of people's own messages one knows it
  return (message.pinged ?? []).map((id) => state.users.get(id)).filter(Boolean).map((user) => nameOf(user));
}

function contentPart(message) {
  const waits = Boolean(message.flags & FLAG.loading);
  const starter = message.type === STARTER ? message.referenced_message : null;
  const content = (starter ?? message).content;
  const forwarded = message.message_snapshots?.map((snapshot) => snapshot.message.content);
  return [[content, message.edited_timestamp, waits, message.type, forwarded], () => [
    SYSTEM[message.type] && el("span", { class: "muted" }, `${nameOf(message.author, message.member)} ${SYSTEM[message.type]} `),
    waits && !content ? thinking() : text(content, message.edited_timestamp),
    (message.message_snapshots ?? []).map(forward),
  ]];
}

function text(content, edited) {
  if (!content) return null;
  const loud = /^(?:\p{Extended_Pictographic}[\p{Emoji_Modifier}\uFE0F\u200D]*\s*){1,27}$/u.test(content);
  return el("div", { class: `content${loud ? " only-emoji" : ""}` }, markdown(content, names),
    edited && el("span", { class: "edited", title: new Date(edited).toLocaleString() }, "(edited)"));
}

export function thinking() {
  return el("div", { class: "thinking" }, el("span", { class: "dots", "aria-hidden": "true" }, el("i"), el("i"), el("i")), `${nameOf(state.bot)} is thinking …`);
}

function forward(snapshot) {
  return el("div", { class: "quote" }, el("div", {}, el("div", { class: "muted" }, el("em", {}, "Forwarded")), el("div", { class: "content" }, markdown(snapshot.message.content, names)),
    (snapshot.message.attachments ?? []).map(attachment)));
}

function filesPart(message) {
  const files = message.attachments ?? [];
  return [files.map((file) => [file.id, file.url, file.description]), () => files.map(attachment)];
}

function embedsPart(message) {
  const embeds = message.embeds ?? [];
  return [embeds, () => embeds.map((data) => embed(data, names))];
}

function componentsPart(message) {
  const rows = message.components ?? [];
  const busy = interactionsOn(message).find((one) => one.state === "sent")?.custom_id ?? null;
  return [[rows, busy], () => rows.map((row) => component(row, message, (id, values) => press(message, id, values), busy))];
}

function interactionsOn(message) {
  return [...state.interactions.values()].filter((one) => one.message_id === message.id);
}

async function press(message, customId, values) {
  for (const old of interactionsOn(message)) if (old.state === "failed") forgetInteraction(old.id);
  try {
    const { interaction_id: id } = await api.press(message.channel_id, message.id, { custom_id: customId, values, as: state.speaker });
    // The events about it may have come before this answer.
    noteInteraction(id, { state: "sent", ...state.interactions.get(id), channel_id: message.channel_id, message_id: message.id, custom_id: customId });
  } catch (error) {
    tell("trouble", error.message);
    tell("message", { message, fresh: false });
  }
}

function footPart(message) {
  const failed = interactionsOn(message).some((one) => one.state === "failed");
  const reactions = (message.reactions ?? []).map((one) => [one.emoji.name, one.count]);
  const reader = isPrivate(message) ? readerOf(message) : null;
  return [[failed, reactions, reader, message.thread?.id], () => [
    reactions.length > 0 && el("div", { class: "reactions" }, reactions.map(([name, count]) => el("span", { class: "reaction" }, `${name} ${count}`))),
    message.thread && state.channels.has(message.thread.id) && el("a", { class: "thread-link", href: `#${message.thread.id}` }, icon("thread"), ` ${message.thread.name}`),
    failed && el("p", { class: "error" }, "This interaction failed."),
    reader && el("p", { class: "only-you" }, icon("eye"), ` Only ${reader} can see this · `,
      el("button", { type: "button", class: "as-link", onclick: () => removeMessages(message.channel_id, [message.id]) }, "Dismiss message")),
  ]];
}

function readerOf(message) {
  const user = state.users.get(message.viewer_id) ?? message.interaction_metadata?.user ?? message.interaction?.user;
  return !user || user.id === state.speaker ? "you" : nameOf(user);
}
