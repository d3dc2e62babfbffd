//! What a page of the database file does not use (sqlite.org/fileformat2.html). Pure.

use std::ops::Range;

/// Bytes of the header of the database file, before the header of its first page.
const FILE_HEADER_BYTES: usize = 100;

/// What was found in a page.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Cleaned {
    /// True if the page had to be changed.
    pub(super) is_changed: bool,
    /// The payloads that continue on other pages.
    pub(super) overflows: Vec<Overflow>,
}

/// The part of a payload that is in a chain of overflow pages.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Overflow {
    /// The number of the chain's first page.
    pub(super) first: u32,
    /// Bytes of the payload in the chain.
    pub(super) bytes: usize,
}

/// The sizes in the header of a b-tree page.
struct Layout {
    is_leaf: bool,
    is_table: bool,
    /// The places of the cells.
    cells: Vec<usize>,
    /// Between the list of cells and their content.
    gap: Range<usize>,
    free_blocks: Vec<Range<usize>>,
}

/// Reads 4 bytes as a number.
pub(super) fn number_at(page: &[u8], at: usize) -> Option<u32> {
    page.get(at..at + 4)?.try_into().ok().map(u32::from_be_bytes)
}

/// Fills a part of a page with zeros. Returns false if it was so before.
pub(super) fn clear(page: &mut [u8], part: Range<usize>) -> bool {
    let Some(part) = page.get_mut(part) else { return false };
    let is_changed = part.iter().any(|byte| *byte != 0);
    part.fill(0);
    is_changed
}

/// Clears everything in a b-tree page that no cell uses. `number` is the page's number, `usable`
/// its size without the part that extensions of SQLite reserve. `None` if this is no b-tree page.
pub(super) fn clean(page: &mut [u8], number: u32, usable: usize) -> Option<Cleaned> {
    let layout = Layout::read(page, number, usable)?;
    let overflows = layout.overflows(page, usable)?;
    let mut is_changed = clear(page, layout.gap.clone());
    for block in layout.free_blocks {
        is_changed |= clear(page, block);
    }
    Some(Cleaned { is_changed, overflows })
}

impl Layout {
    /// Reads the header of a b-tree page, and checks that all places are within the page.
    fn read(page: &[u8], number: u32, usable: usize) -> Option<Self> {
        let header = if number == 1 { FILE_HEADER_BYTES } else { 0 };
        let short = |at: usize| Some(usize::from(u16::from_be_bytes(page.get(at..at + 2)?.try_into().ok()?)));
        let (is_leaf, is_table) = match page.get(header)? {
            2 => (false, false),
            5 => (false, true),
            10 => (true, false),
            13 => (true, true),
            _ => return None,
        };
        let list = header + if is_leaf { 8 } else { 12 };
        let count = short(header + 3)?;
        // 0 stands for 65536, which does not fit into 2 bytes.
        let content = Some(short(header + 5)?).filter(|content| *content > 0).unwrap_or(65_536);
        let gap = list + 2 * count..content;
        let cells = (0..count).map(|index| short(list + 2 * index)).collect::<Option<Vec<_>>>()?;
        let is_plausible = gap.start <= gap.end && gap.end <= usable && cells.iter().all(|cell| (content..usable).contains(cell));
        if !is_plausible {
            return None;
        }
        let mut free_blocks = Vec::new();
        let (mut at, mut end) = (short(header + 1)?, content);
        while at != 0 {
            let block = at..at + short(at + 2)?;
            if at < end || block.len() < 4 || block.end > usable {
                return None;
            }
            // The first 4 bytes of a block are its header.
            free_blocks.push(at + 4..block.end);
            (at, end) = (short(at)?, block.end);
        }
        Some(Self { is_leaf, is_table, cells, gap, free_blocks })
    }

    /// Returns the overflow chains of all cells. `None` if a cell is not within the page.
    fn overflows(&self, page: &[u8], usable: usize) -> Option<Vec<Overflow>> {
        if self.is_table && !self.is_leaf {
            return Some(Vec::new());
        }
        let mut overflows = Vec::new();
        for cell in &self.cells {
            // A cell of an inner page begins with the number of a page below it.
            let start = if self.is_leaf { *cell } else { cell + 4 };
            let (payload, mut at) = varint(page, start)?;
            if self.is_table {
                at = varint(page, at)?.1;
            }
            let local = self.local_bytes(payload, usable);
            if local < payload {
                overflows.push(Overflow { first: number_at(page, at + local)?, bytes: payload - local });
            }
        }
        Some(overflows)
    }

    /// Returns how many bytes of a payload are in the cell itself.
    fn local_bytes(&self, payload: usize, usable: usize) -> usize {
        let most = if self.is_table { usable - 35 } else { (usable - 12) * 64 / 255 - 23 };
        if payload <= most {
            return payload;
        }
        let least = (usable - 12) * 32 / 255 - 23;
        let filling = least + (payload - least) % (usable - 4);
        if filling <= most { filling } else { least }
    }
}

/// Reads a number of 1 to 9 bytes. Returns it and the place after it.
fn varint(page: &[u8], at: usize) -> Option<(usize, usize)> {
    let mut number = 0_u64;
    for index in 0..9 {
        let byte = *page.get(at + index)?;
        if index == 8 {
            return Some((usize::try_from(number << 8 | u64::from(byte)).ok()?, at + 9));
        }
        number = number << 7 | u64::from(byte & 0x7f);
        if byte & 0x80 == 0 {
            return Some((usize::try_from(number).ok()?, at + index + 1));
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    const SIZE: usize = 512;

    /// A leaf of an index with one cell of 3 bytes at the end, a free block before it, and old
    /// bytes everywhere else.
    fn leaf() -> Vec<u8> {
        let mut page = vec![b'x'; SIZE];
        page[..10].copy_from_slice(&[10, 1, 0xf0, 0, 1, 1, 0xf0, 0, 1, 0xfc]);
        page[0x1f0..0x1f4].copy_from_slice(&[0, 0, 0, 12]);
        page[0x1fc..].copy_from_slice(&[3, b'a', b'b', b'c']);
        page
    }

    #[test]
    fn clears_the_gap_and_the_free_blocks_and_nothing_else() {
        let (mut page, before) = (leaf(), leaf());
        assert_eq!(clean(&mut page, 2, SIZE), Some(Cleaned { is_changed: true, overflows: Vec::new() }));
        assert!(!page[10..0x1f0].iter().chain(&page[0x1f4..0x1fc]).any(|byte| *byte != 0));
        assert_eq!((&page[..10], &page[0x1f0..0x1f4], &page[0x1fc..]), (&before[..10], &before[0x1f0..0x1f4], &before[0x1fc..]));
        assert_eq!(clean(&mut page, 2, SIZE), Some(Cleaned::default()), "it is clean now");
    }

    #[test]
    fn leaves_pages_alone_that_only_look_like_a_b_tree() {
        for (at, byte) in [(0, 0), (0, 9), (3, 1), (5, 0xff), (8, 2), (8, 0), (1, 2), (0x1f0, 1), (0x1f2, 1), (0x1fc, 0xff)] {
            let mut page = leaf();
            page[at] = byte;
            let before = page.clone();
            assert_eq!(clean(&mut page, 2, SIZE), None, "byte {at:#x} is {byte}");
            assert_eq!(page, before);
        }
        assert_eq!(clean(&mut [], 2, SIZE), None);
        assert_eq!(clean(&mut leaf(), 1, SIZE), None, "the first page has its header after that of the file");
    }

    #[test]
    fn reads_numbers_of_every_length() {
        assert_eq!(varint(&[5], 0), Some((5, 1)));
        assert_eq!(varint(&[0, 0x81, 0x00], 1), Some((128, 3)));
        assert_eq!(varint(&[0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x81, 0x07], 0), Some((0x107, 9)));
        assert_eq!(varint(&[0x80], 0), None);
    }
}
