/** The words on the screen, in the customer's language. They come from the server's own language files. */

/**
 * The institution as the app sees it.
 * @typedef {object} Institution
 * @property {string} id
 * @property {string} service_id
 * @property {{ja: string, en: string}} name
 * @property {string} color  `#rrggbb`
 * @property {{phone?: string}} [contact]
 */

/** @typedef {"ja" | "en"} Language */

/**
 * `/app/config.json`. `start_tries` is the institution's number of tries for a start password.
 * @typedef {{institution: Institution, texts: Record<Language, Record<string, string>>, start_tries?: number}} Config
 */

/** The texts of one language at a time. */
export class Texts {
  /**
   * @param {Config["texts"]} texts
   * @param {Language} language
   */
  constructor(texts, language) {
    this.texts = texts;
    this.language = language;
  }

  /**
   * A text with its placeables filled in. A missing one shows its key: ugly, but never an empty page.
   * @param {string} key
   * @param {Record<string, string | number>} [values]
   * @returns {string}
   */
  of(key, values = {}) {
    const text = this.texts[this.language][key] ?? key;
    return text.replace(/\{(\w+)\}/g, (whole, name) => String(values[name] ?? whole));
  }
}

/**
 * The language to begin with: the one chosen before, else English for English phones, else Japanese.
 * @param {string | null} chosen
 * @param {string} phoneLanguage
 * @returns {Language}
 */
export function languageOf(chosen, phoneLanguage) {
  if (chosen === "ja" || chosen === "en") {
    return chosen;
  }
  return /^en\b/i.test(phoneLanguage) ? "en" : "ja";
}

/**
 * Digits in groups of four, as they are printed everywhere.
 * @param {string} digits
 * @returns {string}
 */
export function inFours(digits) {
  return digits.replace(/(.{4})(?=.)/g, "$1 ");
}

/**
 * A moment to the second in the institution's zone.
 * @param {Language} language
 * @param {number} at
 * @returns {string}
 */
export function momentText(language, at) {
  const { hour, minute, second } = parts(at);
  return language === "ja"
    ? `${dateText(language, at)} ${hour}時${minute}分${second}秒`
    : `${dateText(language, at)}, ${hour}:${minute}:${second}`;
}

/**
 * A day in the institution's zone.
 * @param {Language} language
 * @param {number} at
 * @returns {string}
 */
export function dateText(language, at) {
  const { year, month, day } = parts(at);
  return language === "ja"
    ? `${year}年${month}月${day}日`
    : `${day} ${MONTHS[Number(month) - 1]} ${year}`;
}

/**
 * The time of a day in the institution's zone.
 * @param {Language} language
 * @param {number} at
 * @returns {string}
 */
export function timeText(language, at) {
  const { hour, minute } = parts(at);
  return language === "ja" ? `${hour}時${minute}分` : `${hour}:${minute}`;
}

/** @param {number} at */
function parts(at) {
  const found = Object.fromEntries(CALENDAR.formatToParts(at).map(({ type, value }) => [type, value]));
  const { year = "", month = "", day = "", hour = "", minute = "", second = "" } = found;
  return { year, month, day, hour, minute, second };
}

// The institution's zone, wherever the phone travels: the deadlines on paper and in mails are its own.
const CALENDAR = new Intl.DateTimeFormat("en", {
  timeZone: "Asia/Tokyo",
  calendar: "gregory",
  numberingSystem: "latn",
  hourCycle: "h23",
  year: "numeric",
  month: "numeric",
  day: "numeric",
  hour: "2-digit",
  minute: "2-digit",
  second: "2-digit",
});

// Written out here: what Intl calls a month differs between browsers' own data.
const MONTHS = [
  "January", "February", "March", "April", "May", "June",
  "July", "August", "September", "October", "November", "December",
];
