// A list of suggestions at an input, worked with the arrow keys while the focus stays in the input (ARIA's combobox pattern).

import { el, fill } from "./dom.js";

let count = 0;

export class Listbox {
  /** `node` is the list: the caller puts it near its input. */
  constructor(input, label) {
    this.input = input;
    this.items = [];
    this.active = -1;
    this.node = el("ul", { class: "popup", role: "listbox", "aria-label": label, id: `listbox-${++count}`, hidden: true });
    input.setAttribute("aria-autocomplete", "list");
    input.setAttribute("aria-controls", this.node.id);
    input.setAttribute("aria-expanded", "false");
    if (input.tagName === "INPUT") input.setAttribute("role", "combobox");
    input.addEventListener("blur", () => this.hide());
  }

  get open() {
    return !this.node.hidden;
  }

  /** Shows items of {label, detail, mark, pick}; none hides the list. */
  show(items) {
    this.items = items;
    this.node.hidden = items.length === 0;
    fill(this.node, items.map((item, index) => this.#option(item, index)));
    this.input.setAttribute("aria-expanded", String(this.open));
    this.#activate(0);
  }

  hide() {
    this.show([]);
  }

  /** Handles a key if it concerns the list; true when it did. */
  key(event) {
    if (!this.open || event.isComposing) return false;
    const steps = { ArrowDown: 1, ArrowUp: -1 };
    if (steps[event.key]) this.#activate((this.active + steps[event.key] + this.items.length) % this.items.length);
    else if ((event.key === "Enter" && !event.shiftKey) || (event.key === "Tab" && !event.shiftKey)) this.#pick(this.active);
    else if (event.key === "Escape") this.hide();
    else return false;
    event.preventDefault();
    event.stopPropagation();
    return true;
  }

  #option(item, index) {
    const node = el("li", { role: "option", id: `${this.node.id}-${index}`, "aria-selected": "false" },
      item.mark, el("span", { class: "option-label" }, item.label), item.detail && el("span", { class: "option-detail" }, item.detail));
    // pointerdown, not click: the input must keep the focus, and blur would hide the list first.
    node.addEventListener("pointerdown", (event) => { event.preventDefault(); this.#pick(index); });
    node.addEventListener("pointermove", () => this.#activate(index));
    return node;
  }

  #activate(index) {
    this.node.children[this.active]?.setAttribute("aria-selected", "false");
    const node = this.node.children[index];
    this.active = node ? index : -1;
    node?.setAttribute("aria-selected", "true");
    node?.scrollIntoView({ block: "nearest" });
    if (node) this.input.setAttribute("aria-activedescendant", node.id);
    else this.input.removeAttribute("aria-activedescendant");
  }

  #pick(index) {
    const item = this.items[index];
    this.hide();
    item?.pick();
  }
}
