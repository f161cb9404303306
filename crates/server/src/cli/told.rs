//! How the command line tells things: moments, results in words or as JSON, and nothing that speaks to a
//! terminal.

use std::{
    io::Write,
    sync::atomic::{AtomicBool, Ordering},
};

use warifu_core::text::is_unseen;

/// A moment as JSON and lists tell it (RFC 3339).
pub(super) fn moment(ms: Option<i64>) -> Option<String> {
    ms.and_then(|ms| jiff::Timestamp::from_millisecond(ms).ok()).map(|t| t.to_string())
}

/// Names in files and variables may be anything; none of it speaks to the terminal.
pub(super) fn visible(text: &str) -> String {
    text.chars().fold(String::new(), |mut told, c| {
        if c == '\n' || !(c.is_control() || is_unseen(c)) {
            told.push(c);
        } else {
            told.extend(c.escape_default());
        }
        told
    })
}

/// Says what a verb has done: in words, or the same as JSON.
pub(super) fn say(json: bool, value: &serde_json::Value, words: &str) {
    let told = if json { value.to_string() } else { words.to_owned() };
    // Whoever reads the first lines only, as `head` does, has closed the pipe: nothing is wrong.
    if let Err(error) = writeln!(std::io::stdout(), "{told}")
        && error.kind() != std::io::ErrorKind::BrokenPipe
    {
        LOST.store(true, Ordering::Relaxed);
        complain(&format!("warifu: {error}"));
    }
}

/// Whether something that was said could not be written.
pub(super) fn is_lost() -> bool {
    LOST.load(Ordering::Relaxed)
}

static LOST: AtomicBool = AtomicBool::new(false);

/// Says what is wrong, where somebody still listens.
pub(super) fn complain(words: &str) {
    drop(writeln!(std::io::stderr(), "{words}"));
}
