// What a person types -> what Discord stores, and back: "@Parley" is <@123> on the wire.

import { nameOf, state } from "./state.js";

const CODE = /(```[\s\S]*?```|`[^`\n]*`)/;

/** How a user is written after "@": the display name, or the unique username when two people are called the same. */
export function handleOf(user) {
  const name = nameOf(user);
  const same = [...state.users.values()].filter((other) => nameOf(other).toLowerCase() === name.toLowerCase());
  return same.length > 1 ? user.username : name;
}

function guild() {
  return state.channels.get(state.current)?.guild;
}

/** Pairs of what is typed and what is sent, longest first so that "@Ann Lee" is not taken for "@Ann". */
function mentions() {
  const users = [...state.users.values()].flatMap((user) => [[`@${user.username}`, `<@${user.id}>`], [`@${handleOf(user)}`, `<@${user.id}>`]]);
  const roles = (guild()?.roles ?? []).filter((role) => !role.name.startsWith("@")).map((role) => [`@${role.name}`, `<@&${role.id}>`]);
  const channels = [...state.channels.values()].filter((one) => guild() && one.guild?.id === guild().id && one.name).map((one) => [`#${one.name}`, `<#${one.id}>`]);
  const emojis = (guild()?.emojis ?? []).map((emoji) => [`:${emoji.name}:`, `<${emoji.animated ? "a" : ""}:${emoji.name}:${emoji.id}>`]);
  return [...users, ...roles, ...channels, ...emojis].sort((a, b) => b[0].length - a[0].length);
}

/** Replaces names by what Discord stores; code is left as it is. */
export function toWire(text) {
  const pairs = mentions();
  return text.split(CODE).map((part, index) => (index % 2 ? part : replaceAll(part, pairs))).join("");
}

function replaceAll(text, pairs) {
  if (!pairs.length) return text;
  const known = new Map([...pairs].reverse().map(([typed, sent]) => [typed.toLowerCase(), sent]));
  const pattern = new RegExp(`(?<![\\w<])(?:${pairs.map(([typed]) => escape(typed)).join("|")})(?![\\p{L}\\p{N}_])`, "giu");
  return text.replace(pattern, (typed) => known.get(typed.toLowerCase()) ?? typed);
}

function escape(text) {
  return text.replace(/[.*+?^${}()|[\]\\/]/g, "\\$&");
}

/** The other way round, for editing. */
export function fromWire(content) {
  const pairs = new Map(mentions().map(([typed, sent]) => [sent, typed]));
  for (const user of state.users.values()) pairs.set(`<@${user.id}>`, `@${handleOf(user)}`);
  return content.replace(/<(?:@[!&]?\d+|#\d+|a?:\w+:\d+)>/g, (sent) => pairs.get(sent.replace("@!", "@")) ?? sent);
}
