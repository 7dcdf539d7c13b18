//! Mistakes that tests build into a member on purpose: a harness that does not find them would find nothing.
//!
//! They exist with the feature `test-util` only. Without it there is nothing to set, and each question has the answer no
//! when the program is compiled.

/// A mistake to build into the groups of a node.
#[cfg(feature = "test-util")]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Flaw {
    /// Histories have no names: members of another one are taken for members of this one, and their messages pass.
    NoFence,
    /// A leader takes silence for assent: it commits without a quorum, and believes that it has one.
    SilenceIsAssent,
    /// Founds as soon as discovery has settled, though others that it knows may have founded.
    FoundsUnheard,
}

/// Which mistakes a node has. In programs: none, and no way to have one.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(in crate::groups) struct Flaws {
    #[cfg(feature = "test-util")]
    flaw: Option<Flaw>,
}

#[cfg(feature = "test-util")]
impl Flaws {
    pub(in crate::groups) const fn only(flaw: Flaw) -> Self {
        Self { flaw: Some(flaw) }
    }

    pub(in crate::groups) fn no_fence(self) -> bool {
        self.flaw == Some(Flaw::NoFence)
    }

    pub(in crate::groups) fn silence_is_assent(self) -> bool {
        self.flaw == Some(Flaw::SilenceIsAssent)
    }

    pub(in crate::groups) fn founds_unheard(self) -> bool {
        self.flaw == Some(Flaw::FoundsUnheard)
    }
}

#[cfg(not(feature = "test-util"))]
impl Flaws {
    pub(in crate::groups) const fn no_fence(self) -> bool {
        false
    }

    pub(in crate::groups) const fn silence_is_assent(self) -> bool {
        false
    }

    pub(in crate::groups) const fn founds_unheard(self) -> bool {
        false
    }
}
