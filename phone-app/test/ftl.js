/** Reads the few Fluent forms the phone's texts use, the way the server turns them into /app/config.json. */

import { readFileSync } from "node:fs";

/** The messages of one language: key → pattern as written. */
export function messages(language) {
  const path = new URL(`../../crates/server/locales/${language}/phone.ftl`, import.meta.url);
  const lines = readFileSync(path, "utf8").split("\n");
  const entries = lines.filter((line) => line !== "" && !line.startsWith("#")).map((line) => {
    const found = /^([a-z][a-z0-9-]*) = (\S.*)$/.exec(line);
    if (found === null) {
      throw new Error(`not a message on one line: ${line}`);
    }
    return [found[1], found[2]];
  });
  const keys = entries.map(([key]) => key);
  const twice = keys.filter((key, at) => keys.indexOf(key) !== at);
  if (twice.length > 0) {
    throw new Error(`said twice: ${twice}`);
  }
  return Object.fromEntries(entries);
}

/** The texts as the app receives them: the institution's values filled in, the rest as {name}. */
export function resolved(language, institution) {
  const all = messages(language);
  const { name, contact, emergency } = institution;
  const values = {
    bank: name[language],
    contact: contact.name,
    phone: contact.phone,
    emergency: emergency.name,
    "emergency-phone": emergency.phone,
  };
  const fill = (pattern) =>
    pattern
      .replace(/\{ \$([a-z-]+) \}/g, (_, name) => values[name] ?? `{${name}}`)
      .replace(/\{ ([a-z-]+) \}/g, (_, key) => fill(all[key]));
  return Object.fromEntries(Object.entries(all).map(([key, pattern]) => [key, fill(pattern)]));
}

/** The names of a pattern's placeables. */
export function placeables(pattern) {
  return [...pattern.matchAll(/\{ \$([a-z-]+) \}/g)].map(([, name]) => name).sort();
}
