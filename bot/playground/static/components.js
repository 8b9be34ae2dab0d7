// What can be pressed and chosen under a message. Types and styles are numbers of Discord's.

import { el } from "./dom.js";
import { attachment, remotePicture } from "./media.js";
import { markdown, maybeLink } from "./markdown_view.js";
import { nameOf, names, state, THREADS, TYPE } from "./state.js";

const BUTTON_STYLES = { 1: "primary", 2: "secondary", 3: "success", 4: "danger", 5: "link" };

/**
 * One component as DOM. `act(custom_id, values)` is called when it is used; `busy` is the custom_id that waits for an answer now,
 * or null.
 */
export function component(data, message, act, busy) {
  const build = BUILD[data.type];
  if (!build) return el("p", { class: "muted" }, `A component of type ${data.type}, which this page does not draw.`);
  return build(data, message, act, busy);
}

const BUILD = {
  1: (data, ...rest) => el("div", { class: "component-row" }, inner(data.components, rest)),
  2: button,
  3: (data, message, act, busy) => select(data, act, busy, data.options ?? []),
  5: (data, message, act, busy) => select(data, act, busy, userOptions()),
  6: (data, message, act, busy) => select(data, act, busy, roleOptions(message)),
  7: (data, message, act, busy) => select(data, act, busy, [...userOptions(), ...roleOptions(message)]),
  8: (data, message, act, busy) => select(data, act, busy, channelOptions(message, data.channel_types)),
  // Discord's newer layout components.
  9: (data, ...rest) => el("div", { class: "section" }, el("div", {}, inner(data.components, rest)), data.accessory && component(data.accessory, ...rest)),
  10: (data) => el("div", { class: "content" }, markdown(data.content, names)),
  11: (data) => remotePicture(data.media?.url, data.description ?? ""),
  12: (data) => el("div", { class: "gallery" }, (data.items ?? []).map((item) => remotePicture(item.media?.url, item.description ?? ""))),
  13: (data) => attachment({ url: data.file?.url, filename: data.name ?? "file", size: data.size ?? 0 }),
  14: (data) => (data.divider === false ? el("div", { class: "gap" }) : el("hr")),
  17: container,
};

function inner(components, rest) {
  return (components ?? []).map((one) => component(one, ...rest));
}

function container(data, ...rest) {
  const node = el("div", { class: "embed" }, inner(data.components, rest));
  if (data.accent_color) node.style.borderInlineStartColor = `#${data.accent_color.toString(16).padStart(6, "0")}`;
  return node;
}

function button(data, message, act, busy) {
  const label = [data.emoji && el("span", { class: "button-emoji", "aria-hidden": data.label ? "true" : undefined }, emojiText(data.emoji)), data.label];
  if (data.style === 5) {
    const link = maybeLink(data.url, label, el("span", { "aria-hidden": "true" }, " ↗"));
    link.className = "button link";
    return link;
  }
  const waits = busy === data.custom_id;
  return el("button", {
    type: "button", class: `button ${BUTTON_STYLES[data.style] ?? "secondary"}${waits ? " busy" : ""}`,
    disabled: data.disabled || waits, "aria-busy": waits || undefined, dataset: { customId: data.custom_id ?? "" },
    onclick: () => act(data.custom_id),
  }, label);
}

function emojiText(emoji) {
  return emoji.id ? `:${emoji.name}:` : emoji.name;
}

/** A menu. One choice is sent as soon as it is made; several with a button. */
function select(data, act, busy, options) {
  const most = data.max_values ?? 1;
  const least = data.min_values ?? 1;
  const several = most > 1;
  const waits = busy === data.custom_id;
  const placeholder = data.placeholder || (several ? `Choose ${least} to ${most}` : "Make a selection");
  const node = el("select", { class: "menu", multiple: several, size: several ? Math.min(options.length, 6) : undefined, disabled: data.disabled || waits, "aria-label": placeholder },
    !several && el("option", { value: "", disabled: least > 0, selected: true }, placeholder),
    options.map((option) => selectOption(option, data.default_values)));
  if (!several) {
    node.addEventListener("change", () => act(data.custom_id, node.value ? [node.value] : []));
    return node;
  }
  return el("div", { class: "menu-several" }, el("span", { class: "muted" }, placeholder), node, apply(data, node, act, least, most, waits));
}

function selectOption(option, defaults = []) {
  const chosen = option.default || defaults.some((one) => one.id === option.value);
  const text = [option.emoji && emojiText(option.emoji), option.label, option.description && `— ${option.description}`].filter(Boolean).join(" ");
  return el("option", { value: option.value, selected: chosen }, text);
}

function apply(data, node, act, least, most, waits) {
  const done = el("button", { type: "button", class: "button primary", disabled: waits, onclick: () => act(data.custom_id, chosen()) }, "Apply");
  const chosen = () => [...node.selectedOptions].map((option) => option.value);
  const check = () => { done.disabled = waits || chosen().length < least || chosen().length > most; };
  node.addEventListener("change", check);
  check();
  return done;
}

export function userOptions() {
  return [...state.users.values()].map((user) => ({ value: user.id, label: nameOf(user) }));
}

/** The roles of the server in which the message, or the channel with this id, is. */
export function roleOptions({ channel_id: channel }) {
  return (state.channels.get(channel)?.guild?.roles ?? []).map((role) => ({ value: role.id, label: role.name }));
}

/** The channels of that server, of these types only if any are named. */
export function channelOptions({ channel_id: channel }, types) {
  const guild = state.channels.get(channel)?.guild;
  return [...state.channels.values()]
    .filter((one) => guild && one.guild?.id === guild.id && (types?.length ? types.includes(one.type) : one.type !== TYPE.category))
    .map((one) => ({ value: one.id, label: (THREADS.has(one.type) ? "› " : "#") + one.name }));
}
