//! Who is let in.

use std::error::Error;
use std::sync::OnceLock;

use mosaik::tdx::measure::ImageMeasurements;
use mosaik::tdx::{MeasurementsCriteria, Tdx, include_measurements};

use crate::arguments::{Arguments, read_registers};

/// What the image of this program measures to: known to the program outside, not to the one inside, since no
/// image can contain its own hash.
const IMAGE: Option<ImageMeasurements> = include_measurements!();

static RULE: OnceLock<Tdx> = OnceLock::new();
static SIMULATE: OnceLock<bool> = OnceLock::new();

/// Makes the rule from what was built and what the command line says.
pub(crate) fn choose(arguments: &Arguments) -> Result<(), Box<dyn Error>> {
    let expected = match (&arguments.expect, &IMAGE) {
        (Some(path), _) => {
            let registers = read_registers(path)?;
            MeasurementsCriteria::new()
                .require_mrtd(registers.mrtd())
                .require_rtmr1(registers.rtmr1())
                .require_rtmr2(registers.rtmr2())
        }
        (None, Some(image)) => image.into(),
        // Requires nothing, and so lets in nobody.
        (None, None) => MeasurementsCriteria::new(),
    };
    let _ = SIMULATE.set(arguments.simulate);
    let rule = with_root_of_trust(Tdx::from_image(expected));
    RULE.set(rule).map_err(|_| "the rule is chosen once")?;
    Ok(())
}

/// Lets in trust domains that run the image of this program: its firmware, its kernel, its files.
///
/// The firmware alone (`require_mrtd`) would let in anything that the firmware can boot.
pub(crate) fn our_image() -> Tdx {
    RULE.get().cloned().unwrap_or_default()
}

/// Lets in trust domains that run what this one runs. Outside of one there is nothing to run: nobody is let in.
pub(crate) fn own_image() -> Tdx {
    with_root_of_trust(Tdx::new().require_own_image().unwrap_or_default())
}

/// Quotes are Intel's, unless the command line says that they are simulated.
fn with_root_of_trust(rule: Tdx) -> Tdx {
    match SIMULATE.get() {
        Some(true) => rule.danger_trust_simulated(),
        _ => rule,
    }
}
