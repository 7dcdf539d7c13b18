//! What differs between members, as far as it shows in the source text: words in the body of a
//! method, macros included. What is hidden behind a function is found by comparing states at run time.

use proc_macro2::{TokenStream, TokenTree};

/// One row of the table: words of a path, what is wrong with it, and what to write instead.
struct Row {
    /// Joined by `::`. A row of one word and `::` is the beginning of a path.
    path: &'static [&'static str],
    begins: bool,
    mistake: &'static str,
    help: &'static str,
}

const CLOCK: &str = "is the time of one member: the state would differ between members";
const CLOCK_HELP: &str = "take `ctx: &dyn ApplyContext` as an argument and write `ctx.timestamp()`: the leader's \
                          time, the same on every member";
const CHANCE: &str = "is chance of one member: the state would differ between members";
const CHANCE_HELP: &str = "take `ctx: &dyn ApplyContext` as an argument and write `ctx.random()`: different for \
                           every command, the same on every member";
const ORDER: &str = "has another order on every member: the state would differ between members";
const MAP_HELP: &str = "write `BTreeMap`, here and in the state: its order is that of the keys";
const SET_HELP: &str = "write `BTreeSet`, here and in the state: its order is that of the elements";
const PLACE: &str = "is of one member: the state would differ between members";
const PLACE_HELP: &str = "read it before the command, and pass what was read as an argument";

const fn row(path: &'static [&'static str], mistake: &'static str, help: &'static str) -> Row {
    Row {
        path,
        begins: false,
        mistake,
        help,
    }
}

const fn begins(path: &'static [&'static str], mistake: &'static str, help: &'static str) -> Row {
    Row {
        path,
        begins: true,
        mistake,
        help,
    }
}

const ROWS: &[Row] = &[
    row(&["SystemTime", "now"], CLOCK, CLOCK_HELP),
    row(&["Instant", "now"], CLOCK, CLOCK_HELP),
    row(&["Utc", "now"], CLOCK, CLOCK_HELP),
    row(&["Local", "now"], CLOCK, CLOCK_HELP),
    row(&["OffsetDateTime", "now_utc"], CLOCK, CLOCK_HELP),
    begins(&["rand"], CHANCE, CHANCE_HELP),
    begins(&["fastrand"], CHANCE, CHANCE_HELP),
    begins(&["getrandom"], CHANCE, CHANCE_HELP),
    row(&["thread_rng"], CHANCE, CHANCE_HELP),
    row(&["OsRng"], CHANCE, CHANCE_HELP),
    row(&["RandomState"], CHANCE, CHANCE_HELP),
    row(&["Uuid", "new_v4"], CHANCE, CHANCE_HELP),
    row(&["Uuid", "now_v7"], CHANCE, CHANCE_HELP),
    row(&["UniqueId", "random"], CHANCE, CHANCE_HELP),
    row(&["Digest", "random"], CHANCE, CHANCE_HELP),
    row(&["HashMap"], ORDER, MAP_HELP),
    row(&["HashSet"], ORDER, SET_HELP),
    row(&["env", "var"], PLACE, PLACE_HELP),
    row(&["env", "args"], PLACE, PLACE_HELP),
    row(&["fs", "read"], PLACE, PLACE_HELP),
    row(&["fs", "read_to_string"], PLACE, PLACE_HELP),
    row(&["File", "open"], PLACE, PLACE_HELP),
    row(&["process", "id"], PLACE, PLACE_HELP),
    row(&["thread", "current"], PLACE, PLACE_HELP),
];

/// Something that differs between members: where it stands, what is wrong, what to write instead.
pub(super) struct Finding {
    pub(super) tokens: TokenStream,
    pub(super) mistake: String,
    pub(super) help: &'static str,
}

/// What differs between members in `tokens`, each thing once.
pub(super) fn findings(tokens: TokenStream) -> Vec<Finding> {
    let mut found = vec![false; ROWS.len()];
    let mut findings = Vec::new();
    search(tokens, &mut found, &mut findings);
    findings
}

fn search(tokens: TokenStream, found: &mut [bool], findings: &mut Vec<Finding>) {
    let tokens: Vec<TokenTree> = tokens.into_iter().collect();
    for at in 0..tokens.len() {
        if let TokenTree::Group(group) = &tokens[at] {
            search(group.stream(), found, findings);
        }
        for (row, found) in ROWS.iter().zip(found.iter_mut()) {
            if let Some(matched) = matched(&tokens, at, row).filter(|_| !*found) {
                *found = true;
                let path = row.path.join("::");
                findings.push(Finding {
                    tokens: matched.iter().cloned().collect(),
                    mistake: format!("`{path}` {}", row.mistake),
                    help: row.help,
                });
            }
        }
    }
}

/// The tokens from `at` on that are the path of `row`.
fn matched<'t>(tokens: &'t [TokenTree], at: usize, row: &Row) -> Option<&'t [TokenTree]> {
    let punct = |index: usize, wanted: char| matches!(tokens.get(index), Some(TokenTree::Punct(punct)) if punct.as_char() == wanted);
    let joined = |index: usize| punct(index, ':') && punct(index + 1, ':');
    let mut end = at;
    for (nth, word) in row.path.iter().enumerate() {
        if nth > 0 {
            if !joined(end) {
                return None;
            }
            end += 2;
        }
        match tokens.get(end) {
            Some(TokenTree::Ident(ident)) if ident == word => end += 1,
            _ => return None,
        }
    }
    // A field or a method of this name is something else, as is a module of the user's.
    let after_dot = at > 0 && punct(at - 1, '.');
    let inside = at > 1 && joined(at - 2);
    if after_dot || row.begins && (inside || !joined(end)) {
        return None;
    }
    Some(&tokens[at..end])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_what_differs_and_nothing_else() {
        for (body, expected) in [
            (
                "let now = std::time::Instant::now();",
                &["Instant::now"][..],
            ),
            ("vec![chrono::Utc::now(), Utc::now()]", &["Utc::now"]),
            ("rand::random::<u8>() + rand::random::<u8>()", &["rand"]),
            (
                "{ { let x: HashMap<u8, u8> = HashMap::new(); } }",
                &["HashMap"],
            ),
            (
                "SystemTime::now(); HashSet::new()",
                &["SystemTime::now", "HashSet"],
            ),
            (
                "self.rand.len() + mine::rand::next() + rand + then.now()",
                &[],
            ),
            ("let s = \"HashMap Instant::now\"; // rand::random", &[]),
            (
                "BTreeMap::new(); Instant::from(x); ctx.random(); self.HashMap",
                &[],
            ),
        ] {
            let found = findings(body.parse().expect("balanced tokens"));
            let found: Vec<String> = found
                .iter()
                .map(|found| found.tokens.to_string().replace(' ', ""))
                .collect();
            assert_eq!(found, expected, "{body}");
        }
    }
}
