/**
 * Comforts for the customers' pages: showing what was typed, copying the ids, one submit at a time,
 * and telling a session's end ahead. Every page does its work without them.
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

const working = document.getElementById("working");
let sending = false;
document.addEventListener("submit", (event) => {
  if (sending) {
    event.preventDefault();
    return;
  }
  sending = true;
  working.textContent = working.dataset.text;
});
// A page that comes back from the browser's memory can be sent again.
window.addEventListener("pageshow", () => {
  sending = false;
  working.textContent = "";
});

const session = document.querySelector("[data-until]");
if (session) followSession(session, new BroadcastChannel("session"));

/** Tells the session's end some minutes ahead; any page of the session that is opened later moves it. */
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
    soon.hidden = left > ahead;
    if (soon.hidden) timer = setTimeout(tell, left - ahead);
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
