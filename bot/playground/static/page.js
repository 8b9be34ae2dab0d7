// "Discord in a box": the page one talks to the bot through. This file starts the parts and keeps them up to date with the box.

import * as api from "./api.js";
import { focusInput, startComposer } from "./composer.js";
import { modal } from "./dialogs.js";
import { reload, startMessages } from "./messages.js";
import { startSidebar } from "./sidebar.js";
import { apply, forgetInteraction, nameOf, on, ownDms, setCurrent, state, takeWorld, tell, TYPE } from "./state.js";

const STALE_MS = 100; // several channels made at once are asked for once

const banner = document.getElementById("banner");

let staleTimer = 0;

async function start() {
  startSidebar();
  startMessages();
  startComposer();
  on("stale", () => { clearTimeout(staleTimer); staleTimer = setTimeout(refreshWorld, STALE_MS); });
  on("interaction", followInteraction);
  on("status world", drawBanner);
  addEventListener("hashchange", followHash);
  document.addEventListener("visibilitychange", markRead);
  document.getElementById("skip").addEventListener("click", (event) => { event.preventDefault(); focusInput(); });
  await refreshWorld();
  api.listen(apply, onLink);
}

/** Asks for the world again, and stays in the channel that is shown. */
async function refreshWorld() {
  try {
    takeWorld(await api.world());
    if (!state.channels.has(state.current)) followHash();
  } catch (error) {
    tell("trouble", error.message);
  }
}

/** The address names the channel (#id), so that a place can be linked. */
function followHash() {
  const asked = decodeURIComponent(location.hash.slice(1));
  const id = state.channels.has(asked) ? asked : firstChannel();
  if (id && id !== asked) history.replaceState(null, "", `#${id}`);
  if (id !== state.current || !id) setCurrent(id);
}

function firstChannel() {
  const texts = [...state.channels.values()].filter((channel) => channel.type === TYPE.text);
  return (texts[0] ?? ownDms()[0])?.id ?? null;
}

async function onLink(up, again) {
  state.linked = up;
  drawBanner();
  if (!up || !again) return;
  await refreshWorld();
  await reload();
}

function drawBanner() {
  const bot = nameOf(state.bot);
  const words = !state.linked ? "The link to the box is lost. Trying again …" : !state.online && state.bot ? `${bot} is offline and does not hear what is written now.` : "";
  banner.hidden = !words;
  banner.textContent = words;
}

function markRead() {
  if (document.visibilityState === "visible" && state.unread.delete(state.current)) tell("unread");
}

/** What an interaction's end asks of the page: a form to open, or an entry to forget. Failures stay until they are dismissed. */
function followInteraction({ id, state: reached, modal: form, channel_id: channel, opened }) {
  if (reached === "answered") queueMicrotask(() => forgetInteraction(id));
  if (reached !== "modal" || !form || opened) return;
  state.interactions.get(id).opened = true;
  modal(id, form, { channel_id: channel });
}

start();
