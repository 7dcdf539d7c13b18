//! The kernel as the firmware measures it: QEMU's changes to its header, and Authenticode.

use sha2::{Digest, Sha384};

/// Why a file is no kernel that can be measured.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum KernelError {
    /// No Linux boot header.
    #[error("not a linux bzImage: no boot header")]
    NoBootHeader,
    /// No PE header: the firmware could not start it.
    #[error("not an EFI application: {reason}")]
    NotPe {
        /// What is missing or does not fit.
        reason: &'static str,
    },
    /// The initial RAM disk does not fit below the limit that the kernel gives.
    #[error(
        "an initial ram disk of {initrd_bytes} bytes does not fit {memory_bytes} bytes of memory"
    )]
    InitrdTooLarge {
        /// Bytes of the initial RAM disk.
        initrd_bytes: u64,
        /// Bytes of guest memory.
        memory_bytes: u64,
    },
}

impl KernelError {
    /// Never: the same file fails again.
    #[must_use]
    pub const fn is_retryable(&self) -> bool {
        false
    }

    /// Always: measuring changes nothing.
    #[must_use]
    pub const fn is_definite(&self) -> bool {
        true
    }
}

/// Guest memory that QEMU's `q35` puts below 4 GiB.
pub(super) const fn below_4g_bytes(memory_bytes: u64) -> u64 {
    const LOW_MEMORY_MAX: u64 = 0xb000_0000;
    const LOW_MEMORY_ALIGNED: u64 = 0x8000_0000;
    if memory_bytes >= LOW_MEMORY_MAX {
        LOW_MEMORY_ALIGNED
    } else {
        memory_bytes
    }
}

/// The kernel with the boot header that QEMU's `-kernel` hands to the firmware.
///
/// QEMU fills in its loader type, the command line's address and the initial RAM disk's address
/// and size, so the kernel's hash depends on the latter's size and, below 2.75 GiB, on the memory's.
///
/// # Errors
/// When `kernel` has no boot header of protocol 2.00 or later, or the RAM disk does not fit.
pub fn patch_as_qemu(
    kernel: &[u8],
    initrd_bytes: u64,
    memory_bytes: u64,
) -> Result<Vec<u8>, KernelError> {
    const HEADER_BYTES_MIN: usize = 0x250;
    if kernel.len() < HEADER_BYTES_MIN || &kernel[0x202..0x206] != b"HdrS" {
        return Err(KernelError::NoBootHeader);
    }
    let mut patched = kernel.to_vec();
    let u16_at = |at: usize| u16::from_le_bytes([kernel[at], kernel[at + 1]]);
    let u32_at = |at: usize| u32::from(u16_at(at)) | u32::from(u16_at(at + 2)) << 16;
    let mut write = |at: usize, value: &[u8]| patched[at..at + value.len()].copy_from_slice(value);

    let protocol = u16_at(0x206);
    if protocol < 0x202 {
        return Err(KernelError::NoBootHeader);
    }
    let loaded_high = kernel[0x211] & 0x01 != 0;
    let (real, command_line): (u32, u32) = if loaded_high {
        (0x1_0000, 0x2_0000)
    } else {
        (0x9_0000, 0x9_a000 - 32)
    };

    let above_4g = protocol >= 0x20c && u16_at(0x236) & 0x02 != 0;
    let kernel_limit = match protocol {
        _ if above_4g => u64::from(u32::MAX),
        0x203.. => u64::from(u32_at(0x22c)),
        _ => 0x37ff_ffff,
    };
    // The top of low memory holds the ACPI tables: 0x20000 and 0x8000 bytes.
    const ACPI_BYTES: u64 = 0x2_8000;
    let too_large = KernelError::InitrdTooLarge {
        initrd_bytes,
        memory_bytes,
    };
    let low_limit = below_4g_bytes(memory_bytes)
        .checked_sub(ACPI_BYTES + 1)
        .ok_or(too_large.clone())?;
    let initrd_max = kernel_limit.min(low_limit);
    let address = initrd_max
        .checked_sub(initrd_bytes)
        .ok_or(too_large.clone())?
        & !0xfff;
    let (Ok(address), Ok(bytes)) = (u32::try_from(address), u32::try_from(initrd_bytes)) else {
        return Err(too_large);
    };

    write(0x228, &command_line.to_le_bytes());
    write(0x210, &[0xb0]);
    write(0x211, &[kernel[0x211] | 0x80]);
    let heap_end = (command_line - real - 0x200) as u16;
    write(0x224, &heap_end.to_le_bytes());
    if initrd_bytes > 0 {
        write(0x218, &address.to_le_bytes());
        write(0x21c, &bytes.to_le_bytes());
    }
    Ok(patched)
}

/// The Authenticode digest of a PE file: all of it but its checksum and its signature.
///
/// # Errors
/// When the headers are not those of a PE file or point outside it.
pub fn authenticode_sha384(image: &[u8]) -> Result<[u8; 48], KernelError> {
    let mut hasher = Sha384::new();
    hash_authenticode(image, &mut hasher)?;
    Ok(hasher.finalize().into())
}

fn hash_authenticode(image: &[u8], hasher: &mut impl Digest) -> Result<(), KernelError> {
    let headers = PeHeaders::parse(image)?;
    hasher.update(&image[..headers.checksum]);
    hasher.update(&image[headers.checksum + 4..headers.certificates]);
    hasher.update(&image[headers.certificates + 8..headers.headers_bytes]);
    let mut hashed = headers.headers_bytes;
    for &(start, bytes) in &headers.sections {
        hasher.update(&image[start..start + bytes]);
        hashed += bytes;
    }
    let end = image
        .len()
        .checked_sub(headers.certificates_bytes)
        .ok_or(KernelError::NotPe {
            reason: "signature larger than the file",
        })?;
    if hashed < end {
        hasher.update(&image[hashed..end]);
    }
    Ok(())
}

/// Offsets and sizes that decide what is hashed; all within the file.
struct PeHeaders {
    checksum: usize,
    certificates: usize,
    certificates_bytes: usize,
    headers_bytes: usize,
    /// Start and size of each section's contents, by position in the file.
    sections: Vec<(usize, usize)>,
}

impl PeHeaders {
    fn parse(image: &[u8]) -> Result<Self, KernelError> {
        /// A bound on what a hostile file makes us read; Linux has four.
        const SECTION_COUNT_MAX: usize = 96;
        let not_pe = |reason| KernelError::NotPe { reason };
        let u16_at = |at: usize| {
            let bytes = image
                .get(at..at.saturating_add(2))
                .ok_or(not_pe("headers end early"))?;
            Ok(usize::from(u16::from_le_bytes([bytes[0], bytes[1]])))
        };
        let u32_at = |at: usize| Ok(u16_at(at)? | u16_at(at.saturating_add(2))? << 16);

        if image.get(..2) != Some(b"MZ") {
            return Err(not_pe("no MZ signature"));
        }
        let pe = u32_at(0x3c)?;
        if image.get(pe..pe + 4) != Some(b"PE\0\0") {
            return Err(not_pe("no PE signature"));
        }
        let section_count = u16_at(pe + 6)?;
        if section_count > SECTION_COUNT_MAX {
            return Err(not_pe("too many sections"));
        }
        let optional = pe + 24;
        let optional_bytes = u16_at(pe + 20)?;
        let directories = match u16_at(optional)? {
            0x10b => optional + 96,
            0x20b => optional + 112,
            _ => return Err(not_pe("neither PE32 nor PE32+")),
        };
        const CERTIFICATE_INDEX: usize = 4;
        let certificates = directories + 8 * CERTIFICATE_INDEX;
        if u32_at(directories - 4)? <= CERTIFICATE_INDEX
            || optional_bytes < certificates + 8 - optional
        {
            return Err(not_pe("no entry for a signature"));
        }
        let headers_bytes = u32_at(optional + 60)?;
        if headers_bytes > image.len() || headers_bytes < certificates + 8 {
            return Err(not_pe("size of the headers"));
        }
        let mut sections = Vec::with_capacity(section_count);
        for index in 0..section_count {
            let header = optional + optional_bytes + 40 * index;
            let (bytes, start) = (u32_at(header + 16)?, u32_at(header + 20)?);
            if bytes == 0 {
                continue;
            }
            if start + bytes > image.len() {
                return Err(not_pe("a section ends past the file"));
            }
            sections.push((start, bytes));
        }
        sections.sort_unstable();
        Ok(Self {
            checksum: optional + 64,
            certificates,
            certificates_bytes: u32_at(certificates + 4)?,
            headers_bytes,
            sections,
        })
    }
}

#[cfg(test)]
mod qemu_tests;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::measure::test_files::bz_image;

    #[test]
    fn qemu_fills_in_the_boot_header() {
        let kernel = bz_image();
        // Memory, size of the RAM disk, its address: just under the ACPI tables, page by page.
        for (memory_bytes, initrd_bytes, address) in [
            (512_u64 << 20, 0x1000_u64, 0x1ffd_6000_u32),
            (2 << 30, 0x1001, 0x7ffd_6000),
            (4 << 30, 0x1001, 0x7ffd_6000),
            (0xaff0_0000, 0x1000, 0xafed_6000),
        ] {
            let patched = patch_as_qemu(&kernel, initrd_bytes, memory_bytes).unwrap();
            let changed: Vec<_> = (0..kernel.len())
                .filter(|&at| kernel[at] != patched[at])
                .collect();
            assert!(
                changed.iter().all(|at| (0x210..0x22c).contains(at)),
                "{changed:x?}"
            );
            assert_eq!(patched[0x210..0x212], [0xb0, 0x81]);
            assert_eq!(
                patched[0x218..0x21c],
                address.to_le_bytes(),
                "{memory_bytes:x}"
            );
            assert_eq!(patched[0x21c..0x220], (initrd_bytes as u32).to_le_bytes());
            assert_eq!(patched[0x224..0x226], 0xfe00_u16.to_le_bytes());
            assert_eq!(patched[0x228..0x22c], 0x2_0000_u32.to_le_bytes());
        }
        for (memory_bytes, initrd_bytes) in [(1 << 20, 2 << 20), (0, 0), (4 << 30, u64::MAX)] {
            assert_eq!(
                patch_as_qemu(&kernel, initrd_bytes, memory_bytes),
                Err(KernelError::InitrdTooLarge {
                    initrd_bytes,
                    memory_bytes
                })
            );
        }
    }

    #[test]
    fn the_checksum_and_the_signature_are_not_hashed() {
        let kernel = bz_image();
        let digest = authenticode_sha384(&kernel).unwrap();
        let mut signed = kernel.clone();
        let directory = 0x80 + 24 + 112 + 32;
        signed[directory..directory + 4].copy_from_slice(&(kernel.len() as u32).to_le_bytes());
        signed[directory + 4..directory + 8].copy_from_slice(&16_u32.to_le_bytes());
        signed.extend([7; 16]);
        assert_eq!(authenticode_sha384(&signed), Ok(digest));
        signed.insert(kernel.len(), 1);
        assert_ne!(
            authenticode_sha384(&signed),
            Ok(digest),
            "bytes between sections and signature"
        );
    }

    /// A signed kernel carries its own SHA-256 digest: what we hash is what its signer hashed.
    #[test]
    fn a_signed_kernel_agrees() {
        let Some(kernel) = crate::measure::test_files::real("vmlinuz") else {
            return;
        };
        let headers = PeHeaders::parse(&kernel).unwrap();
        let mut hasher = sha2::Sha256::new();
        hash_authenticode(&kernel, &mut hasher).unwrap();
        let digest = hasher.finalize();
        let signature = &kernel[kernel.len() - headers.certificates_bytes..];
        assert!(
            signature
                .windows(digest.len())
                .any(|bytes| bytes == &digest[..])
        );
    }

    #[test]
    fn a_damaged_kernel_is_an_error_at_worst() {
        let kernel = bz_image();
        for at in (0..0x160).chain(0x1f0..0x260) {
            for value in [0, 1, 0x7f, 0x80, 0xff] {
                let mut damaged = kernel.clone();
                damaged[at] = value;
                let _ = authenticode_sha384(&damaged);
                let _ = patch_as_qemu(&damaged, 1 << 20, 4 << 30);
            }
        }
        for bytes in 0..0x400 {
            let _ = authenticode_sha384(&kernel[..bytes]);
            let _ = patch_as_qemu(&kernel[..bytes], 1, 4 << 30);
        }
    }
}
