//! Frames side by side in one piece of memory, so that a burst reads and writes what lies in the nearest caches.

/// Bytes of a cache line.
const LINE: usize = 64;

/// Frames in slots of equal size: multiples of a cache line, aligned to one.
#[derive(Debug)]
pub struct Frames {
    bytes: Vec<u8>,
    /// Where the first slot begins: the allocator does not align to cache lines.
    start: usize,
    /// Bytes of a slot.
    stride: usize,
    /// Bytes in use, by slot.
    lengths: Vec<u16>,
}

impl Frames {
    /// `slots` empty slots for frames of up to `longest` bytes.
    pub fn new(slots: usize, longest: u16) -> Self {
        let stride = usize::from(longest).next_multiple_of(LINE).max(LINE);
        let bytes = vec![0; slots * stride + LINE];
        Self {
            start: bytes.as_ptr().align_offset(LINE).min(LINE),
            bytes,
            stride,
            lengths: vec![0; slots],
        }
    }

    /// Number of slots.
    pub fn slots(&self) -> usize {
        self.lengths.len()
    }

    /// Bytes of all slots together.
    pub fn memory(&self) -> usize {
        self.stride * self.lengths.len()
    }

    /// Copies a frame into a slot. What does not fit is cut off, as in a receive buffer that is too short; the packet will be refused for
    /// its header then.
    #[inline]
    pub fn put(&mut self, slot: u32, frame: &[u8]) {
        let length = frame.len().min(self.stride).min(usize::from(u16::MAX));
        let start = self.start_of(slot);
        self.bytes[start..start + length].copy_from_slice(&frame[..length]);
        self.lengths[slot as usize] = u16::try_from(length).unwrap_or(u16::MAX);
    }

    /// The frame in a slot.
    #[inline]
    pub fn frame(&self, slot: u32) -> &[u8] {
        let start = self.start_of(slot);
        &self.bytes[start..start + usize::from(self.lengths[slot as usize])]
    }

    /// The frame in a slot, to be patched in place.
    #[inline]
    pub fn frame_mut(&mut self, slot: u32) -> &mut [u8] {
        let start = self.start_of(slot);
        &mut self.bytes[start..start + usize::from(self.lengths[slot as usize])]
    }

    #[inline]
    fn start_of(&self, slot: u32) -> usize {
        self.start + slot as usize * self.stride
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slot_keeps_its_frame_apart_from_its_neighbours() {
        let mut frames = Frames::new(3, 65);
        frames.put(0, &[1; 65]);
        frames.put(1, &[2; 128]);
        frames.put(2, &[3; 14]);
        frames.put(1, &[4; 200]);
        assert_eq!(frames.frame(0), [1; 65]);
        assert_eq!(frames.frame(1), [4; 128], "cut off at the slot's end");
        assert_eq!(frames.frame(2), [3; 14]);
        assert_eq!(frames.memory(), 3 * 128);
        assert_eq!(frames.frame(2).as_ptr() as usize % LINE, 0);
    }
}
