//! Reads Rust files as words and marks, without a parser: enough to see what names what.

use std::{
    fmt,
    path::{Path, PathBuf},
};

use super::LAYERS;

/// One source file: where it stands under the workspace's root, and its text.
pub(crate) struct Source {
    file: PathBuf,
    pub(crate) text: String,
}

impl Source {
    pub(crate) fn new(file: impl Into<PathBuf>, text: impl Into<String>) -> Self {
        Self {
            file: file.into(),
            text: text.into(),
        }
    }

    pub(crate) fn finding(&self, line: usize, text: impl Into<String>) -> Finding {
        Finding {
            file: self.file.clone(),
            line,
            text: text.into(),
        }
    }

    /// The path under `mosaik/src`, if it is there.
    fn library_path(&self) -> Option<&Path> {
        self.file.strip_prefix("mosaik/src").ok()
    }

    pub(crate) fn in_library(&self) -> bool {
        self.library_path().is_some()
    }

    /// Whether this file is `place`, or below it if `place` ends in a slash.
    pub(crate) fn is_at(&self, place: &str) -> bool {
        self.library_path().is_some_and(|path| {
            if place.ends_with('/') {
                path.starts_with(place)
            } else {
                path == Path::new(place)
            }
        })
    }

    /// Tests by their place: `tests/…`, `…/tests.rs`, `…_tests.rs`.
    pub(crate) fn is_test_file(&self) -> bool {
        let in_tests = self
            .file
            .components()
            .any(|part| part.as_os_str() == "tests");
        let stem = self.file.file_stem().unwrap_or_default().to_string_lossy();
        in_tests || stem == "tests" || stem.ends_with("_tests")
    }

    /// `discovery/catalog.rs` is `["discovery", "catalog"]`; a layer's `mod.rs` is `["discovery"]`.
    pub(crate) fn module_path(&self) -> Vec<String> {
        let path = self
            .library_path()
            .unwrap_or(Path::new(""))
            .with_extension("");
        let mut modules: Vec<String> = path
            .iter()
            .map(|part| part.to_string_lossy().into_owned())
            .collect();
        if modules.last().is_some_and(|last| last == "mod") {
            modules.pop();
        }
        modules
    }

    pub(crate) fn layer(&self) -> Option<&'static str> {
        let modules = self.module_path();
        let top = modules.first()?;
        LAYERS
            .iter()
            .map(|(layer, _)| *layer)
            .find(|layer| layer == top)
    }

    pub(crate) fn tokens(&self) -> Vec<Token> {
        tokenize(&self.text)
    }

    pub(crate) fn tokens_outside_tests(&self) -> Vec<Token> {
        if self.is_test_file() {
            Vec::new()
        } else {
            without_test_items(self.tokens())
        }
    }

    /// Every path that starts at the root of the crate, whether written `crate::` or by `super::`.
    pub(crate) fn crate_paths(&self) -> Vec<CratePath> {
        let tokens = self.tokens();
        let here = self.module_path();
        // Inline modules that are open at this token, each with the brace depth of its body.
        let mut inline: Vec<(String, usize)> = Vec::new();
        let mut depth = 0;
        let mut paths = Vec::new();
        for (index, token) in tokens.iter().enumerate() {
            let text = |offset: usize| tokens.get(index + offset).map(|token| token.text.as_str());
            let starts_path = index == 0 || tokens[index - 1].text != "::";
            match token.text.as_str() {
                "mod" if text(2) == Some("{") => {
                    inline.push((text(1).unwrap_or_default().to_owned(), depth + 1));
                }
                "{" => depth += 1,
                "}" => {
                    inline.retain(|(_, body)| *body < depth);
                    depth = depth.saturating_sub(1);
                }
                "crate" if text(1) == Some("::") => {
                    read_use_tree(&tokens, index + 2, &[], &mut paths);
                }
                "super" if starts_path => {
                    let mut base = here.clone();
                    base.extend(inline.iter().map(|(name, _)| name.clone()));
                    let mut next = index;
                    while tokens.get(next).is_some_and(|token| token.text == "super") {
                        base.pop();
                        next += 2;
                    }
                    read_use_tree(&tokens, next, &base, &mut paths);
                }
                _ => {}
            }
        }
        paths
    }
}

/// A path from the root of the crate: `["discovery", "Catalog"]`.
pub(crate) struct CratePath {
    pub(crate) segments: Vec<String>,
    pub(crate) line: usize,
}

/// Reads what follows `crate::`: a plain path, or a `use` tree with braces. Returns the index behind it.
fn read_use_tree(
    tokens: &[Token],
    start: usize,
    prefix: &[String],
    paths: &mut Vec<CratePath>,
) -> usize {
    let mut segments = prefix.to_vec();
    let mut index = start;
    let mut line = tokens.get(start).map_or(0, |token| token.line);
    while let Some(token) = tokens.get(index) {
        if token.text == "{" {
            index += 1;
            while let Some(token) = tokens.get(index).filter(|token| token.text != "}") {
                let next = read_use_tree(tokens, index, &segments, paths);
                // Anything that is no path (a comma, a rename, source that rustc would refuse) is stepped over.
                index = if next == index || token.text == "," {
                    index + 1
                } else {
                    next
                };
            }
            return index + 1;
        }
        if !token.is_word() && token.text != "*" {
            break;
        }
        line = token.line;
        segments.push(token.text.clone());
        index += 1;
        if tokens.get(index).is_none_or(|token| token.text != "::") {
            break;
        }
        index += 1;
    }
    if index > start {
        paths.push(CratePath { segments, line });
    }
    index
}

/// A word, a `::`, or one character of punctuation. Comments and the insides of literals are gone.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Token {
    pub(crate) text: String,
    pub(crate) line: usize,
}

impl Token {
    fn is_word(&self) -> bool {
        self.text
            .starts_with(|first: char| first.is_alphanumeric() || first == '_')
    }
}

/// Drops the items under `#[cfg(test)]`, which may do what the library may not.
fn without_test_items(tokens: Vec<Token>) -> Vec<Token> {
    let mut kept = Vec::new();
    let mut rest = tokens.as_slice();
    while let Some(token) = rest.first() {
        let opening: Vec<&str> = rest
            .iter()
            .take(4)
            .map(|token| token.text.as_str())
            .collect();
        if opening != ["#", "[", "cfg", "("] {
            kept.push(token.clone());
            rest = &rest[1..];
            continue;
        }
        let end = rest
            .iter()
            .position(|token| token.text == "]")
            .unwrap_or(rest.len() - 1);
        let (attribute, behind) = rest.split_at(end + 1);
        let names = |word: &str| attribute.iter().any(|token| token.text == word);
        rest = if names("test") && !names("not") {
            behind_item(behind)
        } else {
            behind
        };
    }
    kept
}

/// What follows the item at the start of `tokens`: behind its `;`, or behind the brace that closes it.
fn behind_item(tokens: &[Token]) -> &[Token] {
    let mut depth = 0_usize;
    for (index, token) in tokens.iter().enumerate() {
        match token.text.as_str() {
            "{" => depth += 1,
            "}" => depth = depth.saturating_sub(1),
            ";" => {}
            _ => continue,
        }
        if depth == 0 {
            return &tokens[index + 1..];
        }
    }
    &[]
}

pub(crate) fn tokenize(text: &str) -> Vec<Token> {
    let mut tokens = Vec::new();
    let mut lexer = Lexer {
        rest: text,
        line: 1,
    };
    while let Some(first) = lexer.rest.chars().next() {
        let line = lexer.line;
        if lexer.rest.starts_with("//") {
            let length = lexer.rest.find('\n').unwrap_or(lexer.rest.len());
            lexer.skip(length);
        } else if lexer.rest.starts_with("/*") {
            lexer.skip_block_comment();
        } else if first.is_whitespace() {
            lexer.skip(first.len_utf8());
        } else if first == '"' {
            lexer.skip_string();
        } else if first == '\'' {
            lexer.skip_quote();
        } else if first.is_alphanumeric() || first == '_' {
            if !lexer.skip_prefixed_string() {
                tokens.push(Token {
                    text: lexer.word(),
                    line,
                });
            }
        } else if lexer.rest.starts_with("::") {
            lexer.skip(2);
            tokens.push(Token {
                text: "::".to_owned(),
                line,
            });
        } else {
            lexer.skip(first.len_utf8());
            tokens.push(Token {
                text: first.to_string(),
                line,
            });
        }
    }
    tokens
}

struct Lexer<'a> {
    rest: &'a str,
    line: usize,
}

impl Lexer<'_> {
    fn skip(&mut self, length: usize) {
        let (skipped, rest) = self.rest.split_at(length);
        self.line += skipped.matches('\n').count();
        self.rest = rest;
    }

    fn word(&mut self) -> String {
        let is_part = |next: char| next.is_alphanumeric() || next == '_';
        let length = self
            .rest
            .find(|next| !is_part(next))
            .unwrap_or(self.rest.len());
        let word = self.rest[..length].to_owned();
        self.skip(length);
        word
    }

    fn skip_block_comment(&mut self) {
        let mut depth = 0_usize;
        loop {
            if self.rest.starts_with("/*") {
                depth += 1;
                self.skip(2);
            } else if self.rest.starts_with("*/") {
                depth -= 1;
                self.skip(2);
            } else {
                let Some(next) = self.rest.chars().next() else {
                    return;
                };
                self.skip(next.len_utf8());
            }
            if depth == 0 {
                return;
            }
        }
    }

    fn skip_string(&mut self) {
        let mut escaped = false;
        let end = self.rest.char_indices().skip(1).find(|(_, next)| {
            let closes = *next == '"' && !escaped;
            escaped = *next == '\\' && !escaped;
            closes
        });
        self.skip(end.map_or(self.rest.len(), |(index, _)| index + 1));
    }

    /// A character literal, or the quote of a lifetime.
    fn skip_quote(&mut self) {
        let mut following = self.rest.char_indices().skip(1);
        let first = following.next();
        let second = following.next();
        match (first, second) {
            (Some((_, '\\')), Some((escaped, _))) => {
                let close = self.rest[escaped + 1..]
                    .find('\'')
                    .map(|close| escaped + 1 + close);
                self.skip(close.map_or(self.rest.len(), |close| close + 1));
            }
            (Some(_), Some((close, '\''))) => self.skip(close + 1),
            _ => self.skip(1),
        }
    }

    /// `b"…"`, `c"…"`, `r"…"`, `r#"…"#` and their mixtures; not `r#word`.
    fn skip_prefixed_string(&mut self) -> bool {
        let prefix = self
            .rest
            .chars()
            .take_while(|next| "bcr".contains(*next))
            .count();
        let after = &self.rest[prefix..];
        let hashes = after.chars().take_while(|next| *next == '#').count();
        if prefix == 0 || prefix > 2 || !after[hashes..].starts_with('"') {
            return false;
        }
        self.skip(prefix);
        if self.rest.starts_with('"') && !after.is_empty() && hashes == 0 {
            self.skip_string();
            return true;
        }
        let close = format!("\"{}", "#".repeat(hashes));
        self.skip(hashes + 1);
        let end = self
            .rest
            .find(&close)
            .map_or(self.rest.len(), |end| end + close.len());
        self.skip(end);
        true
    }
}

fn workspace_root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .expect("the crate stands in the workspace")
}

/// Every Rust file of the workspace, but for programs that are wrong on purpose (`ui-tests`).
pub(crate) fn workspace_sources() -> Vec<Source> {
    let mut sources = Vec::new();
    for member in ["mosaik", "mosaik-derive", "build-support", "examples"] {
        collect_sources(&workspace_root().join(member), &mut sources);
    }
    sources
}

fn collect_sources(folder: &Path, sources: &mut Vec<Source>) {
    let entries = std::fs::read_dir(folder).expect("a folder of the workspace can be read");
    for entry in entries {
        let path = entry.expect("an entry of a folder can be read").path();
        let name = path
            .file_name()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned();
        if path.is_dir() && name != "target" && !name.starts_with('.') {
            collect_sources(&path, sources);
        } else if name.ends_with(".rs") {
            let text = std::fs::read_to_string(&path).expect("a source file is UTF-8");
            let file = path.strip_prefix(workspace_root()).unwrap_or(&path);
            sources.push(Source::new(file, text));
        }
    }
}

#[derive(Debug, PartialEq)]
pub(crate) struct Finding {
    pub(crate) file: PathBuf,
    pub(crate) line: usize,
    pub(crate) text: String,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}", self.file.display(), self.line, self.text)
    }
}
