// Colours for code, kept simple: comments, strings, numbers, keywords and names that are called. An unknown language stays plain.

import { el } from "./dom.js";

const C_LIKE = { comment: "//[^\\n]*|/\\*[\\s\\S]*?(?:\\*/|$)" };
const HASH = { comment: "#[^\\n]*" };

const words = (text) => new Set(text.split(" "));

const PYTHON = { ...HASH, string: '[rbfRBF]{0,2}(?:"""[\\s\\S]*?(?:"""|$)|\'\'\'[\\s\\S]*?(?:\'\'\'|$))', keywords: words("and as assert async await break case class continue def del elif else except False finally for from global if import in is lambda match None nonlocal not or pass raise return self True try while with yield") };
const SCRIPT = { ...C_LIKE, keywords: words("as async await break case catch class const continue debugger default delete do else enum export extends false finally for from function if implements import in instanceof interface let new null of private public readonly return static super switch this throw true try type typeof undefined var void while yield") };
const C = { ...C_LIKE, keywords: words("auto bool break case catch char class const constexpr continue default delete do double else enum explicit extern false final float for friend if include inline int long namespace new nullptr operator override private protected public return short signed sizeof static struct switch template this throw true try typedef typename union unsigned using virtual void volatile while std string vector package import extends implements boolean byte null instanceof super abstract interface") };
const GO = { ...C_LIKE, keywords: words("break case chan const continue default defer else fallthrough false for func go goto if import interface map nil package range return select struct switch true type var string int error bool byte") };
const RUST = { ...C_LIKE, keywords: words("as async await break const continue crate dyn else enum extern false fn for if impl in let loop match mod move mut pub ref return self Self static struct super trait true type unsafe use where while Some None Ok Err") };
const SHELL = { ...HASH, keywords: words("if then else elif fi for while do done case esac function in return export local set echo cd exit source sudo") };
const SQL = { comment: "--[^\\n]*", ignoreCase: true, keywords: words("select from where and or not null insert into values update set delete create table index view drop alter join left right inner outer on group by order having limit offset as distinct primary key references union all case when then else end in is like between") };
const DATA = { ...HASH, keywords: words("true false null yes no on off") };
const DIFF = { lines: true };

const LANGUAGES = {
  py: PYTHON, python: PYTHON, python3: PYTHON,
  js: SCRIPT, javascript: SCRIPT, mjs: SCRIPT, jsx: SCRIPT, ts: SCRIPT, typescript: SCRIPT, tsx: SCRIPT,
  c: C, h: C, cpp: C, "c++": C, cc: C, hpp: C, cs: C, "c#": C, csharp: C, java: C, kotlin: C, kt: C, swift: C,
  go: GO, golang: GO, rs: RUST, rust: RUST,
  sh: SHELL, bash: SHELL, shell: SHELL, zsh: SHELL, console: SHELL, rb: SHELL, ruby: SHELL,
  sql: SQL, json: DATA, yaml: DATA, yml: DATA, toml: DATA, ini: DATA, diff: DIFF, patch: DIFF,
};

const STRING = "\"(?:\\\\[\\s\\S]|[^\"\\\\\\n])*\"?|'(?:\\\\[\\s\\S]|[^'\\\\\\n])*'|`(?:\\\\[\\s\\S]|[^`\\\\])*`?";

/** The code as coloured nodes, or null for a language not known here. The text itself is kept to the letter. */
export function highlight(code, language) {
  const rules = LANGUAGES[language.toLowerCase()];
  if (!rules) return null;
  return rules.lines ? diffLines(code) : tokens(code, rules);
}

function tokens(code, rules) {
  const strings = rules.string ? `${rules.string}|${STRING}` : STRING;
  const pattern = new RegExp(`(?<comment>${rules.comment})|(?<string>${strings})|(?<number>\\b\\d[\\w.]*)|(?<word>[A-Za-z_$][\\w$]*)`, "g");
  const parts = [];
  let end = 0;
  for (const match of code.matchAll(pattern)) {
    const kind = kindOf(match, code, rules);
    if (!kind) continue;
    parts.push(code.slice(end, match.index), el("span", { class: `hl-${kind}` }, match[0]));
    end = match.index + match[0].length;
  }
  parts.push(code.slice(end));
  return parts;
}

function kindOf(match, code, rules) {
  const { comment, string, number, word } = match.groups;
  if (comment !== undefined) return "comment";
  if (string !== undefined) return "string";
  if (number !== undefined) return "number";
  if (rules.keywords.has(rules.ignoreCase ? word.toLowerCase() : word)) return "keyword";
  return code[match.index + word.length] === "(" ? "call" : null;
}

function diffLines(code) {
  return code.split(/(?<=\n)/).map((line) => {
    const kind = { "+": "added", "-": "removed", "@": "keyword" }[line[0]];
    return kind ? el("span", { class: `hl-${kind}` }, line) : line;
  });
}
