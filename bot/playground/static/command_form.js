// The form of the chosen slash command, above the message box.

import * as api from "./api.js";
import { optionField, OPTION } from "./commands.js";
import { el, fill, iconButton } from "./dom.js";
import { noteInteraction, state } from "./state.js";

/** Shows the form in `holder`; `done(focus)` is called when it was sent or given up, `trouble(words)` with what is wrong. */
export function openCommandForm(holder, command, prefill, { done, trouble }) {
  const fields = command.options.map((option) => optionField(command, option, (except) => valuesOf(fields, except)));
  const close = () => { fill(holder); holder.hidden = true; done(); };
  const run = el("button", { type: "submit", class: "button primary" }, "Run ↵");
  const form = el("form", { class: "command-form", novalidate: true, "aria-label": `Command ${command.path}` },
    el("div", { class: "command-head" }, el("b", {}, `/${command.path}`), el("span", { class: "muted" }, command.description), iconButton("close", "Leave the command", close)),
    el("div", { class: "fields" }, fields.map((field) => field.node)), el("div", { class: "command-foot" }, el("span", { class: "muted" }, fields.length ? "Enter runs it (in a menu Ctrl+Enter), Esc leaves it" : "This command takes no options"), run));
  form.addEventListener("keydown", (event) => {
    if (event.key === "Escape") close();
    else if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) form.requestSubmit(); // Enter alone opens a menu
    else return;
    event.preventDefault();
  });
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    submit(command, fields, run, { close, trouble });
  });
  fill(holder, form);
  holder.hidden = false;
  start(fields, run, prefill);
}

/** What was typed after the command's name goes into its first text option. */
function start(fields, run, prefill) {
  const text = fields.find((field) => field.option.type === OPTION.string && field.input.tagName === "INPUT");
  if (prefill && text) text.input.value = prefill;
  const empty = fields.find((field) => field.option.required && !field.input.value);
  (empty ?? (prefill ? text : null) ?? fields[0])?.input.focus();
  if (!fields.length) run.focus();
}

async function submit(command, fields, run, { close, trouble }) {
  const wrong = fields.find((field) => !field.input.checkValidity());
  if (wrong) {
    trouble(`${wrong.option.name}: ${wrong.input.validationMessage}`);
    return wrong.input.focus();
  }
  run.disabled = true;
  try {
    await call(state.current, { name: command.path, ...withFiles(valuesOf(fields)) });
    trouble("");
    close();
  } catch (error) {
    run.disabled = false;
    trouble(error.message);
  }
}

/** Files go beside the JSON; the option then holds the number of its file. */
function withFiles(options) {
  const files = [];
  for (const [name, value] of Object.entries(options)) if (value instanceof File) options[name] = files.push(value) - 1;
  return { options, files };
}

function valuesOf(fields, except) {
  const filled = fields.filter((field) => field.option.name !== except).map((field) => [field.option.name, field.read()]);
  return Object.fromEntries(filled.filter(([, value]) => value !== undefined));
}

/** Sends a command to the bot and remembers it until its answer shows. */
export async function call(channel, { name, options = {}, files, target }) {
  const { interaction_id: id } = await api.command(channel, { name, options, as: state.speaker, ...(target ? { target_id: target } : {}) }, files);
  noteInteraction(id, { state: "sent", channel_id: channel, name, ...state.interactions.get(id), kind: "command" });
}
