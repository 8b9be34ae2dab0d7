// What the message box suggests while one types: commands after "/", people and roles after "@", channels after "#", emoji after ":".

import { avatar, el, icon } from "./dom.js";
import { commandsHere } from "./commands.js";
import { handleOf } from "./drafts.js";
import { nameOf, state } from "./state.js";

const MOST = 50;

/**
 * Suggestions for the text before the caret. `use(text)` replaces the word that is being typed; `choose(command, rest)` opens a
 * command, with what was typed after its name.
 */
export function suggestions(before, { use, choose }) {
  const slash = /^\/([^\n]*)$/.exec(before);
  if (slash) return commandItems(slash[1], choose);
  const word = /(?:^|\s)([@#:])([^\s@#:][^\n@#:]{0,31}|)$/.exec(before);
  if (!word) return [];
  const [, sign, typed] = word;
  const length = sign.length + typed.length;
  const items = { "@": userItems, "#": channelItems, ":": emojiItems }[sign](typed.toLowerCase());
  return items.slice(0, MOST).map(({ text, ...item }) => ({ ...item, pick: () => use(`${text} `, length) }));
}

function commandItems(typed, choose) {
  const query = typed.toLowerCase();
  return commandsHere()
    .filter((command) => command.path.includes(query) || query.startsWith(`${command.path} `))
    .sort((a, b) => Number(!a.path.startsWith(query)) - Number(!b.path.startsWith(query)))
    .slice(0, MOST)
    .map((command) => ({
      label: `/${command.path}`,
      detail: command.description,
      mark: avatar(state.bot, nameOf(state.bot)),
      pick: () => choose(command, typed.slice(command.path.length).trim()),
    }));
}

function userItems(typed) {
  const users = [...state.users.values()].sort((a, b) => Number(Boolean(b.bot)) - Number(Boolean(a.bot)));
  const found = users
    .filter((user) => user.username.toLowerCase().includes(typed) || nameOf(user).toLowerCase().includes(typed))
    .map((user) => ({ label: nameOf(user), detail: user.username, mark: avatar(user, nameOf(user)), text: `@${handleOf(user)}` }));
  const guild = state.channels.get(state.current)?.guild;
  if (!guild) return found;
  const roles = [{ name: "everyone" }, { name: "here" }, ...(guild.roles ?? []).filter((role) => !role.name.startsWith("@"))];
  return found.concat(roles.filter((role) => role.name.toLowerCase().includes(typed))
    .map((role) => ({ label: `@${role.name}`, detail: role.id ? "role" : "notify many", text: `@${role.name}` })));
}

function channelItems(typed) {
  const guild = state.channels.get(state.current)?.guild;
  return [...state.channels.values()]
    .filter((channel) => guild && channel.guild?.id === guild.id && channel.type !== 4 && channel.name.toLowerCase().includes(typed))
    .map((channel) => ({ label: channel.name, mark: icon("hash"), text: `#${channel.name}` }));
}

function emojiItems(typed) {
  const emojis = state.channels.get(state.current)?.guild?.emojis ?? [];
  if (!typed) return []; // a colon alone is mostly just a colon
  return emojis.filter((emoji) => emoji.name.toLowerCase().includes(typed))
    .map((emoji) => ({ label: `:${emoji.name}:`, mark: el("span", { class: "custom-emoji" }, emoji.name[0]), text: `:${emoji.name}:` }));
}
