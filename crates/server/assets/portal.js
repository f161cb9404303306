/**
 * Comforts for the customers' pages: showing what was typed, copying the ids, one submit at a time, going
 * back to a refused form, and telling a session's end ahead. Every page does its work without them.
 */

for (const button of document.querySelectorAll("button[data-reveal]")) {
  const field = document.getElementById(button.dataset.reveal);
  const words = { show: button.textContent, hide: button.dataset.shown };
  button.hidden = false;
  button.addEventListener("click", () => {
    const shown = field.type === "password";
    field.type = shown ? "text" : "password";
    button.textContent = shown ? words.hide : words.show;
  });
  // Sent masked, so that no browser keeps it among remembered entries.
  field.form.addEventListener("submit", () => {
    field.type = "password";
    button.textContent = words.show;
  });
}

for (const button of document.querySelectorAll("button[data-copy]")) {
  if (!navigator.clipboard) break;
  button.hidden = false;
  button.addEventListener("click", async () => {
    const digits = document.getElementById(button.dataset.copy).textContent.replaceAll(" ", "");
    await navigator.clipboard.writeText(digits);
    button.nextElementSibling.textContent = button.dataset.copied;
  });
}

for (const button of document.querySelectorAll("button[data-print]")) {
  button.hidden = false;
  button.addEventListener("click", () => window.print());
}

// A form that was refused is answered where it was sent to. Loading that page again, or coming back to it,
// shows the form, and no browser asks whether to send everything once more.
const refused = document.querySelector("main:has([role=alert]) form[method=post]");
// By attribute: a form's own buttons may be called "action" too.
if (refused?.getAttribute("action") === location.pathname) {
  const procedure = document.querySelector("main input[name=procedure]")?.value;
  history.replaceState(history.state, "", procedure ? `?procedure=${procedure}` : location.pathname);
}

const working = document.getElementById("working");
let sending = false;
let leaving = false;
document.addEventListener("submit", (event) => {
  if (sending) {
    event.preventDefault();
    return;
  }
  sending = true;
  working.textContent = working.dataset.text;
});
// Before the next page has come, this one is still there, and its timers run.
window.addEventListener("beforeunload", () => {
  leaving = true;
});
// A page that comes back from the browser's memory can be sent again.
window.addEventListener("pageshow", () => {
  sending = false;
  leaving = false;
  working.textContent = "";
});

// What the page waits for: a mail on its way, a phone that is being set up.
if (document.querySelector("[data-follow], [data-phone]")) setInterval(look, 5_000);
if (history.state?.arrived) {
  // Loaded anew by the line below: a screen reader is led to what is new.
  history.replaceState(null, "");
  document.getElementById("main").focus();
}

async function look() {
  if (document.visibilityState === "hidden" || leaving) return;
  const procedure = document.querySelector("input[name=procedure]")?.value ?? "";
  const answer = await fetch(`/progress?procedure=${encodeURIComponent(procedure)}`).catch(() => null);
  // Led to the login page: the session is over.
  if (!answer?.ok || answer.redirected) return;
  const now = await answer.json();
  for (const told of document.querySelectorAll("[data-follow]")) {
    if (now.mail === null || told.dataset.follow === now.mail) continue;
    told.dataset.follow = now.mail;
    for (const one of told.querySelectorAll("[data-state]")) one.hidden = one.dataset.state !== now.mail;
    for (const link of document.querySelectorAll("[data-looked]")) {
      link.hidden = !["queued", "late"].includes(now.mail);
    }
  }
  const waiting = document.querySelector("[data-phone]");
  // Nothing is typed on these pages: what has come is shown by loading them anew. Not once something
  // was pressed while the answer was on its way: that would take back what was pressed.
  if (waiting && !leaving && (waiting.dataset.phone !== now.phone || hasMoved(waiting.dataset.mail, now.mail))) {
    history.replaceState({ arrived: true }, "");
    location.reload();
  }
}

function hasMoved(shown, now) {
  return shown !== undefined && now !== null && shown !== now;
}

const PAST = 2_000;
const session = document.querySelector("[data-until]");
if (session) followSession(session, new BroadcastChannel("session"));

/**
 * Tells the session's end some minutes ahead, and goes on to the page that says that it has come; any page of
 * the session that is opened later moves it.
 */
function followSession(line, channel) {
  const soon = document.getElementById("session-soon");
  // The browser's clock may be wrong: only the span is taken from the server.
  const offset = Number(line.dataset.now) - Date.now();
  const ahead = Number(line.dataset.warning) * 60_000;
  let until = Number(line.dataset.until);
  let timer = 0;
  const tell = () => {
    clearTimeout(timer);
    const left = until - offset - Date.now();
    // Over: what the page shows is nobody's to read any more. A little later than by this clock, so that
    // the server thinks so too.
    if (left < -PAST) return location.replace("/top");
    soon.hidden = left > ahead;
    timer = setTimeout(tell, soon.hidden ? left - ahead : left + PAST + 100);
  };
  channel.addEventListener("message", ({ data }) => {
    if (data.until <= until) return;
    until = data.until;
    line.firstElementChild.textContent = data.text;
    tell();
  });
  channel.postMessage({ until, text: line.firstElementChild.textContent });
  // Timers sleep with the machine.
  document.addEventListener("visibilitychange", tell);
  tell();
}

// Another text size or language is another page. What was typed comes with it, but for passwords: kept by this tab
// alone, and only until that page has come.
const TYPED = "typed";
const kept = [...document.querySelectorAll("main input[inputmode=email], main input[type=radio]")];
for (const link of document.querySelectorAll(".tools a")) {
  link.addEventListener("click", () => {
    const typed = kept.map(({ type, value, checked }) => (type === "radio" ? checked : value));
    sessionStorage.setItem(TYPED, JSON.stringify([location.pathname, typed]));
  });
}
const [typedAt, typed] = JSON.parse(sessionStorage.getItem(TYPED) ?? "[]");
sessionStorage.removeItem(TYPED);
if (typedAt === location.pathname) {
  for (const [n, field] of kept.entries()) {
    if (field.type === "radio") field.checked = typed[n];
    else field.value = typed[n];
  }
}
