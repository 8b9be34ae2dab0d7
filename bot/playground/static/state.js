// What the page knows of the world, and who hears of a change. Nothing is drawn here.

export const TYPE = { text: 0, dm: 1, voice: 2, category: 4, announcement: 5, announcementThread: 10, thread: 11, privateThread: 12, stage: 13, forum: 15, media: 16 };
export const THREADS = new Set([TYPE.announcementThread, TYPE.thread, TYPE.privateThread]);
export const FLAG = { ephemeral: 1 << 6, loading: 1 << 7 };

const TYPING_MS = 10_000; // Discord shows a typing event for ten seconds

export const state = {
  bot: null,
  you: null, // the person this page belongs to
  speaker: null, // the id of the person who speaks now
  online: false,
  remembers: false, // the bot has been in this box before the box was opened anew
  linked: true, // to the box
  guilds: [],
  commands: [],
  current: null, // the id of the channel that is shown
  users: new Map(),
  channels: new Map(), // id -> {id, name, type, parent_id, guild, recipient}
  messages: new Map(), // channel id -> messages, oldest first; only channels that were opened
  unread: new Map(), // channel id -> {count, pings}
  typing: new Map(), // channel id -> Map of user id -> end, in ms
  interactions: new Map(), // id -> {id, state, name, channel_id, message_id, custom_id}
};

const changes = new EventTarget();
const ended = new Set(); // interactions that are over: a late answer to the request must not revive them

/** Tells of a change: "world", "channel", "messages", "message", "gone", "unread", "typing", "interaction", "status", "speaker" … */
export function tell(name, detail) {
  changes.dispatchEvent(new CustomEvent(name, { detail }));
}

/** Calls `hear(detail)` whenever one of the changes (names separated by blanks) is told. */
export function on(names, hear) {
  for (const name of names.split(" ")) changes.addEventListener(name, (event) => hear(event.detail));
}

/** Takes over what GET /page/world said. */
export function takeWorld(world) {
  state.bot = world.bot;
  state.you = world.you;
  state.online = Boolean(world.online);
  state.remembers = Boolean(world.remembers);
  state.guilds = world.guilds ?? [];
  state.commands = world.commands ?? [];
  state.users = new Map([...(world.users ?? []), world.you, world.bot].filter(Boolean).map((user) => [user.id, user]));
  if (!state.users.has(state.speaker)) state.speaker = world.you?.id ?? null;
  state.channels = new Map();
  for (const guild of state.guilds) {
    for (const channel of [...(guild.channels ?? []), ...(guild.threads ?? [])]) state.channels.set(channel.id, { ...channel, guild });
  }
  for (const dm of world.dms ?? []) {
    state.channels.set(dm.id, { id: dm.id, name: null, type: TYPE.dm, parent_id: null, guild: null, recipient: dm.recipient });
  }
  tell("world");
}

/** People who can speak: everyone but bots. */
export function people() {
  return [...state.users.values()].filter((user) => !user.bot);
}

/** How a person is called: the name in the server if the message carries one, else the display name. */
export function nameOf(user, member) {
  return member?.nick || user?.global_name || user?.display_name || user?.username || "Unknown";
}

/** How a channel is called, without the sign in front. A DM is named after the other one: for a person that is the bot. */
export function channelName(channel) {
  if (channel.type !== TYPE.dm) return channel.name;
  const other = !channel.recipient || channel.recipient.id === state.speaker ? state.bot : channel.recipient;
  return nameOf(other);
}

/** The DMs of the one who speaks now. */
export function ownDms() {
  return [...state.channels.values()].filter((channel) => channel.type === TYPE.dm && isPartOf(channel, state.speaker));
}

function isPartOf(dm, person) {
  return !dm.recipient || dm.recipient.bot || dm.recipient.id === person;
}

export function setSpeaker(id) {
  state.speaker = id;
  tell("speaker");
}

export function setCurrent(id) {
  state.current = id;
  state.unread.delete(id);
  // The link may lead to someone else's DM: only its owner can speak there.
  const channel = state.channels.get(id);
  if (channel?.type === TYPE.dm && !isPartOf(channel, state.speaker)) setSpeaker(channel.recipient.id);
  tell("channel");
}

/** For markdown_view.js: what the ids in a text are called. */
export const names = {
  user: (id) => (state.users.has(id) ? { name: nameOf(state.users.get(id)) } : null),
  role: (id) => {
    const role = state.guilds.flatMap((guild) => guild.roles ?? []).find((one) => one.id === id);
    return role ? { name: role.name, colour: role.color ? `#${role.color.toString(16).padStart(6, "0")}` : null } : null;
  },
  channel: (id) => {
    const channel = state.channels.get(id);
    return channel ? { name: channelName(channel), href: `#${id}` } : null;
  },
};

/** Ids are numbers of 64 bits in text, and rise with time: the longer one is the later one. */
export function compareIds(a, b) {
  return a.length - b.length || (a < b ? -1 : Number(a > b));
}

export function setMessages(channel, list) {
  state.messages.set(channel, [...list].sort((a, b) => compareIds(a.id, b.id)));
  tell("messages", channel);
}

const APPLY = {
  MESSAGE_CREATE: addMessage,
  MESSAGE_UPDATE: changeMessage,
  MESSAGE_DELETE: (data) => removeMessages(data.channel_id, [data.id]),
  MESSAGE_DELETE_BULK: (data) => removeMessages(data.channel_id, data.ids),
  TYPING_START: startTyping,
  INTERACTION: (data) => noteInteraction(data.id, data),
  BOT_STATUS: (data) => { state.online = Boolean(data.online); tell("status"); },
  COMMANDS_UPDATE: (data) => { state.commands = data.commands ?? []; tell("commands"); },
};

/** Takes over one event. Whatever changes the list of channels is told as "stale": the world has to be asked for again. */
export function apply(name, data) {
  if (APPLY[name]) APPLY[name](data);
  else if (/^(CHANNEL|THREAD|GUILD|USER)_/.test(name)) tell("stale");
}

function addMessage(message) {
  const list = state.messages.get(message.channel_id);
  stopTyping(message.channel_id, message.author?.id);
  if (list?.some((one) => one.id === message.id)) return changeMessage(message);
  if (list) {
    list.push(message);
    list.sort((a, b) => compareIds(a.id, b.id));
  }
  if (message.author && !state.users.has(message.author.id)) state.users.set(message.author.id, message.author);
  countUnread(message);
  tell("message", { message, fresh: true });
}

function countUnread(message) {
  const read = message.channel_id === state.current && document.visibilityState === "visible";
  if (read || message.author?.id === state.speaker) return;
  const { count, pings } = state.unread.get(message.channel_id) ?? { count: 0, pings: 0 };
  const pinged = isPinged(message) || state.channels.get(message.channel_id)?.type === TYPE.dm;
  state.unread.set(message.channel_id, { count: count + 1, pings: pings + (pinged ? 1 : 0) });
  tell("unread");
}

/** Whether the one who speaks is notified by the message. */
export function isPinged(message) {
  return (message.pinged ?? []).includes(state.speaker);
}

function changeMessage(change) {
  const list = state.messages.get(change.channel_id);
  const known = list?.find((one) => one.id === change.id);
  if (!known) return;
  Object.assign(known, change);
  tell("message", { message: known, fresh: false });
}

export function removeMessages(channel, ids) {
  const list = state.messages.get(channel);
  if (!list) return;
  state.messages.set(channel, list.filter((message) => !ids.includes(message.id)));
  tell("gone", { channel, ids });
}

function startTyping({ channel_id: channel, user_id: user }) {
  if (!state.typing.has(channel)) state.typing.set(channel, new Map());
  state.typing.get(channel).set(user, Date.now() + TYPING_MS);
  setTimeout(() => tell("typing"), TYPING_MS + 50);
  tell("typing");
}

function stopTyping(channel, user) {
  if (state.typing.get(channel)?.delete(user)) tell("typing");
}

/** Who types in the channel now. */
export function typists(channel) {
  const now = Date.now();
  return [...(state.typing.get(channel) ?? [])].filter(([id, end]) => end > now && id !== state.speaker).map(([id]) => state.users.get(id)).filter(Boolean);
}

/** Remembers what became of an interaction. The request's answer and the events about it may come in either order. */
export function noteInteraction(id, more) {
  if (ended.has(id)) return;
  const known = { ...state.interactions.get(id), ...more, id };
  state.interactions.set(id, known);
  tell("interaction", known);
}

export function forgetInteraction(id) {
  ended.add(id);
  state.interactions.delete(id);
  tell("interaction", { id });
}
