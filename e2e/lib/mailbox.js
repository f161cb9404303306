/** What arrived in whose mailbox. Owns the questions that walks ask of the mail server. */

import assert from 'node:assert/strict';

import { subject } from './words.js';

/**
 * Makes sure that each of these addresses of a person got one mail of that kind, and the person's others none.
 * @param {object} bank
 * @param {import('./bank.js').Person} person
 * @param {string} kind a key of `mails` in the words
 * @param {{to?: string[], after?: number, seconds?: number}} [wanted] `to` is every notice address and the phone unless said
 */
export async function arrived(bank, person, kind, { to = [...person.addresses, person.phoneAddress], after = 0, seconds } = {}) {
  const { smtp } = bank.banks;
  const wanted = subject(bank, person.language, kind);
  const exactly = new RegExp(`^${wanted.replaceAll(/[[\]()?.]/g, '\\$&')}$`);
  for (const address of to) await smtp.waitForMail({ to: address, subject: exactly, after, seconds });
  const came = (await smtp.mails()).slice(after).filter((mail) => mail.subject === wanted && isOf(mail, person));
  // Sent at least once, and known as one: a clock that is moved ends the lease of a mail on its way.
  const mails = [...new Map(came.map((mail) => [`${mail.headers['message-id']} ${mail.to}`, mail])).values()];
  assert.deepEqual(mails.flatMap((mail) => mail.to).sort(), [...to].sort(), `who got “${wanted}”`);
  for (const mail of mails) assert.match(mail.headers.from, new RegExp(`<${bank.sender}>$`));
  return mails[0];
}

// All addresses of a person begin with the login ID.
const isOf = (mail, { loginId }) => mail.to.some((address) => address.startsWith(`${loginId}@`));

/** The newest mail password that this person was sent since then. */
export async function mailPassword(bank, person, after = 0) {
  const mail = await bank.banks.smtp.waitForMail({ to: person.addresses[0], subject: subject(bank, person.language, 'code'), after });
  return secretIn(mail);
}

/** The mail password in its mail. */
export const secretIn = (mail) => field(mail, /^(?:メール通知パスワード　|Mail password: )(\d+)$/m);

/** The number in the mail to an address that is to be registered. */
export const numberIn = (mail) => field(mail, /^(?:確認番号　+|Confirmation number: )(\d+)$/m);

/** When a mail password was sent, as its mail says. */
export const sentAtIn = (mail) => field(mail, /^(?:送信日時　+|Sent: +)(.+)$/m);

/** The numbers in a token mail. @returns {import('./portal.js').Ids} */
export const idsIn = (mail) => ({
  service: field(mail, /^(?:サービスID　|Service ID: +)([\d ]+)$/m),
  user: field(mail, /^(?:ユーザID　+|User ID: +)([\d ]+)$/m),
  deadline: field(mail, /^(?:初期設定の期限　|Set up by: +)(.+)$/m),
});

function field(mail, pattern) {
  const found = pattern.exec(mail.body)?.[1];
  assert.ok(found, `${pattern} is not in the mail:\n${mail.body}`);
  return found;
}
