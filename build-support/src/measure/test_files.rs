//! Files of the right shape for tests: a firmware with OVMF's metadata, a kernel with both headers.

use super::firmware::layout;

/// A 4 MiB firmware with the sections of dstack's OVMF and some bytes in them.
pub(crate) fn ovmf() -> Vec<u8> {
    const FILE_BYTES: usize = 4 << 20;
    let mut file = vec![0; FILE_BYTES];
    for (index, byte) in file.iter_mut().enumerate().take(FILE_BYTES - (64 << 10)) {
        *byte = (index % 251) as u8;
    }
    layout::install(
        &mut file,
        &[
            (0x8_4000, 0x37_c000, 0xffc8_4000, 0x37_c000, 0, 1),
            (0, 0x8_4000, 0xffc0_0000, 0x8_4000, 1, 0),
            (0, 0, 0x81_0000, 0x1_0000, 3, 0),
            (0, 0, 0x80_b000, 0x2000, 3, 0),
            (0, 0, 0x80_9000, 0x2000, 2, 0),
            (0, 0, 0x80_0000, 0x6000, 3, 0),
        ],
    );
    file
}

/// A file with a PE header at 0x80 and a Linux boot header at 0x1f1, as a bzImage has them.
pub(crate) fn bz_image() -> Vec<u8> {
    let mut file = vec![0; 0x3000];
    for (index, byte) in file.iter_mut().enumerate().skip(0x400) {
        *byte = (index % 253) as u8;
    }
    let mut write = |at: usize, value: &[u8]| file[at..at + value.len()].copy_from_slice(value);
    write(0, b"MZ");
    write(0x3c, &0x80_u32.to_le_bytes());
    write(0x80, b"PE\0\0");
    write(0x80 + 6, &1_u16.to_le_bytes());
    write(0x80 + 20, &160_u16.to_le_bytes());
    let optional = 0x80 + 24;
    write(optional, &0x20b_u16.to_le_bytes());
    write(optional + 60, &0x400_u32.to_le_bytes());
    write(optional + 108, &6_u32.to_le_bytes());
    write(optional + 160 + 16, &0x2000_u32.to_le_bytes());
    write(optional + 160 + 20, &0x400_u32.to_le_bytes());
    write(0x202, b"HdrS");
    write(0x206, &0x20f_u16.to_le_bytes());
    write(0x211, &[0x01]);
    write(0x22c, &0x7fff_ffff_u32.to_le_bytes());
    write(0x236, &0x02_u16.to_le_bytes());
    file
}

/// A file of the folder that `MOSAIK_TDX_FILES` names, which `.ci/tdx-guest` fills.
///
/// Firmware and kernels are too large for the repository.
pub(crate) fn real(name: &str) -> Option<Vec<u8>> {
    let Some(folder) = std::env::var_os("MOSAIK_TDX_FILES") else {
        println!("skipped: MOSAIK_TDX_FILES names no folder with {name}");
        return None;
    };
    let path = std::path::Path::new(&folder).join(name);
    match std::fs::read(&path) {
        Ok(contents) => Some(contents),
        Err(error) => {
            println!("skipped: {}: {error}", path.display());
            None
        }
    }
}
