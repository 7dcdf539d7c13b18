//! Writes metadata into a file, for tests here and elsewhere.

/// Data offset, data bytes, address, memory bytes, kind, attributes.
pub(crate) type Entry = (u32, u32, u64, u64, u32, u32);

const DESCRIPTOR_FROM_END: usize = 0x600;

pub(crate) fn install(file: &mut [u8], sections: &[Entry]) {
    let end = file.len();
    let mut descriptor = b"TDVF".to_vec();
    let bytes = super::DESCRIPTOR_BYTES + sections.len() * super::SECTION_BYTES;
    descriptor.extend((bytes as u32).to_le_bytes());
    descriptor.extend(1_u32.to_le_bytes());
    descriptor.extend((sections.len() as u32).to_le_bytes());
    for (data_offset, data_bytes, address, memory_bytes, kind, attributes) in sections {
        descriptor.extend(data_offset.to_le_bytes());
        descriptor.extend(data_bytes.to_le_bytes());
        descriptor.extend(address.to_le_bytes());
        descriptor.extend(memory_bytes.to_le_bytes());
        descriptor.extend(kind.to_le_bytes());
        descriptor.extend(attributes.to_le_bytes());
    }
    let at = end - DESCRIPTOR_FROM_END;
    file[at..at + descriptor.len()].copy_from_slice(&descriptor);

    let mut table = (DESCRIPTOR_FROM_END as u32).to_le_bytes().to_vec();
    table.extend(22_u16.to_le_bytes());
    table.extend(super::TDVF_ENTRY);
    table.extend((22_u16 + 18).to_le_bytes());
    table.extend(super::TABLE_FOOTER);
    let at = end - super::TABLE_END_FROM_FILE_END - table.len();
    file[at..at + table.len()].copy_from_slice(&table);
}
