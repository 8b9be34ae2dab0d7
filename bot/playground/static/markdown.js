// Discord's Markdown -> a tree of plain objects. No DOM here; markdown_view.js draws it.
//
// Discord parses with simple-markdown and its own rules, and not with CommonMark: no tables, no pictures, no rules, no HTML; only
// three heading levels; an unclosed fence or star stays as text. The expressions below follow those rules, because what the page
// shows must be what Discord would show. Each is matched against the beginning of what is left of the text.

const MAX_DEPTH = 24;

const BULLET = "(?:[*-]|\\d+\\.)";
const LIST = new RegExp(`^( *)(${BULLET}) [\\s\\S]+?(?:\\n(?! )(?!\\1${BULLET} )\\n*|\\s*$)`);
const LIST_ITEM = new RegExp(`( *)${BULLET} +[^\\n]*(?:\\n(?!\\1${BULLET} )[^\\n]*)*(?:\\n|$)`, "g");
const LIST_PREFIX = new RegExp(`^ *(${BULLET}) +`);

const EM = /^\b_((?:__|\\[\s\S]|[^\\_])+?)_\b|^\*(?=\S)((?:\*\*|\\[\s\S]|\s+(?:\\[\s\S]|[^\s*\\]|\*\*)|[^\s*\\])+?)\*(?!\*)/;
const STRONG = /^\*\*((?:\\[\s\S]|[^\\])+?)\*\*(?!\*)/;
const UNDERLINE = /^__((?:\\[\s\S]|[^\\])+?)__(?!_)/;

// A rule: the pattern, what it makes (null: not this time), and whether it holds only at the beginning of a line.
const RULES = [
  { pattern: /^\\([^0-9A-Za-z\s])/, make: (m) => text(m[1]) },
  { pattern: /^```(?:([a-z0-9_+\-.#]+?)\n)?\n*([^\n][\s\S]*?)\n*```\n?/i, make: (m) => ({ type: "fence", language: m[1] ?? "", code: m[2] }) },
  { line: true, pattern: /^ *>>> +([\s\S]*)|^ *>(?!>>) [^\n]*(?:\n *>(?!>>) [^\n]*)*\n?/, make: quote },
  { line: true, pattern: /^ *(#{1,3}) +((?:\\#|[^\n])+?)#*\s*?(?:\n|$)/, make: (m, inside) => ({ type: "heading", level: m[1].length, children: inside(m[2].trim()) }) },
  { line: true, pattern: /^-# +([^\n]+?) *(?:\n|$)/, make: (m, inside) => ({ type: "small", children: inside(m[1]) }) },
  { line: true, pattern: LIST, make: list },
  { pattern: /^<(https?:\/\/[^\s>]+)>/, make: (m, inside, context) => context.link ? null : link(m[1], [text(m[1])]) },
  { pattern: /^https?:\/\/[^\s<]+[^<.,:;"'\]\s]/, make: bareLink },
  { pattern: /^\[((?:\[[^\]]*\]|[^[\]]|\](?=[^[]*\]))*)\]\(\s*<?((?:\([^)]*\)|[^\s\\]|\\.)*?)>?(?:\s+['"]([\s\S]*?)['"])?\s*\)/, make: maskedLink },
  { pattern: /^\|\|([\s\S]+?)\|\|/, make: (m, inside) => ({ type: "spoiler", children: inside(m[1]) }) },
  { match: longestEmphasis, make: (m, inside) => ({ type: m.kind, children: inside(m[1] ?? m[2]) }) },
  { pattern: /^~~([\s\S]+?)~~(?!_)/, make: (m, inside) => ({ type: "strike", children: inside(m[1]) }) },
  { pattern: /^(`+)([\s\S]*?[^`])\1(?!`)/, make: (m) => ({ type: "code", code: m[2].replace(/^ (?= *`)|(` *) $/g, "$1") }) },
  { pattern: /^<@!?(\d+)>/, make: (m) => ({ type: "user", id: m[1] }) },
  { pattern: /^<@&(\d+)>/, make: (m) => ({ type: "role", id: m[1] }) },
  { pattern: /^<#(\d+)>/, make: (m) => ({ type: "channel", id: m[1] }) },
  { pattern: /^<\/([^:>\n]{1,100}):(\d+)>/, make: (m) => ({ type: "command", name: m[1] }) },
  { pattern: /^@(everyone|here)\b/, make: (m) => ({ type: "everyone", name: m[1] }) },
  { pattern: /^<t:(-?\d{1,13})(?::([tTdDfFsSR]))?>/, make: (m) => ({ type: "time", seconds: Number(m[1]), style: m[2] ?? "f" }) },
  { pattern: /^<(a?):(\w{2,32}):(\d{15,21})>/, make: (m) => ({ type: "emoji", name: m[2], id: m[3] }) },
  { pattern: /^(?:\n|[^\n]+?(?=[^0-9A-Za-z\s\u00c0-\uffff]|\n|https?:\/\/|$))/, make: (m) => text(m[0]) },
];

/**
 * The text as a list of nodes: {type, children} or {type, …} for leaves; {type: "text", text} for the rest.
 * Joined again, the texts lose nothing but the marks.
 */
export function parse(source, context = { depth: 0 }) {
  if (context.depth > MAX_DEPTH) return [text(source)];
  const found = [];
  for (let at = 0; at < source.length;) {
    const [match, node] = step(source.slice(at), startsLine(source, at), context);
    add(found, node);
    at += match[0].length;
  }
  return found;
}

function step(rest, atLine, context) {
  for (const rule of RULES) {
    if (rule.line && !atLine) continue;
    const match = rule.match ? rule.match(rest) : rule.pattern.exec(rest);
    if (!match || !match[0]) continue;
    const inside = (source, more = {}) => parse(source, { ...context, ...more, depth: context.depth + 1 });
    const node = rule.make(match, inside, context);
    if (node) return [match, node];
  }
  return [[rest[0]], text(rest[0])];
}

function startsLine(source, at) {
  return at === 0 || source[at - 1] === "\n";
}

function add(found, node) {
  const last = found.at(-1);
  if (node.type === "text" && last?.type === "text") last.text += node.text;
  else found.push(node);
}

function text(value) {
  return { type: "text", text: value };
}

function link(url, children) {
  return { type: "link", url, children };
}

/** Of *, ** and __ the one that reaches farthest wins, so that ***both*** and __*mixed*__ nest as in Discord. */
function longestEmphasis(rest) {
  let best = null;
  for (const [kind, pattern] of [["em", EM], ["strong", STRONG], ["underline", UNDERLINE]]) {
    const match = pattern.exec(rest);
    if (match && (!best || match[0].length > best[0].length)) best = Object.assign(match, { kind });
  }
  return best;
}

function quote(match, inside, context) {
  if (context.quote) return null; // Discord does not nest quotes
  const all = match[1] !== undefined;
  const body = all ? match[1] : match[0].replace(/\n$/, "").replace(/^ *> ?/gm, "");
  return { type: "quote", children: inside(body, { quote: true }) };
}

function list(match, inside) {
  const items = match[0].replace(/\n+$/, "").match(LIST_ITEM) ?? [];
  const first = Number.parseInt(match[2], 10);
  return {
    type: "list",
    start: Number.isNaN(first) ? null : first,
    items: items.map((item) => inside(itemBody(item))),
  };
}

function itemBody(item) {
  const prefix = LIST_PREFIX.exec(item);
  const indent = new RegExp(`^ {1,${prefix[0].length}}`, "gm");
  return item.slice(prefix[0].length).replace(indent, "").replace(/\n+$/, "");
}

function bareLink(match, inside, context) {
  if (context.link) return null;
  let url = match[0];
  // "(see https://example.org/a)": the last bracket belongs to the sentence, that of a …/Page_(name) to the address.
  while (url.endsWith(")") && count(url, ")") > count(url, "(")) url = url.slice(0, -1);
  match[0] = url;
  return link(url, [text(url)]);
}

function count(value, char) {
  return value.split(char).length - 1;
}

/** [text](url), for http(s) only. Discord shows the marks when the text is itself an address: it could lie about where it leads. */
function maskedLink(match, inside, context) {
  const [, label, url] = match;
  if (context.link || !label.trim() || !/^https?:\/\/\S+$/i.test(url) || /https?:\/\//i.test(label)) return null;
  return link(url, inside(label, { link: true }));
}
