//! Captures, pcap and pcapng, as lists of Ethernet frames.
//!
//! What it does **not** know: what is in the frames. Blocks are taken apart by the crate `pcap-parser`.

use std::collections::HashSet;
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

use pcap_parser::pcapng::OptionCode;
use pcap_parser::traits::PcapReaderIterator;
use pcap_parser::{
    Block, EnhancedPacketBlock, InterfaceDescriptionBlock, LegacyPcapBlock, Linktype,
    PcapBlockOwned, PcapError, PcapHeader, create_reader,
};

/// Most bytes of frames that are read: they are held in memory.
const MOST_BYTES: usize = 1 << 30;
/// The longest block: a frame of 64 KiB with its options, and what sections bring along.
const LONGEST_BLOCK: usize = 1 << 22;
const NANOSECONDS: u64 = 1_000_000_000;
/// `epb_packetid` (IETF draft-ietf-opsawg-pcapng, section 4.3).
const PACKET_ID: OptionCode = OptionCode(5);
/// Ethernet's header and type of IPv4, for frames that came without.
const IPV4_HEADER: [u8; 14] = [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x08, 0x00];

/// A frame and when it was seen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Frame {
    /// Nanoseconds since 1970, or whatever the capture counts from.
    pub nanoseconds: u64,
    /// Ethernet header included.
    pub bytes: Vec<u8>,
}

/// What a capture holds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Capture {
    /// In the order of the file. A packet that the file shows at several places (by its packet id) is here once, as it was seen first.
    pub frames: Vec<Frame>,
    /// Further sights of packets.
    pub repeated: u64,
    /// Frames of which the capture holds a part.
    pub cut_off: u64,
    /// Frames of media other than Ethernet, plain IPv4 and Linux's `any` device.
    pub other_media: u64,
    /// The file ends in the middle of a block.
    pub truncated: bool,
}

/// Why a capture cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum CaptureReadError {
    /// The system refused.
    #[error("cannot read {}: {source}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// Neither pcap nor pcapng.
    #[error("{} is no capture: expected pcap or pcapng", .0.display())]
    NotACapture(PathBuf),
    /// A block that is wrong in itself.
    #[error("{} is damaged behind byte {}", path.display(), offset)]
    Damaged {
        /// The file.
        path: PathBuf,
        /// Bytes that were understood.
        offset: usize,
    },
    /// More than fits.
    #[error("{} holds more than 1 GiB of frames", .0.display())]
    TooLong(PathBuf),
}

/// How an interface tells frames.
#[derive(Clone, Copy, Debug)]
struct Interface {
    medium: Linktype,
    /// Ticks a second.
    resolution: u64,
    /// Seconds to be added.
    offset: i64,
}

/// Reads a capture.
pub fn read(path: &Path) -> Result<Capture, CaptureReadError> {
    let system = |source| CaptureReadError::Read {
        path: path.to_owned(),
        source,
    };
    let file = File::open(path).map_err(system)?;
    let about = file.metadata().map_err(system)?;
    if about.is_dir() {
        return Err(system(io::ErrorKind::IsADirectory.into()));
    }
    // No more than a small file can need, and room beyond its end for lengths that lie.
    let length = usize::try_from(about.len()).unwrap_or(LONGEST_BLOCK);
    let buffer = length.saturating_add(1 << 18).min(LONGEST_BLOCK);
    let Ok(mut reader) = create_reader(buffer, file) else {
        return Err(CaptureReadError::NotACapture(path.to_owned()));
    };
    let mut reading = Reading::default();
    loop {
        let step = match reader.next() {
            Ok((length, block)) => {
                reading.take(&block);
                Step::Taken(length)
            }
            Err(PcapError::Eof) => Step::End,
            Err(PcapError::Incomplete(_)) => Step::More,
            Err(PcapError::UnexpectedEof) => Step::Cut,
            Err(_) => Step::Damaged,
        };
        match step {
            Step::Taken(length) => reader.consume(length),
            Step::End => break,
            Step::More if !reader.reader_exhausted() => {
                let before = reader.data().len();
                refill(&mut *reader).map_err(system)?;
                if reader.data().len() == before && !reader.reader_exhausted() {
                    // A block without end.
                    let (path, offset) = (path.to_owned(), reader.consumed());
                    return Err(CaptureReadError::Damaged { path, offset });
                }
            }
            Step::More | Step::Cut => {
                reading.capture.truncated = true;
                break;
            }
            Step::Damaged => {
                let (path, offset) = (path.to_owned(), reader.consumed());
                return Err(CaptureReadError::Damaged { path, offset });
            }
        }
        if reading.bytes > MOST_BYTES {
            return Err(CaptureReadError::TooLong(path.to_owned()));
        }
    }
    Ok(reading.capture)
}

/// What the library says of the next block.
enum Step {
    /// Read: so many bytes.
    Taken(usize),
    /// There is none.
    End,
    /// It goes on behind what has been read.
    More,
    /// The file ends in it.
    Cut,
    Damaged,
}

fn refill(reader: &mut dyn PcapReaderIterator) -> io::Result<()> {
    reader
        .refill()
        .map_err(|_| io::Error::other("the rest of the file cannot be read"))
}

/// What has been read so far.
#[derive(Debug, Default)]
struct Reading {
    capture: Capture,
    /// Bytes of all frames.
    bytes: usize,
    interfaces: Vec<Interface>,
    seen: HashSet<Vec<u8>>,
}

impl Reading {
    fn take(&mut self, block: &PcapBlockOwned<'_>) {
        match block {
            PcapBlockOwned::LegacyHeader(header) => self.interfaces = vec![legacy(header)],
            PcapBlockOwned::Legacy(block) => self.legacy_frame(block),
            PcapBlockOwned::NG(Block::SectionHeader(_)) => {
                self.interfaces.clear();
                self.seen.clear();
            }
            PcapBlockOwned::NG(Block::InterfaceDescription(block)) => {
                self.interfaces.push(described(block));
            }
            PcapBlockOwned::NG(Block::EnhancedPacket(block)) => self.enhanced_frame(block),
            PcapBlockOwned::NG(Block::SimplePacket(block)) => {
                let length = (block.origlen as usize).min(block.data.len());
                let whole = length == block.origlen as usize;
                // It tells no time: that of the frame before it.
                let before = self.capture.frames.last();
                let nanoseconds = before.map_or(0, |frame| frame.nanoseconds);
                self.frame(0, nanoseconds, &block.data[..length], whole);
            }
            PcapBlockOwned::NG(_) => {}
        }
    }

    fn legacy_frame(&mut self, block: &LegacyPcapBlock<'_>) {
        let Some(&interface) = self.interfaces.first() else {
            return;
        };
        let fraction = u64::from(block.ts_usec) * (NANOSECONDS / interface.resolution);
        let nanoseconds = u64::from(block.ts_sec) * NANOSECONDS + fraction;
        let length = (block.caplen as usize).min(block.data.len());
        let whole = block.caplen >= block.origlen;
        self.frame(0, nanoseconds, &block.data[..length], whole);
    }

    fn enhanced_frame(&mut self, block: &EnhancedPacketBlock<'_>) {
        let id = block.options.iter().find(|option| option.code == PACKET_ID);
        if let Some(id) = id
            && !self.seen.insert(id.value.to_vec())
        {
            self.capture.repeated += 1;
            return;
        }
        let number = block.if_id as usize;
        let Some(interface) = self.interfaces.get(number) else {
            self.capture.other_media += 1;
            return;
        };
        let ticks = u128::from(block.ts_high) << 32 | u128::from(block.ts_low);
        let since = ticks * u128::from(NANOSECONDS) / u128::from(interface.resolution);
        let offset = i128::from(interface.offset) * i128::from(NANOSECONDS);
        let moment = i128::try_from(since)
            .unwrap_or(i128::MAX)
            .saturating_add(offset);
        let nanoseconds = u64::try_from(moment.max(0)).unwrap_or(u64::MAX);
        let length = (block.caplen as usize).min(block.data.len());
        let whole = block.caplen >= block.origlen;
        self.frame(number, nanoseconds, &block.data[..length], whole);
    }

    fn frame(&mut self, interface: usize, nanoseconds: u64, data: &[u8], whole: bool) {
        if !whole {
            self.capture.cut_off += 1;
            return;
        }
        let medium = self.interfaces.get(interface).map(|known| known.medium);
        let bytes = match medium {
            Some(Linktype::ETHERNET) => data.to_vec(),
            Some(Linktype::RAW | Linktype::IPV4) => [&IPV4_HEADER[..], data].concat(),
            // The last two bytes of the 16 are the type, as Ethernet has it.
            Some(Linktype::LINUX_SLL) if data.len() >= 16 => {
                [&IPV4_HEADER[..12], &data[14..]].concat()
            }
            _ => {
                self.capture.other_media += 1;
                return;
            }
        };
        self.bytes += bytes.len();
        self.capture.frames.push(Frame { nanoseconds, bytes });
    }
}

fn legacy(header: &PcapHeader) -> Interface {
    Interface {
        medium: header.network,
        resolution: if header.is_nanosecond_precision() {
            NANOSECONDS
        } else {
            1_000_000
        },
        offset: 0,
    }
}

fn described(block: &InterfaceDescriptionBlock<'_>) -> Interface {
    Interface {
        medium: block.linktype,
        resolution: block
            .ts_resolution()
            .filter(|&ticks| ticks > 0)
            .unwrap_or(1_000_000),
        offset: block.ts_offset(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read_bytes(bytes: &[u8]) -> Result<Capture, CaptureReadError> {
        let file = tempfile::NamedTempFile::new().expect("a file");
        std::fs::write(file.path(), bytes).expect("written");
        read(file.path())
    }

    /// A pcap of one medium: (seconds, fraction, original length, bytes).
    fn pcap(magic: u32, medium: u32, frames: &[(u32, u32, u32, &[u8])]) -> Vec<u8> {
        let mut bytes = Vec::new();
        let word = |bytes: &mut Vec<u8>, word: u32| bytes.extend(word.to_le_bytes());
        word(&mut bytes, magic);
        bytes.extend([2, 0, 4, 0]);
        for value in [0, 0, 65_535, medium] {
            word(&mut bytes, value);
        }
        for &(seconds, fraction, original, data) in frames {
            let length = u32::try_from(data.len()).expect("short");
            for value in [seconds, fraction, length, original] {
                word(&mut bytes, value);
            }
            bytes.extend(data);
        }
        bytes
    }

    const MICROSECONDS: u32 = 0xa1b2_c3d4;
    const NANOSECOND_MAGIC: u32 = 0xa1b2_3c4d;

    #[test]
    fn frames_come_with_their_moments_in_either_precision() {
        for (magic, fraction) in [(MICROSECONDS, 500_000), (NANOSECOND_MAGIC, 500_000_000)] {
            let capture = read_bytes(&pcap(magic, 1, &[(7, fraction, 3, b"abc")]));
            let frame = Frame {
                nanoseconds: 7_500_000_000,
                bytes: b"abc".to_vec(),
            };
            assert_eq!(capture.expect("a capture").frames, [frame]);
        }
    }

    #[test]
    fn plain_packets_get_a_header_and_those_of_other_media_are_counted() {
        let raw = read_bytes(&pcap(MICROSECONDS, 101, &[(0, 0, 2, b"ip")])).expect("a capture");
        assert_eq!(raw.frames[0].bytes, [&IPV4_HEADER[..], b"ip"].concat());
        let mut cooked = [0; 18];
        cooked[14..].copy_from_slice(&[0x08, 0x00, b'i', b'p']);
        let sll = read_bytes(&pcap(MICROSECONDS, 113, &[(0, 0, 18, &cooked)])).expect("a capture");
        assert_eq!(sll.frames, raw.frames);
        let wifi = read_bytes(&pcap(MICROSECONDS, 105, &[(0, 0, 2, b"ip")])).expect("a capture");
        assert_eq!((wifi.frames.len(), wifi.other_media), (0, 1));
    }

    #[test]
    fn frames_that_were_cut_off_are_counted_and_left_out() {
        let bytes = pcap(MICROSECONDS, 1, &[(0, 0, 1500, b"abc"), (0, 0, 3, b"abc")]);
        let capture = read_bytes(&bytes).expect("a capture");
        assert_eq!((capture.frames.len(), capture.cut_off), (1, 1));
    }

    #[test]
    fn a_file_that_ends_too_early_gives_what_is_there() {
        let bytes = pcap(MICROSECONDS, 1, &[(0, 0, 3, b"abc"), (0, 0, 3, b"def")]);
        for missing in 1..19 {
            let capture = read_bytes(&bytes[..bytes.len() - missing]).expect("a capture");
            assert_eq!(
                (capture.frames.len(), capture.truncated),
                (1, true),
                "{missing}"
            );
        }
    }

    #[test]
    fn what_is_no_capture_is_said_with_its_name() {
        for bytes in [&b""[..], b"{}", b"\x0a\x0d\x0d\x0a", &[0xd4, 0xc3, 0xb2]] {
            let error = read_bytes(bytes).expect_err("no capture");
            assert!(matches!(error, CaptureReadError::NotACapture(_)), "{error}");
        }
        let error = read(Path::new("/nowhere/x.pcap")).expect_err("no file");
        assert!(error.to_string().contains("/nowhere/x.pcap"), "{error}");
        read(Path::new("/")).expect_err("a folder");
    }

    proptest::proptest! {
        // Each case writes files.
        #![proptest_config(proptest::prelude::ProptestConfig::with_cases(64))]

        #[test]
        fn no_bytes_break_the_reader(bytes: Vec<u8>, cut in 0_usize..200, flip in 0_usize..200) {
            let _ = read_bytes(&bytes);
            let mut capture = pcap(MICROSECONDS, 1, &[(0, 0, 3, b"abc"), (0, 0, 3, b"def")]);
            let at = flip % capture.len();
            capture[at] ^= 0xff;
            let _ = read_bytes(&capture[..capture.len() - cut % capture.len()]);
        }
    }
}
