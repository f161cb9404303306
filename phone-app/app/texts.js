/** The words on the screen, in the customer's language. They come from the server's own language files. */

/**
 * The institution as the app sees it.
 * @typedef {object} Institution
 * @property {string} id
 * @property {string} service_id
 * @property {{ja: string, en: string}} name
 * @property {string} color  `#rrggbb`
 * @property {{phone?: string}} [contact]
 * @property {{phone?: string}} [emergency]  the desk that answers at all hours; not sent by older servers
 * @property {string} [portal]  where the use is started; not sent by older servers
 */

/** @typedef {"ja" | "en"} Language */

/**
 * `/app/config.json`. What may be missing was not yet sent by older servers.
 * @typedef {object} Config
 * @property {Institution} institution
 * @property {Record<Language, Record<string, string>>} texts
 * @property {string} [zone]                the institution's time zone, by its IANA name
 * @property {number} [start_tries]         how often a start password may be tried
 * @property {number} [expiry_notice_days]  from how many days before its end on a token says so
 */

/** The texts of one language at a time, and moments as the institution's papers and mails tell them. */
export class Texts {
  /**
   * @param {Config["texts"]} texts
   * @param {Language} language
   * @param {string} [zone]
   */
  constructor(texts, language, zone = "Asia/Tokyo") {
    this.texts = texts;
    this.language = language;
    this.calendar = calendarOf(zone);
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

  /**
   * A moment to the second.
   * @param {number} at
   * @returns {string}
   */
  moment(at) {
    const { hour, minute, second } = this.#parts(at);
    return this.language === "ja"
      ? `${this.date(at)} ${hour}時${minute}分${second}秒`
      : `${this.date(at)}, ${hour}:${minute}:${second}`;
  }

  /**
   * A day.
   * @param {number} at
   * @returns {string}
   */
  date(at) {
    const { year, month, day } = this.#parts(at);
    return this.language === "ja" ? `${year}年${month}月${day}日` : `${day} ${MONTHS[Number(month) - 1]} ${year}`;
  }

  /**
   * The time of a day.
   * @param {number} at
   * @returns {string}
   */
  time(at) {
    const { hour, minute } = this.#parts(at);
    return this.language === "ja" ? `${hour}時${minute}分` : `${hour}:${minute}`;
  }

  /** @param {number} at */
  #parts(at) {
    const found = Object.fromEntries(this.calendar.formatToParts(at).map(({ type, value }) => [type, value]));
    const { year = "", month = "", day = "", hour = "", minute = "", second = "" } = found;
    return { year, month, day, hour, minute, second };
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
 * The calendar of a zone, wherever the phone travels: deadlines on paper and in mails are the institution's own.
 * @param {string} timeZone
 */
function calendarOf(timeZone) {
  try {
    return new Intl.DateTimeFormat("en", { ...CALENDAR, timeZone });
  } catch {
    // A browser older than the zone's name. The phone's own zone is most likely the same, and the app must start.
    return new Intl.DateTimeFormat("en", CALENDAR);
  }
}

/** @type {Intl.DateTimeFormatOptions} */
const CALENDAR = {
  calendar: "gregory",
  numberingSystem: "latn",
  hourCycle: "h23",
  year: "numeric",
  month: "numeric",
  day: "numeric",
  hour: "2-digit",
  minute: "2-digit",
  second: "2-digit",
};

// Written out here: what Intl calls a month differs between browsers' own data.
const MONTHS = [
  "January", "February", "March", "April", "May", "June",
  "July", "August", "September", "October", "November", "December",
];
