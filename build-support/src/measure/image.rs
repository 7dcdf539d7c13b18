//! What a built image measures to, as constants of the program that checks it.

use super::{HostProfile, Measurement};

/// The registers that identify one image on one kind of host.
///
/// Only the three together do: MRTD covers the firmware, RTMR1 the kernel that the firmware starts,
/// RTMR2 the command line and the initial RAM disk that the kernel is given, hence the program.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct ImageMeasurements {
    /// The host stack that these values hold for.
    pub profile: HostProfile,
    /// The firmware.
    pub mrtd: Measurement,
    /// The kernel.
    pub rtmr1: Measurement,
    /// The command line and the initial RAM disk.
    pub rtmr2: Measurement,
    /// The image carries the simulated platform: anybody can make its quotes.
    pub simulated: bool,
}

impl ImageMeasurements {
    /// The measurements of an image for one kind of host.
    #[must_use]
    pub const fn new(
        profile: HostProfile,
        mrtd: Measurement,
        rtmr1: Measurement,
        rtmr2: Measurement,
    ) -> Self {
        Self {
            profile,
            mrtd,
            rtmr1,
            rtmr2,
            simulated: false,
        }
    }

    /// The same registers, of an image that carries the simulated platform.
    #[must_use]
    pub const fn simulated(self) -> Self {
        Self {
            simulated: true,
            ..self
        }
    }
}

/// What `include_measurements!` reads: the profile's place in [`HostProfile::ALL`], MRTD, RTMR1, RTMR2, whether
/// simulated.
#[doc(hidden)]
pub type Generated = Option<(usize, [u8; 48], [u8; 48], [u8; 48], bool)>;

#[doc(hidden)]
#[must_use]
pub const fn from_generated(generated: Generated) -> Option<ImageMeasurements> {
    match generated {
        None => None,
        Some((profile, mrtd, rtmr1, rtmr2, simulated)) => Some(ImageMeasurements {
            profile: HostProfile::ALL[profile],
            mrtd: Measurement::new(mrtd),
            rtmr1: Measurement::new(rtmr1),
            rtmr2: Measurement::new(rtmr2),
            simulated,
        }),
    }
}

/// The measurements of the image that this package's `build.rs` built.
///
/// An `Option<ImageMeasurements>`: `None` inside the guest's own build (an image cannot contain the
/// hash of itself) and where the image was skipped. Its registers are those of the
/// builder's host profile. Usable in constants.
///
/// Fails to compile in a package whose `build.rs` runs none of the builders.
#[macro_export]
macro_rules! include_measurements {
    () => {
        $crate::measure::from_generated(include!(concat!(env!("OUT_DIR"), "/tdx-measurements.rs")))
    };
}
