/** What the phone keeps: tokens, activations under way and settings, in IndexedDB. Nothing here ever leaves the phone. */

/** @typedef {import("./keys.js").DeviceKeys} DeviceKeys */
/** @typedef {import("./keys.js").TokenKeys} TokenKeys */
/** @typedef {import("./oath.js").PasscodeRule} PasscodeRule */

/**
 * One token. Times are milliseconds since 1970 by the server's clock.
 * `deviceKey` signs everything after activation; the ECDH pair is not part of a token.
 * @typedef {object} TokenRecord
 * @property {string} tokenId          `tok_…`, the record's key
 * @property {string} activationId     `act_…`
 * @property {string} issueId          `iss_…`
 * @property {string} institutionId    `ins_…`
 * @property {string} institutionName  as sent at activation
 * @property {string} serviceId        8 digits
 * @property {string} userId           12 digits
 * @property {PasscodeRule} passcode   how the digits are made
 * @property {TokenKeys} keys          three non-extractable keys
 * @property {CryptoKeyPair} deviceKey ECDSA P-256, private half non-extractable
 * @property {number} validUntil       the token's last moment
 * @property {number} startDeadline    until when its use must be started
 * @property {number} addedAt          when it was set up
 * @property {boolean} acknowledged    whether the server knows that it arrived, or wants to hear no more of it
 * @property {number} [number]         what the app calls it, for good: others do not change theirs when one is deleted
 * @property {string} [name]           what the customer calls it
 * @property {string} [state]          how it stood when the server was last asked
 * @property {boolean} [isStopped]     whether its customer was stopped then
 * @property {number} [refusedAt]      when the server last refused the acknowledgement, by the phone's own clock
 */

/**
 * An activation under way: the same two keys for each repeat with this user ID.
 * @typedef {object} PendingRecord
 * @property {string} id         service ID and user ID, the record's key
 * @property {DeviceKeys} keys
 * @property {number} startedAt  by the phone's own clock
 */

/**
 * What was learned of the clock: server time minus phone time, and when.
 * @typedef {{offset: number, checkedAt: number}} ClockRecord
 */

/**
 * All tokens, the oldest first.
 * @returns {Promise<TokenRecord[]>}
 */
export async function loadTokens() {
  /** @type {TokenRecord[]} */
  const tokens = await run("tokens", "readonly", (tokens) => tokens.getAll());
  return tokens.sort((a, b) => a.addedAt - b.addedAt || (a.tokenId < b.tokenId ? -1 : 1));
}

/**
 * Keeps a token under the next number; one with the same ID is replaced.
 * @param {TokenRecord} token
 * @returns {Promise<void>}
 */
export async function saveToken(token) {
  const transaction = (await database()).transaction("tokens", "readwrite", DURABLE);
  const tokens = transaction.objectStore("tokens");
  /** @type {IDBRequest<TokenRecord[]>} */
  const kept = tokens.getAll();
  kept.onsuccess = () => {
    const others = kept.result.filter(({ tokenId }) => tokenId !== token.tokenId);
    const number = Math.max(others.length, ...others.map((other) => other.number ?? 0)) + 1;
    tokens.put({ ...token, number: token.number ?? number });
  };
  await finished(transaction);
}

/**
 * Notes that the server knows the token has arrived, and forgets the delivery's keys in the same transaction.
 * @param {TokenRecord} token
 * @returns {Promise<void>}
 */
export async function settleToken(token) {
  const transaction = (await database()).transaction(["tokens", "pending"], "readwrite", DURABLE);
  const tokens = transaction.objectStore("tokens");
  /** @type {IDBRequest<TokenRecord | undefined>} */
  const kept = tokens.get(token.tokenId);
  kept.onsuccess = () => {
    // What was deleted meanwhile stays deleted.
    if (kept.result !== undefined) {
      tokens.put({ ...kept.result, acknowledged: true });
    }
  };
  transaction.objectStore("pending").delete(pendingId(token.serviceId, token.userId));
  await finished(transaction);
}

/**
 * Notes that the server refused a token's acknowledgement; one that another tab has settled meanwhile stays settled.
 * @param {string} tokenId
 * @param {number} refusedAt
 * @returns {Promise<void>}
 */
export function noteRefused(tokenId, refusedAt) {
  return changeToken(tokenId, (token) => (token.acknowledged ? token : { ...token, refusedAt }));
}

/**
 * Changes a token that is kept, from what is kept just now: another tab may have changed it meanwhile.
 * @param {string} tokenId
 * @param {(token: TokenRecord) => TokenRecord} change
 * @returns {Promise<void>}
 */
export async function changeToken(tokenId, change) {
  const transaction = (await database()).transaction("tokens", "readwrite", DURABLE);
  const tokens = transaction.objectStore("tokens");
  /** @type {IDBRequest<TokenRecord | undefined>} */
  const kept = tokens.get(tokenId);
  kept.onsuccess = () => {
    if (kept.result !== undefined) {
      tokens.put(change(kept.result));
    }
  };
  await finished(transaction);
}

/**
 * Deletes a token and its keys for good.
 * @param {string} tokenId
 * @returns {Promise<void>}
 */
export async function deleteToken(tokenId) {
  await run("tokens", "readwrite", (tokens) => tokens.delete(tokenId));
}

/**
 * How large the app's letters are, beside what the reader's browser says.
 * @typedef {"standard" | "large" | "largest"} TextSize
 */

/**
 * What the customer has set for the whole app.
 * @typedef {{isHidden: boolean, textSize: TextSize, lock: import("./lock.js").LockRecord | null}} Settings
 */

/**
 * The settings of who has set nothing.
 * @type {Settings}
 */
export const FIRST_SETTINGS = { isHidden: false, textSize: "standard", lock: null };

/**
 * The customer's settings.
 * @returns {Promise<Settings>}
 */
export async function loadSettings() {
  const kept = await run("settings", "readonly", (settings) => settings.get("settings"));
  return { ...FIRST_SETTINGS, ...kept };
}

/**
 * Keeps the customer's settings.
 * @param {Settings} settings
 * @returns {Promise<void>}
 */
export async function saveSettings(settings) {
  await run("settings", "readwrite", (kept) => kept.put(settings, "settings"));
}

/**
 * Makes these IDs' activation the one under way: with the keys that are kept already, or else with the given ones.
 * Where the IDs have led to a token, nothing is under way any more. One transaction looks at both, so that no tab ever
 * sends keys of its own: neither beside another tab nor after one that has finished and forgotten its delivery keys.
 * @param {string} serviceId
 * @param {string} userId
 * @param {DeviceKeys} fresh
 * @param {number} startedAt
 * @returns {Promise<TokenRecord | null>} the token that is here already; null when there is none
 */
export async function claimPending(serviceId, userId, fresh, startedAt) {
  const transaction = (await database()).transaction(["tokens", "pending"], "readwrite", DURABLE);
  const pending = transaction.objectStore("pending");
  const id = pendingId(serviceId, userId);
  /** @type {IDBRequest<TokenRecord[]>} */
  const tokens = transaction.objectStore("tokens").getAll();
  const present = () => tokens.result.find((token) => pendingId(token.serviceId, token.userId) === id);
  const count = pending.count(id);
  count.onsuccess = () => {
    // Asked after the tokens, so answered after them.
    if (present() === undefined && count.result === 0) {
      pending.put({ id, keys: fresh, startedAt });
    }
  };
  await finished(transaction);
  return present() ?? null;
}

/**
 * The keys of the activation under way for these IDs.
 * @param {string} serviceId
 * @param {string} userId
 * @returns {Promise<DeviceKeys | null>}
 */
export async function loadPending(serviceId, userId) {
  /** @type {PendingRecord | undefined} */
  const record = await run("pending", "readonly", (pending) => pending.get(pendingId(serviceId, userId)));
  return record?.keys ?? null;
}

/**
 * Forgets an activation that can never end well.
 * @param {string} serviceId
 * @param {string} userId
 * @returns {Promise<void>}
 */
export async function dropPending(serviceId, userId) {
  await run("pending", "readwrite", (pending) => pending.delete(pendingId(serviceId, userId)));
}

/**
 * What was last learned of the clock.
 * @returns {Promise<ClockRecord | null>}
 */
export async function loadClock() {
  return (await run("settings", "readonly", (settings) => settings.get("clock"))) ?? null;
}

/**
 * Keeps what was learned of the clock.
 * @param {ClockRecord} clock
 * @returns {Promise<void>}
 */
export async function saveClock(clock) {
  await run("settings", "readwrite", (settings) => settings.put(clock, "clock"));
}

/**
 * Closes the database; the next use opens it anew, from the disk.
 * @returns {Promise<void>}
 */
export async function closeDatabase() {
  const open = opened;
  opened = null;
  (await open)?.close();
}

/**
 * @template T
 * @param {"tokens" | "pending" | "settings"} name
 * @param {IDBTransactionMode} mode
 * @param {(store: IDBObjectStore) => IDBRequest<T>} ask
 * @returns {Promise<T>}
 */
async function run(name, mode, ask) {
  const transaction = (await database()).transaction(name, mode, DURABLE);
  const request = ask(transaction.objectStore(name));
  await finished(transaction);
  return request.result;
}

/**
 * @param {IDBTransaction} transaction
 * @returns {Promise<void>}
 */
function finished(transaction) {
  return new Promise((resolve, reject) => {
    transaction.oncomplete = () => resolve();
    transaction.onabort = () => reject(transaction.error ?? new Error("the transaction was aborted"));
  });
}

/** @returns {Promise<IDBDatabase>} */
function database() {
  opened ??= openDatabase().catch((error) => {
    opened = null;
    throw error;
  });
  return opened;
}

/** @returns {Promise<IDBDatabase>} */
function openDatabase() {
  return new Promise((resolve, reject) => {
    const request = indexedDB.open("warifu", 1);
    request.onupgradeneeded = () => {
      request.result.createObjectStore("tokens", { keyPath: "tokenId" });
      request.result.createObjectStore("pending", { keyPath: "id" });
      request.result.createObjectStore("settings");
    };
    request.onerror = () => reject(request.error);
    request.onblocked = () => reject(new Error("the database is blocked"));
    request.onsuccess = () => {
      const open = request.result;
      // A browser may close it at any time, and a newer version in another tab must not wait for this one.
      open.onclose = forget;
      open.onversionchange = () => {
        open.close();
        forget();
      };
      resolve(open);
    };
  });
}

function forget() {
  opened = null;
}

/**
 * @param {string} serviceId
 * @param {string} userId
 */
function pendingId(serviceId, userId) {
  return `${serviceId}.${userId}`;
}

// A key that has been used must survive a power cut, not only a crash of the browser.
const DURABLE = /** @type {const} */ ({ durability: "strict" });

/** @type {Promise<IDBDatabase> | null} */
let opened = null;
