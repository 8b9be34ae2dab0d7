// Slash commands as a person sees them: which there are here, and the inputs for their options. Numbers are Discord's.

import * as api from "./api.js";
import { channelOptions, roleOptions, userOptions } from "./components.js";
import { el } from "./dom.js";
import { Listbox } from "./listbox.js";
import { state } from "./state.js";

export const OPTION = { sub: 1, group: 2, string: 3, integer: 4, boolean: 5, user: 6, channel: 7, role: 8, mentionable: 9, number: 10, attachment: 11 };
const GUILD = 0;
const BOT_DM = 1;
const AUTOCOMPLETE_MS = 150;

/** The commands that can be called in the channel shown: {path: "group sub", description, options}, one for each subcommand. */
export function commandsHere() {
  const guild = state.channels.get(state.current)?.guild;
  return state.commands
    .filter((command) => (command.type ?? 1) === 1 && isOffered(command, guild))
    .flatMap((command) => leaves(command, command.name))
    .sort((a, b) => a.path.localeCompare(b.path));
}

function isOffered(command, guild) {
  if (command.guild_id && command.guild_id !== guild?.id) return false;
  if (command.contexts) return command.contexts.includes(guild ? GUILD : BOT_DM);
  return Boolean(guild) || command.dm_permission !== false;
}

function leaves(node, path) {
  const below = (node.options ?? []).filter((option) => option.type === OPTION.sub || option.type === OPTION.group);
  if (below.length) return below.flatMap((option) => leaves(option, `${path} ${option.name}`));
  return [{ path, description: node.description, options: node.options ?? [] }];
}

/**
 * An input for one option: {node, input, read}. `read()` is its typed value, undefined when left empty, a File for an attachment.
 * `others()` are the values typed so far, which autocompletion may depend on.
 */
export function optionField(command, option, others) {
  const [control, input, read] = controlOf(command, option, others);
  input.required = Boolean(option.required);
  input.name = option.name;
  const node = el("label", { class: "field" },
    el("span", { class: "field-name" }, option.name, option.required && el("span", { class: "required", title: "required" }, " *"), el("span", { class: "muted" }, ` ${range(option)}`)),
    control, el("span", { class: "muted field-help" }, option.description));
  return { node, input, read, option };
}

/** "0 to 2" for numbers, "up to 100 characters" for texts with a bound. */
function range({ min_value: least, max_value: most, min_length: shortest, max_length: longest }) {
  if (least !== undefined && most !== undefined) return `${least} to ${most}`;
  if (least !== undefined) return `at least ${least}`;
  if (most !== undefined) return `at most ${most}`;
  if (longest !== undefined) return shortest ? `${shortest} to ${longest} characters` : `up to ${longest} characters`;
  return shortest ? `at least ${shortest} characters` : "";
}

function controlOf(command, option, others) {
  if (option.choices?.length) return choice(option.choices, option);
  if (option.autocomplete) return completed(command, option, others);
  const here = { channel_id: state.current };
  switch (option.type) {
    case OPTION.integer: return numeric(option, "1");
    case OPTION.number: return numeric(option, "any");
    case OPTION.boolean: return choice([{ name: "True", value: true }, { name: "False", value: false }], option);
    case OPTION.user: return choice(asChoices(userOptions()), option);
    case OPTION.role: return choice(asChoices(roleOptions(here)), option);
    case OPTION.mentionable: return choice(asChoices([...userOptions(), ...roleOptions(here)]), option);
    case OPTION.channel: return choice(asChoices(channelOptions(here, option.channel_types)), option);
    case OPTION.attachment: return upload();
    default: return words(option);
  }
}

function asChoices(options) {
  return options.map(({ label, value }) => ({ name: label, value }));
}

/** The value sent is the choice's own (a number stays a number), so the option's index is kept in the page. */
function choice(choices, option) {
  const select = el("select", {}, el("option", { value: "" }, option.required ? "Choose …" : "–"), choices.map((one, index) => el("option", { value: String(index) }, one.name)));
  return [select, select, () => choices[Number(select.value === "" ? -1 : select.value)]?.value];
}

function numeric(option, step) {
  const input = el("input", { type: "number", step, min: option.min_value, max: option.max_value, inputmode: step === "1" ? "numeric" : "decimal", autocomplete: "off" });
  return [input, input, () => (input.value === "" ? undefined : Number(input.value))];
}

function words(option) {
  const input = el("input", { type: "text", minlength: option.min_length, maxlength: option.max_length ?? 6000, autocomplete: "off" });
  return [input, input, () => input.value || undefined];
}

function upload() {
  const input = el("input", { type: "file" });
  return [input, input, () => input.files[0]];
}

/** A text input that asks the bot for suggestions. What is sent is the value of the suggestion, not the name that it shows. */
function completed(command, option, others) {
  const input = el("input", { type: "text", autocomplete: "off", inputmode: option.type === OPTION.string ? "text" : "decimal" });
  const list = new Listbox(input, `Suggestions for ${option.name}`);
  let chosen = null;
  let timer = 0;
  const pick = (one) => { chosen = one; input.value = one.name; };
  const suggest = async () => {
    const asked = input.value;
    try {
      const { choices } = await api.autocomplete(state.current, { name: command.path, options: others(option.name), focused: option.name, value: asked, as: state.speaker });
      // An answer to what was typed before, or after the person went on, is worth nothing.
      if (input.value === asked && document.activeElement === input) list.show((choices ?? []).map((one) => ({ label: one.name, detail: one.name === String(one.value) ? "" : String(one.value), pick: () => pick(one) })));
    } catch {
      list.hide(); // suggestions are a convenience: the value can be typed without them
    }
  };
  const later = () => { clearTimeout(timer); timer = setTimeout(suggest, AUTOCOMPLETE_MS); };
  input.addEventListener("input", () => { chosen = null; later(); });
  input.addEventListener("focus", later);
  input.addEventListener("keydown", (event) => list.key(event));
  const typed = () => (option.type === OPTION.string || Number.isNaN(Number(input.value)) ? input.value : Number(input.value));
  return [el("span", { class: "completed" }, input, list.node), input, () => (input.value === "" ? undefined : chosen?.value ?? typed())];
}
