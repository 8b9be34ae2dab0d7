// The left side: servers and direct messages, the channels of what is chosen, and who speaks.

import { avatar, el, fill, hueOf, icon } from "./dom.js";
import { channelName, nameOf, on, ownDms, people, setSpeaker, state, THREADS, TYPE } from "./state.js";

const ICONS = { [TYPE.voice]: "voice", [TYPE.stage]: "voice", [TYPE.forum]: "forum", [TYPE.media]: "forum", [TYPE.announcement]: "announcement", [TYPE.dm]: "people" };

const byId = (id) => document.getElementById(id);

let drawer = null;

export function startSidebar() {
  on("world channel unread status speaker", draw);
  byId("menu").append(icon("menu"));
  byId("menu").addEventListener("click", () => openDrawer(!drawer));
  byId("scrim").addEventListener("click", () => openDrawer(false));
  byId("side").addEventListener("keydown", (event) => { if (event.key === "Escape") openDrawer(false); });
  on("channel", () => openDrawer(false));
}

/** On a phone the left side is a drawer over the messages. */
function openDrawer(open) {
  if (drawer === open) return;
  drawer = open;
  byId("app").classList.toggle("drawer-open", open);
  byId("menu").setAttribute("aria-expanded", String(open));
  if (open) byId("channel-list").querySelector("a")?.focus();
}

function draw() {
  const current = state.channels.get(state.current);
  drawRail(current);
  drawChannels(current);
  drawSpeaker();
  drawHead(current);
}

function drawRail(current) {
  const dms = ownDms();
  const places = state.guilds.map((guild) => ({
    label: guild.name,
    content: initials(guild.name),
    hue: hueOf(guild.id),
    chosen: current?.guild?.id === guild.id,
    channels: [...state.channels.values()].filter((channel) => channel.guild?.id === guild.id),
  }));
  const direct = { label: "Direct messages", content: icon("people"), chosen: current && !current.guild, channels: dms };
  fill(byId("rail"), [...(dms.length ? [direct] : []), ...places].map(railItem));
}

function railItem({ label, content, hue, chosen, channels }) {
  const target = channels.find(readable);
  const unread = unreadOf(channels);
  const node = el("a", {
    class: "place", href: target ? `#${target.id}` : undefined, title: label,
    "aria-label": label + (unread.count ? `, ${unread.count} unread` : ""), "aria-current": chosen ? "true" : undefined,
  }, content, pings(unread.pings), !chosen && unread.count > 0 && el("span", { class: "pip" }));
  if (hue !== undefined) node.style.setProperty("--hue", hue);
  return node;
}

function initials(name) {
  return name.split(/\s+/).map((word) => [...word][0] ?? "").join("").slice(0, 3).toUpperCase();
}

function readable(channel) {
  return channel.type !== TYPE.category;
}

function unreadOf(channels) {
  const all = channels.map((channel) => state.unread.get(channel.id) ?? { count: 0, pings: 0 });
  return { count: all.reduce((sum, one) => sum + one.count, 0), pings: all.reduce((sum, one) => sum + one.pings, 0) };
}

function pings(count) {
  return count > 0 && el("span", { class: "pings" }, count > 99 ? "99+" : count);
}

function drawChannels(current) {
  const guild = current?.guild;
  byId("place-name").textContent = guild ? guild.name : "Direct messages";
  const list = guild ? [...state.channels.values()].filter((channel) => channel.guild?.id === guild.id) : ownDms();
  fill(byId("channel-list"), inOrder(list).map(channelItem));
}

/** Channels without a category first, then each category with its own; threads below the channel they hang on. */
function inOrder(channels) {
  const ids = new Set(channels.map((channel) => channel.id));
  const childrenOf = (parent) => channels.filter((channel) => (ids.has(channel.parent_id) ? channel.parent_id : null) === parent).sort(inList);
  const walk = (parent) => childrenOf(parent).flatMap((channel) => [channel, ...walk(channel.id)]);
  return walk(null);
}

function inList(a, b) {
  const category = (channel) => Number(channel.type === TYPE.category);
  return category(a) - category(b) || (a.position ?? 0) - (b.position ?? 0);
}

function channelItem(channel) {
  if (channel.type === TYPE.category) return el("h3", { class: "category" }, channel.name);
  const unread = state.unread.get(channel.id);
  const chosen = channel.id === state.current;
  const isDm = channel.type === TYPE.dm;
  const sign = isDm ? withDot(avatar(state.bot, channelName(channel))) : icon(THREADS.has(channel.type) ? "thread" : ICONS[channel.type] ?? "hash");
  return el("a", {
    class: `channel${THREADS.has(channel.type) ? " is-thread" : ""}${unread ? " unread" : ""}`,
    href: `#${channel.id}`, "aria-current": chosen ? "page" : undefined,
    "aria-label": channelName(channel) + (unread ? `, ${unread.count} unread` : ""),
  }, sign, el("span", { class: "channel-name" }, channelName(channel)), pings(unread?.pings));
}

function withDot(picture) {
  picture.append(el("span", { class: `dot ${state.online ? "online" : "offline"}` }));
  return picture;
}

function drawSpeaker() {
  const speaker = state.users.get(state.speaker);
  if (!speaker) return fill(byId("speaker"));
  const several = people().length > 1;
  fill(byId("speaker"), avatar(speaker, nameOf(speaker)), several ? chooser() : el("span", { class: "speaker-name" }, nameOf(speaker)));
}

function chooser() {
  const select = el("select", { id: "speaking-as", onchange: () => setSpeaker(select.value) },
    people().map((user) => el("option", { value: user.id, selected: user.id === state.speaker }, nameOf(user))));
  select.value = state.speaker;
  return el("div", { class: "speaking" }, el("label", { for: "speaking-as" }, "Speaking as"), select);
}

function drawHead(current) {
  const bot = nameOf(state.bot);
  const parent = current && state.channels.get(current.parent_id);
  const sign = current && (current.type === TYPE.dm ? "people" : THREADS.has(current.type) ? "thread" : ICONS[current.type] ?? "hash");
  fill(byId("room-name"), sign && icon(sign),
    parent && parent.type !== TYPE.category && el("span", { class: "room-parent" }, `${parent.name} › `),
    current ? channelName(current) : "Nothing to show yet");
  fill(byId("bot-status"), el("span", { class: `dot ${state.online ? "online" : "offline"}` }),
    el("span", {}, `${bot} is ${state.online ? "online" : "offline"}`));
  const unread = unreadOf([...state.channels.values()]).pings;
  document.title = `${unread ? `(${unread}) ` : ""}${current ? (current.guild ? "#" : "@") + channelName(current) : "Discord in a box"} · ${bot}`;
}
