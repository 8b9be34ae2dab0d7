// Windows over the page: forms that the bot opens, and questions before something is lost.

import * as api from "./api.js";
import { el } from "./dom.js";
import { channelOptions, roleOptions, userOptions } from "./components.js";
import { markdown } from "./markdown_view.js";
import { forgetInteraction, names } from "./state.js";

const PARAGRAPH = 2;

function open(title, body, buttons) {
  const dialog = el("dialog", { class: "dialog", "aria-label": title }, el("h2", {}, title), body, el("div", { class: "dialog-buttons" }, buttons));
  dialog.addEventListener("close", () => dialog.remove());
  document.body.append(dialog);
  dialog.showModal();
  return dialog;
}

/** Asks before something is lost; true when the person agrees. */
export function confirm(title, words, action) {
  return new Promise((settle) => {
    const yes = el("button", { type: "button", class: "button danger", autofocus: true, onclick: () => dialog.close("yes") }, action);
    const no = el("button", { type: "button", class: "button secondary", onclick: () => dialog.close() }, "Cancel");
    const dialog = open(title, el("p", {}, words), [no, yes]);
    dialog.addEventListener("close", () => settle(dialog.returnValue === "yes"));
  });
}

/** A form that the bot opened in answer to interaction `id`; sent back when the person submits it. */
export function modal(id, data, context) {
  const fields = (data.components ?? []).flatMap(fieldsOf).map((field) => modalField(field, context));
  const trouble = el("p", { class: "error", role: "alert" });
  const send = el("button", { class: "button primary", type: "submit" }, "Submit");
  const cancel = el("button", { class: "button secondary", type: "button", onclick: () => dialog.close() }, "Cancel");
  const form = el("form", { id: `modal-${id}` }, fields.map((field) => field.node), trouble);
  send.setAttribute("form", form.id);
  const dialog = open(data.title ?? "Form", form, [cancel, send]);
  dialog.addEventListener("close", () => forgetInteraction(id));
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    send.disabled = true;
    try {
      await api.submitModal(id, { custom_id: data.custom_id, values: Object.fromEntries(fields.filter((field) => field.id).map((field) => [field.id, field.value()])) });
      dialog.close();
    } catch (error) {
      trouble.textContent = error.message;
      send.disabled = false;
    }
  });
}

/** Inputs stand in rows (their label is their own) or in labels (the label is around them). */
function fieldsOf(component) {
  if (component.type === 1) return component.components.flatMap(fieldsOf);
  if (component.type === 18) return [{ ...component.component, label: component.label, description: component.description }];
  return [component];
}

function modalField(field, context) {
  if (field.type === 10) return { node: el("div", { class: "content" }, markdown(field.content, names)) };
  const required = field.required ?? true;
  const input = field.type === 4 ? textInput(field, required) : choiceInput(field, required, context);
  const several = input.multiple;
  return {
    id: field.custom_id,
    value: () => (several ? [...input.selectedOptions].map((option) => option.value) : input.tagName === "SELECT" ? [input.value].filter(Boolean) : input.value),
    node: el("label", { class: "field" }, el("span", {}, field.label, required && el("span", { class: "required", title: "required" }, " *")),
      field.description && el("span", { class: "muted" }, field.description), input),
  };
}

function textInput(field, required) {
  const attributes = { name: field.custom_id, required, placeholder: field.placeholder, minlength: field.min_length, maxlength: field.max_length ?? 4000 };
  return field.style === PARAGRAPH
    ? el("textarea", { ...attributes, rows: 5, value: field.value ?? "" })
    : el("input", { ...attributes, type: "text", value: field.value ?? "" });
}

function choiceInput(field, required, context) {
  const options = { 5: userOptions, 6: () => roleOptions(context), 7: () => [...userOptions(), ...roleOptions(context)], 8: () => channelOptions(context, field.channel_types) }[field.type]?.() ?? field.options ?? [];
  const several = (field.max_values ?? 1) > 1;
  return el("select", { name: field.custom_id, required, multiple: several },
    !several && el("option", { value: "" }, field.placeholder ?? "Make a selection"),
    options.map((option) => el("option", { value: option.value, selected: option.default }, option.label)));
}
