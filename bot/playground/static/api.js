// Everything this page says to the box and hears from it.

const RECONNECT_FIRST_MS = 500;
const RECONNECT_MOST_MS = 8000;

/** What the box refused, in words that a person can act on. */
export class Refused extends Error {
  constructor(message, { code = 0, status = 0 } = {}) {
    super(message);
    this.code = code;
    this.status = status;
  }
}

// The codes are Discord's; the box's own sentence follows where it says more.
const IN_WORDS = {
  10003: "This channel is gone.",
  10008: "This message is gone.",
  10062: "This is too old: the bot no longer knows of it.",
  40005: "The file is too large for Discord.",
  50001: "You cannot see this channel.",
  50005: "Only the author can edit a message.",
  50006: "There is nothing to send: write something or attach a file.",
  50007: "This person takes no direct messages.",
  50013: "You may not do that in this channel.",
};

async function ask(method, path, body) {
  const multipart = body instanceof FormData;
  let response;
  try {
    response = await fetch(`/page/${path}`, {
      method,
      headers: body === undefined || multipart ? {} : { "Content-Type": "application/json" },
      body: body === undefined || multipart ? body : JSON.stringify(body),
    });
  } catch {
    throw new Refused("The box does not answer. Is it still running?");
  }
  const answer = await response.json().catch(() => null);
  if (!response.ok) throw refusal(response, answer);
  return answer;
}

function refusal(response, answer) {
  const code = answer?.code ?? 0;
  const details = formErrors(answer?.errors).join(" ");
  const words = details || IN_WORDS[code] || answer?.message || `The box answered ${response.status} ${response.statusText}.`;
  return new Refused(words, { code, status: response.status });
}

/** Discord nests the errors of a form by field: {"content": {"_errors": [{"message"}]}} -> ["content: …"]. */
function formErrors(errors, path = "") {
  if (!errors || typeof errors !== "object") return [];
  const own = (errors._errors ?? []).map((error) => (path ? `${path}: ${error.message}` : error.message));
  const below = Object.entries(errors).filter(([name]) => name !== "_errors");
  return own.concat(below.flatMap(([name, inner]) => formErrors(inner, path ? `${path}.${name}` : name)));
}

/** JSON, or multipart as Discord takes it when there are files: payload_json and files[0], files[1] … */
function form(payload, files) {
  if (!files?.length) return payload;
  const data = new FormData();
  data.append("payload_json", JSON.stringify(payload));
  files.forEach((file, index) => data.append(`files[${index}]`, file, file.name));
  return data;
}

const by = (speaker) => (speaker ? `?as=${encodeURIComponent(speaker)}` : "");

export const world = () => ask("GET", "world");
export const messages = (channel) => ask("GET", `channels/${channel}/messages?limit=100`);
export const say = (channel, payload, files) => ask("POST", `channels/${channel}/messages`, form(payload, files));
export const edit = (channel, message, content, speaker) => ask("PATCH", `channels/${channel}/messages/${message}`, { content, as: speaker });
export const typing = (channel, speaker) => ask("POST", `channels/${channel}/typing`, { as: speaker });
export const remove = (channel, message, speaker) => ask("DELETE", `channels/${channel}/messages/${message}${by(speaker)}`);
export const command = (channel, payload, files) => ask("POST", `channels/${channel}/commands`, form(payload, files));
export const autocomplete = (channel, payload) => ask("POST", `channels/${channel}/autocomplete`, payload);
export const press = (channel, message, payload) => ask("POST", `channels/${channel}/messages/${message}/components`, payload);
export const submitModal = (interaction, payload) => ask("POST", `interactions/${interaction}/modal`, payload);

/**
 * Listens to the box for as long as the page is open. `onEvent(name, data)` for each event, `onLink(up, again)` when the link comes
 * and goes: `again` says that events may have been missed in between.
 */
export function listen(onEvent, onLink) {
  let wait = RECONNECT_FIRST_MS;
  let again = false;
  const connect = () => {
    const scheme = location.protocol === "https:" ? "wss" : "ws";
    const socket = new WebSocket(`${scheme}://${location.host}/page/events`);
    socket.addEventListener("open", () => {
      wait = RECONNECT_FIRST_MS;
      onLink(true, again);
      again = true;
    });
    socket.addEventListener("message", (event) => {
      const { t, d } = JSON.parse(event.data);
      onEvent(t, d);
    });
    socket.addEventListener("close", () => {
      onLink(false, again);
      again = true;
      setTimeout(connect, wait);
      wait = Math.min(wait * 2, RECONNECT_MOST_MS);
    });
  };
  connect();
}
