//! When no image is built, and why.

use std::fmt;

use super::{BuilderOutput, Environment};

/// What a builder did.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
#[expect(
    clippy::large_enum_variant,
    reason = "one value of it lives in a build"
)]
pub enum Outcome {
    /// The image is there.
    Built(BuilderOutput),
    /// None was wanted here.
    Skipped(Skipped),
}

/// Why no image was built.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Skipped {
    /// This is the builder's own build of the program for the guest.
    InnerBuild,
    /// `TDX_IMAGE=0` or `TDX_IMAGE_SKIP=1`.
    Disabled,
    /// docs.rs has no network.
    DocsRs,
    /// Clippy looks at code, not at images.
    Clippy,
    /// Neither does an editor.
    RustAnalyzer,
    /// Nor `cargo check` and `cargo doc`.
    Check,
    /// Tests and benchmarks, optimized or not; `TDX_IMAGE=1` builds there too.
    Test,
    /// Debug builds; `TDX_IMAGE=1` builds there too.
    DebugProfile,
    /// Images are for x86-64 and are built on Linux.
    Host,
}

impl fmt::Display for Skipped {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::InnerBuild => "this is the build of the guest's program",
            Self::Disabled => "TDX_IMAGE or TDX_IMAGE_SKIP says so",
            Self::DocsRs => "docs.rs builds documentation",
            Self::Clippy => "clippy needs none",
            Self::RustAnalyzer => "rust-analyzer needs none",
            Self::Check => "cargo check and cargo doc need none",
            Self::Test => "this is a build of tests, and TDX_IMAGE=1 is not set",
            Self::DebugProfile => "this is a debug build, and TDX_IMAGE=1 is not set",
            Self::Host => "images are built on x86-64 Linux",
        })
    }
}

/// What `TDX_IMAGE` asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Wish {
    Default,
    /// `0`.
    Never,
    /// `1`.
    Always,
    /// `require`: a skip is an error.
    Require,
}

impl Wish {
    pub(super) fn parse(text: Option<&str>) -> Result<Self, String> {
        match text {
            None | Some("") => Ok(Self::Default),
            Some("0") => Ok(Self::Never),
            Some("1") => Ok(Self::Always),
            Some("require") => Ok(Self::Require),
            Some(other) => Err(other.to_owned()),
        }
    }
}

/// Whether to skip, from what is around the build script.
pub(super) fn reason(environment: &Environment, wish: Wish, debug_images: bool) -> Option<Skipped> {
    let variable = |name| environment.variable(name);
    let names = |name, part: &str| variable(name).is_some_and(|value| value.contains(part));
    let is_set = |name| variable(name).is_some();
    let wanted = debug_images || matches!(wish, Wish::Always | Wish::Require);

    if is_set(super::environment::INNER_BUILD) {
        return Some(Skipped::InnerBuild);
    }
    if wish == Wish::Never || variable("TDX_IMAGE_SKIP").as_deref() == Some("1") {
        return Some(Skipped::Disabled);
    }
    if is_set("DOCS_RS") {
        return Some(Skipped::DocsRs);
    }
    if names("RUSTC_WORKSPACE_WRAPPER", "clippy") {
        return Some(Skipped::Clippy);
    }
    if names("RUSTC_WRAPPER", "rust-analyzer") || names("RUSTC_WORKSPACE_WRAPPER", "rust-analyzer")
    {
        return Some(Skipped::RustAnalyzer);
    }
    if !environment.host_can_build {
        return Some(Skipped::Host);
    }
    match environment.cargo_command.as_deref() {
        Some("check" | "c" | "doc" | "d" | "clippy" | "fix") => return Some(Skipped::Check),
        Some("test" | "t" | "bench" | "nextest") if !wanted => return Some(Skipped::Test),
        _ => {}
    }
    (environment.is_debug && !wanted).then_some(Skipped::DebugProfile)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    const RELEASE: [(&str, &str); 4] = [
        ("OUT_DIR", "/t/release/build/app-1/out"),
        ("CARGO_MANIFEST_DIR", "/app"),
        ("CARGO_PKG_NAME", "app"),
        ("PROFILE", "release"),
    ];

    fn skipped(more: &[(&str, &str)], command: Option<&str>) -> Option<Skipped> {
        let variables: BTreeMap<_, _> = RELEASE
            .iter()
            .chain(more)
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect();
        let mut environment = Environment::new(variables, command.map(str::to_owned)).unwrap();
        environment.host_can_build = environment.variable("NO_HOST").is_none();
        let wish = Wish::parse(environment.variable("TDX_IMAGE").as_deref()).unwrap();
        reason(&environment, wish, environment.flag("DEBUG_IMAGES"))
    }

    #[test]
    fn every_reason() {
        let debug = ("PROFILE", "debug");
        for (variables, command, expected) in [
            (&[][..], Some("build"), None),
            (&[], None, None),
            (
                &[("__TDX_IMAGE_INNER_BUILD", "1"), ("TDX_IMAGE", "1")],
                None,
                Some(Skipped::InnerBuild),
            ),
            (&[("TDX_IMAGE", "0")], None, Some(Skipped::Disabled)),
            (&[("TDX_IMAGE_SKIP", "1")], None, Some(Skipped::Disabled)),
            (&[("TDX_IMAGE_SKIP", "0")], None, None),
            (&[("DOCS_RS", "1")], None, Some(Skipped::DocsRs)),
            (
                &[("RUSTC_WORKSPACE_WRAPPER", "/b/clippy-driver")],
                None,
                Some(Skipped::Clippy),
            ),
            (
                &[("RUSTC_WRAPPER", "/b/rust-analyzer")],
                None,
                Some(Skipped::RustAnalyzer),
            ),
            (&[("RUSTC_WRAPPER", "sccache")], None, None),
            (&[("NO_HOST", "1")], None, Some(Skipped::Host)),
            (&[], Some("check"), Some(Skipped::Check)),
            (&[], Some("doc"), Some(Skipped::Check)),
            (&[debug], Some("build"), Some(Skipped::DebugProfile)),
            (&[], Some("test"), Some(Skipped::Test)),
            (&[("TDX_IMAGE", "1")], Some("bench"), None),
            (&[debug, ("TDX_IMAGE", "1")], Some("test"), None),
            (&[debug, ("TDX_IMAGE", "require")], None, None),
            (&[debug, ("DEBUG_IMAGES", "1")], None, None),
        ] {
            assert_eq!(
                skipped(variables, command),
                expected,
                "{variables:?} {command:?}"
            );
        }
        assert_eq!(Wish::parse(Some("yes")), Err("yes".to_owned()));
    }
}
