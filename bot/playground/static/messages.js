// The list of messages: order, groups and days, scrolling, the buttons of a row, and what is read aloud.

import * as api from "./api.js";
import { confirm } from "./dialogs.js";
import { el, fill, icon, iconButton } from "./dom.js";
import { isPrivate, newRow, thinking, updateRow } from "./message_row.js";
import { plain } from "./markdown_view.js";
import { channelName, FLAG, forgetInteraction, nameOf, names, on, setMessages, state, tell, TYPE } from "./state.js";

const GROUP_MS = 7 * 60 * 1000; // Discord groups what one person says within seven minutes
const NEAR_BOTTOM_PX = 60;
const SETTLED_MS = 1500; // an answer is read aloud when it was not edited for so long

const log = document.getElementById("log");
const jump = document.getElementById("jump");
const announcer = document.getElementById("announcer");
const list = el("div", { class: "list" });
const tools = el("div", { class: "tools", role: "toolbar", "aria-label": "What to do with this message" });
const rows = new Map();
const settling = new Map();
let atBottom = true;

export function startMessages() {
  log.append(list);
  on("channel", openChannel);
  on("messages", (channel) => { if (channel === state.current) layout(); });
  on("message", takeMessage);
  on("gone", ({ channel }) => { if (channel === state.current) layout(); });
  on("interaction world status speaker", layout);
  on("show", show);
  watchScrolling();
  watchRows();
}

async function openChannel() {
  rows.clear();
  list.replaceChildren();
  atBottom = true;
  jump.hidden = true;
  layout();
  await reload();
}

/** Asks for the messages of the channel shown; also after the link was lost. */
export async function reload() {
  const channel = state.current;
  if (!channel) return;
  try {
    setMessages(channel, await api.messages(channel));
  } catch (error) {
    tell("trouble", error.message);
  }
}

function takeMessage({ message, fresh }) {
  if (message.channel_id !== state.current) return;
  const row = rows.get(message.id);
  if (fresh || !row) layout();
  else updateRow(row, message, row.classList.contains("grouped"));
  // A quote of it above a later reply changes with it.
  for (const other of shown()) if (other.message_reference?.message_id === message.id) refresh(other);
  stay(fresh);
  if (message.author?.id !== state.speaker) announce(message);
}

function refresh(message) {
  const row = rows.get(message.id);
  if (row) updateRow(row, message, row.classList.contains("grouped"));
}

function shown() {
  return state.messages.get(state.current) ?? [];
}

/** Puts rows, day lines and hints in order, touching only nodes that are not in their place. */
function layout() {
  const wanted = [];
  let before = null;
  for (const message of shown()) {
    if (!before || !sameDay(before, message)) wanted.push(dayLine(message));
    const row = rows.get(message.id) ?? newRow(message);
    rows.set(message.id, row);
    updateRow(row, message, isGrouped(before, message));
    wanted.push(row);
    before = message;
  }
  if (!before) wanted.push(...hint());
  wanted.push(...waiting());
  place(wanted);
  stay(false);
}

function place(wanted) {
  const keep = new Set(wanted);
  for (const node of [...list.children]) if (!keep.has(node)) node.remove();
  wanted.forEach((node, index) => { if (list.children[index] !== node) list.insertBefore(node, list.children[index] ?? null); });
}

function isGrouped(before, message) {
  if (!before || before.author?.id !== message.author?.id || !sameDay(before, message)) return false;
  if (message.message_reference || message.interaction_metadata || message.interaction || message.type > 0 || before.type > 0 && before.type < 19) return false;
  return new Date(message.timestamp) - new Date(before.timestamp) < GROUP_MS && isPrivate(before) === isPrivate(message);
}

function sameDay(a, b) {
  return new Date(a.timestamp).toDateString() === new Date(b.timestamp).toDateString();
}

function dayLine(message) {
  const day = new Date(message.timestamp).toLocaleDateString(undefined, { dateStyle: "long" });
  return el("div", { class: "day", role: "separator" }, el("span", {}, day));
}

function hint() {
  const channel = state.channels.get(state.current);
  if (!channel) return [el("div", { class: "hint" }, el("p", {}, "There is no channel to show. Add a server or a direct message to the box."))];
  const bot = nameOf(state.bot);
  if (channel.type === TYPE.forum) return [el("div", { class: "hint" }, el("p", {}, "A forum has no messages of its own: its posts are listed below it on the left."))];
  const dm = channel.type === TYPE.dm;
  return [el("div", { class: "hint" }, el("div", { class: "hint-mark" }, icon(dm ? "people" : "hash")),
    el("p", { class: "hint-title" }, dm ? `You and ${channelName(channel)}` : `Welcome to ${channel.type === TYPE.text ? "#" : ""}${channel.name}`),
    dm ? el("p", {}, "Write anything: here it answers without being mentioned.") : el("p", {}, "Type ", el("kbd", {}, `@${bot}`), " and a question. ", el("kbd", {}, "/"), " shows the commands."),
    state.remembers && el("p", { class: "muted" }, `Messages from before the restart are not shown here, but ${bot} still remembers them.`),
    !state.online && el("p", { class: "muted" }, `${bot} is offline: start it first, then it hears what you write.`))];
}

/** Commands that were sent and have no message yet, as rows at the end. */
function waiting() {
  return [...state.interactions.values()]
    .filter((one) => one.channel_id === state.current && waits(one))
    .filter((one) => !shown().some((message) => message.flags & FLAG.loading && (message.interaction_metadata ?? message.interaction)?.id === one.id))
    .map(waitingRow);
}

/** A pressed button shows for itself that it waits or failed; an event of something not begun here (yet) has no kind. */
function waits({ state: reached, kind, message_id: pressed }) {
  return reached === "thinking" || (reached === "sent" && kind === "command") || (reached === "failed" && !pressed);
}

function waitingRow(interaction) {
  const name = interaction.kind === "command" ? `/${interaction.name}` : "This interaction failed";
  const words = {
    sent: () => el("span", { class: "muted" }, `Sending ${name} …`),
    thinking,
    failed: () => el("span", {}, el("span", { class: "error" }, `${name}: the application did not respond. `),
      el("button", { type: "button", class: "as-link", onclick: () => forgetInteraction(interaction.id) }, "Dismiss")),
  };
  return el("div", { class: "row waiting", role: interaction.state === "failed" ? "alert" : undefined }, el("div", { class: "part-gutter" }), el("div", { class: "body" }, words[interaction.state]()));
}

// Scrolling: follow the newest text for who reads at the bottom, and leave everyone else where they are.

function watchScrolling() {
  log.addEventListener("scroll", () => {
    atBottom = log.scrollHeight - log.scrollTop - log.clientHeight < NEAR_BOTTOM_PX;
    if (atBottom) jump.hidden = true;
  });
  jump.addEventListener("click", () => { atBottom = true; stay(false); });
  // Pictures arrive, the window and the input change their size: all that moves the bottom.
  const observer = new ResizeObserver(() => stay(false));
  observer.observe(list);
  observer.observe(log);
}

function stay(fresh) {
  if (atBottom) log.scrollTop = log.scrollHeight;
  else if (fresh) jump.hidden = false;
}

function show(id) {
  const row = rows.get(id);
  if (!row) return tell("trouble", "This message is further up than the page shows.");
  row.scrollIntoView({ block: "center" });
  row.focus();
  row.classList.add("flash");
  setTimeout(() => row.classList.remove("flash"), 1500);
}

// The buttons of a row: one toolbar that goes to the row under the pointer or with the focus. Up and Down go from row to row.

function watchRows() {
  list.addEventListener("pointerover", (event) => moveTools(event.target.closest(".row[data-id]")));
  list.addEventListener("focusin", (event) => moveTools(event.target.closest(".row[data-id]")));
  log.addEventListener("keydown", (event) => {
    if (!["ArrowUp", "ArrowDown"].includes(event.key) || /^(SELECT|INPUT|TEXTAREA|AUDIO)$/.test(event.target.tagName)) return;
    const all = [...list.querySelectorAll(".row[data-id]")];
    const at = all.indexOf(event.target.closest(".row"));
    const next = at < 0 ? all.at(-1) : all[at + (event.key === "ArrowUp" ? -1 : 1)];
    if (!next) return;
    event.preventDefault();
    next.focus();
  });
}

function moveTools(row) {
  if (!row || tools.dataset.id === row.dataset.id && tools.parentNode === row) return;
  const message = shown().find((one) => one.id === row.dataset.id);
  if (!message) return;
  tools.dataset.id = row.dataset.id;
  fill(tools, toolsOf(message));
  row.append(tools);
}

function toolsOf(message) {
  const own = message.author?.id === state.speaker;
  const apps = state.commands.filter((command) => command.type === 3);
  return [
    !isPrivate(message) && iconButton("reply", "Reply", () => tell("reply", message)),
    own && iconButton("edit", "Edit", () => tell("edit", message)),
    apps.map((command) => el("button", { type: "button", class: "tool-word", onclick: () => tell("message-command", { command, message }) }, command.name)),
    own && iconButton("trash", "Delete", () => removeMessage(message)),
  ];
}

async function removeMessage(message) {
  if (!await confirm("Delete message", "This removes it for everyone in the channel.", "Delete")) return;
  try {
    await api.remove(message.channel_id, message.id, state.speaker);
  } catch (error) {
    tell("trouble", error.message);
  }
}

/** Reads a message aloud once it has settled: an answer is edited many times while it grows. */
function announce(message) {
  clearTimeout(settling.get(message.id));
  settling.set(message.id, setTimeout(() => {
    settling.delete(message.id);
    if (message.flags & FLAG.loading) return;
    announcer.append(el("p", {}, `${nameOf(message.author, message.member)}: ${plain(message.content, names) || "sent something without text"}`));
    while (announcer.children.length > 5) announcer.firstChild.remove();
  }, SETTLED_MS));
}
