//! What must hold of a kernel and a firmware, or the image would claim more than the hardware proves.

use std::sync::Arc;

use crate::archive::decoder;
use crate::measure::{Firmware, FirmwareEra};

use super::BuildError;

/// `96751a3d-72f4-41a6-a794-ed5d0e67ae6b`: the firmware protocol through which a kernel extends RTMR2.
///
/// The compiler writes it as two constants of eight bytes.
const MEASUREMENT_PROTOCOL: [[u8; 8]; 2] = [
    [0x3d, 0x1a, 0x75, 0x96, 0xf4, 0x72, 0xa6, 0x41],
    [0xa7, 0x94, 0xed, 0x5d, 0x0e, 0x67, 0xae, 0x6b],
];
/// `f062221e-c607-44c2-b0b4-c3886331d351`: the driver that gives kernels this protocol.
const TD_TCG2_DXE: [u8; 16] = [
    0x1e, 0x22, 0x62, 0xf0, 0x07, 0xc6, 0xc2, 0x44, 0xb0, 0xb4, 0xc3, 0x88, 0x63, 0x31, 0xd3, 0x51,
];
/// `ee4e5898-3914-4259-9d6e-dc7bd79403cf`: a section of a firmware volume compressed with LZMA.
const LZMA_SECTION: [u8; 16] = [
    0x98, 0x58, 0x4e, 0xee, 0x14, 0x39, 0x59, 0x42, 0x9d, 0x6e, 0xdc, 0x7b, 0xd7, 0x94, 0x03, 0xcf,
];
/// The name under which QEMU 10 offers the kernel as a file; firmware that knows it is of that time.
const KERNEL_FILE: &[u8] = b"etc/boot/kernel";
/// OVMF's volumes have some 12 MB.
const VOLUME_BYTES_MAX: usize = 128 << 20;

/// Whether a kernel's EFI stub measures what it loads.
pub(super) fn check_kernel(vmlinuz: &[u8], release: &str) -> Result<(), BuildError> {
    let measures = MEASUREMENT_PROTOCOL
        .iter()
        .all(|half| contains(vmlinuz, half));
    match measures {
        true => Ok(()),
        false => Err(BuildError::KernelDoesNotMeasure {
            release: release.to_owned(),
        }),
    }
}

/// Whether a trust domain can start with this firmware and measures what it boots; its generation, if
/// the file tells.
pub(super) fn check_firmware(firmware: &[u8]) -> Result<Option<FirmwareEra>, BuildError> {
    Firmware::parse(firmware)?;
    let volumes = volumes(firmware);
    let holds = |what: &[u8]| {
        contains(firmware, what) || volumes.iter().any(|volume| contains(volume, what))
    };
    if !holds(&TD_TCG2_DXE) {
        return Err(BuildError::FirmwareDoesNotMeasure);
    }
    Ok(holds(KERNEL_FILE).then_some(FirmwareEra::Since202505))
}

/// The volumes that are compressed. One that cannot be read is not there.
fn volumes(firmware: &[u8]) -> Vec<Vec<u8>> {
    /// Three bytes of size, one of kind; an identifier and the offset of the contents follow.
    const SECTION_HEADER_BYTES: usize = 4;
    const GUID_BYTES: usize = 16;
    let mut volumes = Vec::new();
    for at in positions(firmware, &LZMA_SECTION) {
        let Some(start) = at.checked_sub(SECTION_HEADER_BYTES) else {
            continue;
        };
        let Some(&[size0, size1, size2, _]) = firmware[start..].first_chunk() else {
            continue;
        };
        let Some(&[offset0, offset1]) = firmware[at + GUID_BYTES..].first_chunk() else {
            continue;
        };
        let offset = usize::from(u16::from_le_bytes([offset0, offset1]));
        let bytes = u32::from_le_bytes([size0, size1, size2, 0]) as usize;
        let Some(mut data) = firmware.get(start + offset..start + bytes) else {
            continue;
        };
        let mut volume = Bounded(Vec::new());
        let options = lzma_rs::decompress::Options {
            memlimit: Some(VOLUME_BYTES_MAX),
            ..Default::default()
        };
        if lzma_rs::lzma_decompress_with_options(&mut data, &mut volume, &options).is_ok() {
            volumes.push(volume.0);
        }
    }
    volumes
}

/// A buffer that refuses to grow without end.
struct Bounded(Vec<u8>);

impl std::io::Write for Bounded {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        if self.0.len() + bytes.len() > VOLUME_BYTES_MAX {
            return Err(std::io::ErrorKind::OutOfMemory.into());
        }
        self.0.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

fn contains(bytes: &[u8], what: &[u8]) -> bool {
    positions(bytes, what).next().is_some()
}

/// Compares whole patterns only where the first byte fits: build scripts are not optimized.
fn positions<'a>(bytes: &'a [u8], what: &'a [u8]) -> impl Iterator<Item = usize> + 'a {
    let first = what[0];
    let mut at = 0;
    std::iter::from_fn(move || {
        while let Some(next) = bytes[at..].iter().position(|&byte| byte == first) {
            let found = at + next;
            at = found + 1;
            if bytes[found..].starts_with(what) {
                return Some(found);
            }
        }
        None
    })
}

/// The firmware file of a Debian or Ubuntu package.
pub(super) fn firmware_of_package(file: &str, package: &[u8]) -> Result<Vec<u8>, BuildError> {
    use crate::archive::{ArchiveError, TarKind, ar_member, read_tar};
    let archive = |source| BuildError::Archive {
        file: file.to_owned(),
        source,
    };
    let data: Arc<[u8]> = ar_member(package, "data.tar").map_err(archive)?.into();
    let entries = decoder(data)
        .and_then(|data| read_tar(data, |path| path == "usr/share/ovmf/OVMF.fd"))
        .map_err(archive)?;
    entries
        .into_iter()
        .find_map(|entry| match entry.kind {
            TarKind::File(contents) => Some(contents),
            _ => None,
        })
        .ok_or_else(|| {
            archive(ArchiveError::Missing {
                format: "tar",
                name: "OVMF.fd".to_owned(),
            })
        })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::measure::test_files::{bz_image, ovmf, real};

    #[test]
    fn a_kernel_without_the_protocol_is_refused() {
        let mut kernel = bz_image();
        assert!(matches!(
            check_kernel(&kernel, "6.1"),
            Err(BuildError::KernelDoesNotMeasure { .. })
        ));
        kernel[0x1000..0x1008].copy_from_slice(&MEASUREMENT_PROTOCOL[1]);
        assert!(
            check_kernel(&kernel, "6.1").is_err(),
            "half of it is something else"
        );
        kernel[0x2000..0x2008].copy_from_slice(&MEASUREMENT_PROTOCOL[0]);
        assert!(check_kernel(&kernel, "6.12").is_ok());
    }

    #[test]
    fn a_firmware_without_the_driver_is_refused() {
        let mut firmware = ovmf();
        assert!(matches!(
            check_firmware(&firmware),
            Err(BuildError::FirmwareDoesNotMeasure)
        ));
        firmware[0x9_0000..0x9_0010].copy_from_slice(&TD_TCG2_DXE);
        assert_eq!(check_firmware(&firmware).unwrap(), None);

        // The same within a compressed volume, with the name that newer firmware knows.
        let mut firmware = ovmf();
        let volume = [&[0; 64][..], &TD_TCG2_DXE, KERNEL_FILE].concat();
        let mut compressed = Vec::new();
        lzma_rs::lzma_compress(&mut &volume[..], &mut compressed).unwrap();
        let [size0, size1, ..] = (24 + compressed.len() as u32).to_le_bytes();
        let mut section = vec![size0, size1, 0, 2];
        section.extend(LZMA_SECTION);
        section.extend(24_u16.to_le_bytes());
        section.extend([1, 0]);
        section.extend(compressed);
        firmware[0x9_0000..0x9_0000 + section.len()].copy_from_slice(&section);
        assert_eq!(
            check_firmware(&firmware).unwrap(),
            Some(FirmwareEra::Since202505)
        );
    }

    #[test]
    fn real_files_pass() {
        let (Some(kernel), Some(firmware)) = (real("vmlinuz"), real("OVMF.fd")) else {
            return;
        };
        check_kernel(&kernel, "real").unwrap();
        assert_eq!(check_firmware(&firmware).unwrap(), None);
        if let Some(older) = real("OVMF-2022.fd") {
            assert!(check_firmware(&older).is_err(), "it measures nothing");
        }
        assert_eq!(
            super::super::kernel::release(&kernel).as_deref(),
            Some("6.12.117+deb12-cloud-amd64")
        );
    }
}
