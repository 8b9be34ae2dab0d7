// The message box: what is written, the files with it, the message it replies to or edits, and what went wrong.

import * as api from "./api.js";
import { call, openCommandForm } from "./command_form.js";
import { fromWire, toWire } from "./drafts.js";
import { el, fill, iconButton, sizeText } from "./dom.js";
import { Listbox } from "./listbox.js";
import { apply, channelName, nameOf, on, state, tell, TYPE, typists } from "./state.js";
import { suggestions } from "./suggest.js";

const MOST_CHARS = 2000; // Discord's limit for people without Nitro
const TYPING_EVERY_MS = 8000; // Discord's client says so at this pace
const COUNTED_FROM = 200; // the counter shows when so few are left

const input = el("textarea", { class: "box", rows: 1, "aria-label": "Message", autocomplete: "off", spellcheck: true });
const list = new Listbox(input, "Suggestions");
const picker = el("input", { type: "file", multiple: true, hidden: true });
const context = el("div", { class: "context", hidden: true });
const chips = el("div", { class: "chips", hidden: true });
const form = el("div", { hidden: true });
const trouble = el("p", { class: "error trouble", role: "alert" });
const typing = el("p", { class: "typing" });
const counter = el("span", { class: "counter", "aria-live": "polite" });
const attach = iconButton("plus", "Attach files", () => picker.click());
const send = iconButton("send", "Send", () => submit());
const line = el("div", { class: "line" }, attach, input, counter, send);

const drafts = new Map(); // channel id -> text, so that a look elsewhere loses nothing
let files = [];
let replyTo = null;
let editing = null;
let shownChannel = null;
let typedAt = 0;
let notify = true; // the person replied to

export function startComposer() {
  document.getElementById("composer").append(list.node, form, el("div", { class: "box-frame" }, context, chips, line), picker, trouble, el("div", { class: "below" }, typing));
  input.addEventListener("keydown", onKey);
  input.addEventListener("input", onInput);
  input.addEventListener("paste", onPaste);
  picker.addEventListener("change", () => { addFiles([...picker.files]); picker.value = ""; });
  watchDrops();
  document.addEventListener("keydown", typeAnywhere);
  on("channel", onChannel);
  on("world speaker status", drawPlaceholder);
  on("reply", startReply);
  on("edit", startEdit);
  on("message-command", ({ command, message }) => attempt(() => call(message.channel_id, { name: command.name, target: message.id })));
  on("trouble", say);
  on("typing message channel", drawTyping);
}

export function focusInput() {
  input.focus();
}

function say(words) {
  trouble.textContent = words;
}

async function attempt(action) {
  try {
    say("");
    return await action();
  } catch (error) {
    say(error.message);
    return undefined;
  }
}

function onChannel() {
  if (shownChannel === state.current) return;
  if (shownChannel && !editing) drafts.set(shownChannel, input.value);
  shownChannel = state.current;
  replyTo = editing = null;
  files = [];
  fill(form);
  form.hidden = true;
  setText(drafts.get(shownChannel) ?? "");
  say("");
  drawContext();
  drawChips();
  drawPlaceholder();
  if (matchMedia("(hover: hover)").matches) input.focus(); // on a phone that would open the keyboard
}

function drawPlaceholder() {
  const channel = state.channels.get(state.current);
  const closed = !channel || channel.type === TYPE.forum || channel.type === TYPE.category;
  input.disabled = attach.disabled = send.disabled = closed;
  input.placeholder = closed ? "Nothing can be written here" : `Message ${channel.type === TYPE.dm ? "@" : "#"}${channelName(channel)}`;
}

// Keys

function onKey(event) {
  if (list.key(event) || event.isComposing) return;
  if (event.key === "Enter" && !event.shiftKey) {
    event.preventDefault();
    submit();
  } else if (event.key === "Escape" && (replyTo || editing)) {
    event.preventDefault();
    leave();
  } else if (event.key === "ArrowUp" && !input.value && !event.shiftKey) {
    const own = (state.messages.get(state.current) ?? []).findLast((message) => message.author?.id === state.speaker && message.content);
    if (!own) return;
    event.preventDefault();
    startEdit(own);
  }
}

/** Letters typed while nothing has the focus go into the box. */
function typeAnywhere(event) {
  const free = document.activeElement === document.body || document.activeElement?.matches(".row, .log");
  if (!free || event.key.length !== 1 || event.key === " " || event.ctrlKey || event.metaKey || event.altKey || document.querySelector("dialog[open]")) return;
  input.focus();
}

function onInput() {
  say("");
  grow();
  const before = input.value.slice(0, input.selectionStart);
  list.show(editing ? [] : suggestions(before, { use, choose }));
  sayTyping();
}

function sayTyping() {
  if (editing || !input.value || input.value.startsWith("/") || Date.now() - typedAt < TYPING_EVERY_MS) return;
  typedAt = Date.now();
  api.typing(state.current, state.speaker).catch(() => {}); // a courtesy: nothing depends on it
}

/** Puts a suggestion in place of the last `length` characters before the caret. */
function use(text, length) {
  input.setRangeText(text, input.selectionStart - length, input.selectionStart, "end");
  grow();
}

function choose(command, rest) {
  setText("");
  say("");
  openCommandForm(form, command, rest, { done: focusInput, trouble: say });
}

function setText(text) {
  input.value = text;
  list.hide();
  grow();
}

function grow() {
  input.style.height = "auto";
  input.style.height = `${input.scrollHeight}px`;
  const left = MOST_CHARS - input.value.length;
  counter.textContent = left <= COUNTED_FROM ? String(left) : "";
  counter.classList.toggle("over", left < 0);
}

// Files

function addFiles(more) {
  files.push(...more);
  drawChips();
  input.focus();
}

/** As in Discord, a text too long for one message becomes the file message.txt. */
function onPaste(event) {
  const pasted = [...(event.clipboardData?.files ?? [])];
  const text = event.clipboardData?.getData("text/plain") ?? "";
  if (pasted.length) addFiles(pasted);
  else if (input.value.length + text.length > MOST_CHARS) addFiles([new File([text], "message.txt", { type: "text/plain" })]);
  else return;
  event.preventDefault();
}

function watchDrops() {
  const room = document.querySelector(".room");
  room.addEventListener("dragover", (event) => { event.preventDefault(); room.classList.add("dropping"); });
  room.addEventListener("dragleave", () => room.classList.remove("dropping"));
  room.addEventListener("drop", (event) => {
    event.preventDefault();
    room.classList.remove("dropping");
    addFiles([...event.dataTransfer.files]);
  });
}

function drawChips() {
  chips.hidden = files.length === 0;
  fill(chips, files.map((file) => el("span", { class: "chip" }, file.name, el("span", { class: "muted" }, ` ${sizeText(file.size)}`),
    iconButton("close", `Remove ${file.name}`, () => { files = files.filter((one) => one !== file); drawChips(); input.focus(); }))));
}

// Replying and editing

function startReply(message) {
  editing = null;
  replyTo = message;
  notify = message.author?.id !== state.speaker;
  drawContext();
  input.focus();
}

function startEdit(message) {
  if (!editing) drafts.set(state.current, input.value);
  replyTo = null;
  editing = message;
  setText(fromWire(message.content));
  drawContext();
  input.focus();
}

function leave() {
  if (editing) setText(drafts.get(state.current) ?? "");
  replyTo = editing = null;
  drawContext();
  input.focus();
}

function drawContext() {
  document.querySelector(".row.in-hand")?.classList.remove("in-hand");
  const target = editing ?? replyTo;
  if (target) document.getElementById(`message-${target.id}`)?.classList.add("in-hand");
  context.hidden = !target;
  fill(context, editing && el("span", {}, "Editing your message · Enter saves, Esc leaves it as it was"),
    replyTo && el("span", {}, "Replying to ", el("b", {}, nameOf(replyTo.author, replyTo.member))),
    replyTo && el("button", { type: "button", class: "as-link", "aria-pressed": String(notify), title: "Whether the reply notifies the person", onclick: () => { notify = !notify; drawContext(); } }, notify ? "@ on" : "@ off"),
    iconButton("close", "Leave it", leave));
}

// Sending

async function submit() {
  const text = input.value.trim();
  if (editing) return saveEdit(text);
  if (!text && !files.length) return;
  if (text.length > MOST_CHARS) return say(`This is ${text.length - MOST_CHARS} characters too long for Discord. Paste it instead: a long text becomes a file.`);
  const sent = { channel: state.current, text: input.value, files, replyTo };
  typedAt = 0;
  files = [];
  replyTo = null;
  setText("");
  drawContext();
  drawChips();
  const message = await attempt(() => api.say(sent.channel, { content: toWire(text), as: state.speaker, ...(sent.replyTo ? { reply_to: sent.replyTo.id, mention_reply: notify } : {}) }, sent.files));
  if (message) apply("MESSAGE_CREATE", message); // it may be here before its event; the id keeps it one
  else giveBack(sent);
}

/** What was refused goes back into the box, unless something new is already there. */
function giveBack({ channel, text, files: refused, replyTo: target }) {
  if (channel !== state.current || input.value) return;
  setText(text);
  files = refused;
  replyTo = target;
  drawContext();
  drawChips();
}

async function saveEdit(text) {
  const message = editing;
  if (!text) return say("An empty message cannot be saved: delete it instead.");
  const changed = await attempt(() => api.edit(message.channel_id, message.id, toWire(text), state.speaker));
  if (!changed) return;
  apply("MESSAGE_UPDATE", changed);
  leave();
  drafts.delete(state.current);
}

// Who types

function drawTyping() {
  const who = typists(state.current).map((user) => nameOf(user));
  const words = who.length > 2 ? "Several people are typing …" : `${who.join(" and ")} ${who.length > 1 ? "are" : "is"} typing …`;
  fill(typing, who.length > 0 && [el("span", { class: "dots", "aria-hidden": "true" }, el("i"), el("i"), el("i")), words]);
}
