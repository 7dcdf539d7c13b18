//! How values are shown in explanations.

use std::{fmt::Write as _, time::Duration};

use chrono::{DateTime, SecondsFormat, Utc};
use serde_json::Value;

/// Characters of a stranger's text that an explanation repeats.
const QUOTED_CHARS_MAX: usize = 64;

/// A text of a token in quotes: escaped, and cut when long, for it is a stranger's.
pub(super) fn quoted(text: &str) -> String {
    match text.char_indices().nth(QUOTED_CHARS_MAX) {
        Some((end, _)) => format!("{:?}…", &text[..end]),
        None => format!("{text:?}"),
    }
}

/// A claim's value, in the same way.
pub(super) fn shown(value: &Value) -> String {
    match value {
        Value::String(text) => quoted(text),
        other => {
            let text = other.to_string();
            match text.char_indices().nth(QUOTED_CHARS_MAX) {
                Some((end, _)) => format!("{}…", &text[..end]),
                None => text,
            }
        }
    }
}

/// `"a"`, or `one of "a", "b"`.
pub(super) fn one_of<'a>(allowed: impl ExactSizeIterator<Item = &'a String>) -> String {
    let mut text = String::new();
    if allowed.len() > 1 {
        text.push_str("one of ");
    }
    for (index, value) in allowed.enumerate() {
        let separator = if index == 0 { "" } else { ", " };
        // Writing into a string cannot fail.
        let _ = write!(text, "{separator}{}", quoted(value));
    }
    text
}

/// A time of the calendar, to the second unless it is between seconds.
pub(super) fn time(time: DateTime<Utc>) -> String {
    time.to_rfc3339_opts(SecondsFormat::AutoSi, true)
}

/// A length of time.
pub(super) fn span(span: Duration) -> String {
    humantime::format_duration(span).to_string()
}
