/** The calls to the server. Owns how an answer becomes a value or a Refusal; decides nothing. */

/**
 * Why something could not be done, as far as the customer's next act differs.
 * @typedef {"invalid" | "refused" | "other-phone" | "offline" | "many" | "busy" | "failed" | "store"} Reason
 */

/** A failure with its reason; each reason has its one text. */
export class Refusal extends Error {
  /**
   * @param {Reason} reason
   * @param {{fields?: string[], waitSeconds?: number | null, status?: number | null, cause?: unknown}} [more]
   */
  constructor(reason, { fields = [], waitSeconds = null, status = null, cause } = {}) {
    super(reason, { cause });
    this.reason = reason;
    /** The names of the fields to look at again. */
    this.fields = fields;
    /** How long the server asks to wait. */
    this.waitSeconds = waitSeconds;
    /** The status of the server's answer; null when there was none. */
    this.status = status;
  }
}

/**
 * Asks the server; throws a Refusal for every answer but a good one.
 * @param {typeof globalThis.fetch} fetch
 * @param {string} path
 * @param {unknown} [body] sent as JSON by POST; without it the call is a GET
 * @returns {Promise<unknown>} the answer's JSON; null when it has no content
 */
export async function ask(fetch, path, body) {
  const answer = await send(fetch, path, body);
  if (!answer.ok) {
    throw await refusalOf(answer);
  }
  if (answer.status === 204) {
    return null;
  }
  try {
    return await answer.json();
  } catch (cause) {
    // The connection broke inside the body, or a captive portal answered in the server's place.
    throw new Refusal("offline", { cause });
  }
}

/**
 * @param {typeof globalThis.fetch} fetch
 * @param {string} path
 * @param {unknown} body
 */
async function send(fetch, path, body) {
  /** @type {RequestInit} */
  const options = { cache: "no-store", credentials: "omit", redirect: "error" };
  if (body !== undefined) {
    options.method = "POST";
    options.headers = { "content-type": "application/json" };
    options.body = JSON.stringify(body);
  }
  try {
    return await fetch(path, { ...options, signal: AbortSignal.timeout(PATIENCE) });
  } catch (cause) {
    throw new Refusal("offline", { cause });
  }
}

/** @param {Response} answer */
async function refusalOf(answer) {
  const problem = await answer.json().catch(() => ({}));
  const { status } = answer;
  switch (problem?.code) {
    case "invalid_field":
      return new Refusal("invalid", { status, fields: fieldNames(problem.fields) });
    case "forbidden":
      return new Refusal("refused", { status });
    case "gone":
      return new Refusal("other-phone", { status });
    case "too_many":
      return new Refusal("many", { status, waitSeconds: waitSeconds(answer) });
    case "overloaded":
      return new Refusal("busy", { status });
    default:
      // A proxy in front of a stopped server answers without a problem body.
      return new Refusal([502, 503, 504].includes(status) ? "busy" : "failed", { status });
  }
}

/**
 * @param {unknown} fields
 * @returns {string[]}
 */
function fieldNames(fields) {
  return Array.isArray(fields) ? fields.map((field) => String(field?.name)) : [];
}

/** @param {Response} answer */
function waitSeconds(answer) {
  const seconds = Number(answer.headers.get("retry-after"));
  return Number.isFinite(seconds) && seconds > 0 ? seconds : null;
}

// Longer than a bad connection in a train needs, shorter than a person's patience.
const PATIENCE = 20_000;
