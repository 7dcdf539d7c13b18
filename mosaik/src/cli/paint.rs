//! Colours, where a person reads the results.

use std::{
    fmt::Display,
    io::{self, IsTerminal as _},
};

/// Colours, if stdout is a terminal and `NO_COLOR` is not set.
#[derive(Debug, Clone, Copy)]
pub(super) struct Paint {
    enabled: bool,
}

impl Paint {
    pub(super) fn stdout() -> Self {
        let refused = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        Self {
            enabled: io::stdout().is_terminal() && !refused,
        }
    }

    pub(super) fn cyan(self, text: impl Display) -> String {
        self.coded(36, text)
    }

    pub(super) fn green(self, text: impl Display) -> String {
        self.coded(32, text)
    }

    pub(super) fn red(self, text: impl Display) -> String {
        self.coded(31, text)
    }

    pub(super) fn dimmed(self, text: impl Display) -> String {
        self.coded(2, text)
    }

    fn coded(self, code: u8, text: impl Display) -> String {
        match self.enabled {
            true => format!("\x1b[{code}m{text}\x1b[0m"),
            false => text.to_string(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colours_are_optional() {
        assert_eq!(Paint { enabled: false }.green("x"), "x");
        assert_eq!(Paint { enabled: true }.green("x"), "\x1b[32mx\x1b[0m");
    }
}
