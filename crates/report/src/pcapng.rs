//! Captures in the pcapng format (IETF draft-ietf-opsawg-pcapng), as Wireshark and tshark read it.
//!
//! One interface per NIC, Ethernet throughout, nanosecond timestamps. A packet keeps its id from hop to hop, so that the filter
//! `frame.packet_id == 7` shows its whole way; the verdict and its evidence are comments of the packet. Nothing in a capture tells
//! of the host: no name, no operating system, no clock, and the byte order is little-endian everywhere. Equal calls give equal
//! bytes.
//!
//! Three kinds of block are all it takes, so they are written here: the libraries at hand allocate every option of every
//! packet anew, and none keeps a file readable while it grows.
//!
//! # What stands at the path
//!
//! At every moment a capture that can be read. [`CaptureWriter::create`] writes the header to a temporary file and
//! renames it to the path: until then the old file stays, from then on the new one is there. Every block is then appended by one
//! write, so that a run that is cancelled, even killed, leaves a capture up to the last packet. A block that did not fit on the
//! disk is cut off again. [`CaptureWriter::finish`] brings the whole file to disk.

use std::fs::File;
use std::io::{self, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use engine::time::{CaptureEpoch, SimTime};
use formats::atomic::{NewFile, WriteError};

/// Writes one capture, packet by packet.
#[derive(Debug)]
pub struct CaptureWriter {
    path: PathBuf,
    file: File,
    epoch: CaptureEpoch,
    interfaces: u32,
    /// How much of the file are whole blocks, in bytes.
    length: u64,
    /// The block being built, kept for its capacity.
    block: Vec<u8>,
}

/// An interface of one capture; meaningless in another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct InterfaceId(u32);

/// A capture could not be written.
#[derive(Debug, thiserror::Error)]
pub enum CaptureError {
    /// The file could not be made or brought to its place.
    #[error(transparent)]
    Create(#[from] WriteError),
    /// A block could not be appended. What was written before can be read.
    #[error("cannot write capture {}: {source}", path.display())]
    Append {
        /// The capture.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The interface belongs to another capture.
    #[error("the capture has no interface {}", .0.0)]
    UnknownInterface(InterfaceId),
    /// Packet and comments together exceed what readers accept.
    #[error(
        "a packet of {0} bytes with its comments exceeds the {MAX_BLOCK} bytes of a pcapng block"
    )]
    TooLong(usize),
}

/// The longest block that Wireshark reads, in bytes.
const MAX_BLOCK: usize = 16 * 1024 * 1024;

impl CaptureWriter {
    /// Starts a capture at `path`. Time 0 of the run gets the date `epoch`.
    pub fn create(path: &Path, epoch: CaptureEpoch) -> Result<Self, CaptureError> {
        let mut block = Vec::with_capacity(2_048);
        section_header(&mut block);
        let mut file = NewFile::create(path)?;
        file.write_all(&block)
            .map_err(|source| CaptureError::Append {
                path: path.to_owned(),
                source,
            })?;
        Ok(Self {
            path: path.to_owned(),
            file: file.publish()?,
            epoch,
            interfaces: 0,
            length: block.len() as u64,
            block,
        })
    }

    /// Adds an interface, at any time before its first packet. `name` is `vm/nic`; an empty `description` is left out.
    pub fn add_interface(
        &mut self,
        name: &str,
        description: &str,
    ) -> Result<InterfaceId, CaptureError> {
        self.block.clear();
        interface_description(&mut self.block, name, description);
        self.append()?;
        let id = InterfaceId(self.interfaces);
        self.interfaces += 1;
        Ok(id)
    }

    /// Writes a packet that `interface` saw at `time`: `bytes` from the Ethernet header on, the id it keeps from hop to hop, and
    /// what is to be said about it. A comment beyond 65,535 bytes is cut off with an ellipsis.
    ///
    /// Readers expect packets in the order of time; the caller sees to it.
    pub fn write_packet(
        &mut self,
        interface: InterfaceId,
        time: SimTime,
        bytes: &[u8],
        packet_id: u64,
        comments: &[&str],
    ) -> Result<(), CaptureError> {
        if interface.0 >= self.interfaces {
            return Err(CaptureError::UnknownInterface(interface));
        }
        let length = bytes.len() + comments.iter().map(|comment| comment.len()).sum::<usize>();
        // The rest, headers and padding, is 48 bytes and 8 for each comment.
        if length + 48 + 8 * comments.len() > MAX_BLOCK {
            return Err(CaptureError::TooLong(length));
        }
        self.block.clear();
        let timestamp = self.epoch.unix_nanoseconds(time);
        enhanced_packet(
            &mut self.block,
            interface,
            timestamp,
            bytes,
            packet_id,
            comments,
        );
        self.append()
    }

    /// Brings the capture to disk. Without this call it is readable all the same, but not safe from a power cut.
    pub fn finish(self) -> Result<(), CaptureError> {
        // A pipe or device cannot be synchronised and need not be.
        if self.is_regular_file() {
            self.file.sync_all().map_err(|source| self.error(source))?;
        }
        Ok(())
    }

    /// Appends the block in one write. If that fails, the file ends with the block before.
    fn append(&mut self) -> Result<(), CaptureError> {
        match self.file.write_all(&self.block) {
            Ok(()) => {
                self.length += self.block.len() as u64;
                Ok(())
            }
            Err(source) => {
                // Half a block would make readers complain. If not even this works, there is nothing more to do.
                if self.is_regular_file() {
                    let _ = self.file.set_len(self.length);
                    let _ = self.file.seek(SeekFrom::Start(self.length));
                }
                Err(self.error(source))
            }
        }
    }

    fn is_regular_file(&self) -> bool {
        self.file
            .metadata()
            .is_ok_and(|metadata| metadata.is_file())
    }

    fn error(&self, source: io::Error) -> CaptureError {
        CaptureError::Append {
            path: self.path.clone(),
            source,
        }
    }
}

/// Section Header Block (draft, section 4.1): byte order and version. The section's length stays open, since the file grows.
fn section_header(block: &mut Vec<u8>) {
    const SHB_USERAPPL: u16 = 4;
    framed(block, 0x0a0d_0d0a, |block| {
        block.extend_from_slice(&0x1a2b_3c4d_u32.to_le_bytes());
        block.extend_from_slice(&1_u16.to_le_bytes());
        block.extend_from_slice(&0_u16.to_le_bytes());
        block.extend_from_slice(&u64::MAX.to_le_bytes());
        option(block, SHB_USERAPPL, b"vnetsim");
        end_of_options(block);
    });
}

/// Interface Description Block (draft, section 4.2): Ethernet, no limit on the length of packets, nanoseconds.
fn interface_description(block: &mut Vec<u8>, name: &str, description: &str) {
    const LINKTYPE_ETHERNET: u16 = 1;
    const IF_NAME: u16 = 2;
    const IF_DESCRIPTION: u16 = 3;
    const IF_TSRESOL: u16 = 9;
    framed(block, 1, |block| {
        block.extend_from_slice(&LINKTYPE_ETHERNET.to_le_bytes());
        block.extend_from_slice(&[0; 2]);
        block.extend_from_slice(&0_u32.to_le_bytes());
        text_option(block, IF_NAME, name);
        if !description.is_empty() {
            text_option(block, IF_DESCRIPTION, description);
        }
        option(block, IF_TSRESOL, &[9]);
        end_of_options(block);
    });
}

/// Enhanced Packet Block (draft, section 4.3). The timestamp is two halves, the upper one first whatever the byte order.
fn enhanced_packet(
    block: &mut Vec<u8>,
    interface: InterfaceId,
    timestamp: u64,
    bytes: &[u8],
    packet_id: u64,
    comments: &[&str],
) {
    const OPT_COMMENT: u16 = 1;
    const EPB_PACKETID: u16 = 5;
    let length = u32::try_from(bytes.len()).expect("the caller keeps blocks below 16 MiB");
    framed(block, 6, |block| {
        block.extend_from_slice(&interface.0.to_le_bytes());
        let [upper, lower] = [timestamp >> 32, timestamp & u64::from(u32::MAX)]
            .map(|half| u32::try_from(half).expect("half of 64 bits"));
        block.extend_from_slice(&upper.to_le_bytes());
        block.extend_from_slice(&lower.to_le_bytes());
        // As captured and as on the wire: we never cut packets.
        block.extend_from_slice(&length.to_le_bytes());
        block.extend_from_slice(&length.to_le_bytes());
        block.extend_from_slice(bytes);
        pad(block);
        option(block, EPB_PACKETID, &packet_id.to_le_bytes());
        for comment in comments {
            text_option(block, OPT_COMMENT, comment);
        }
        end_of_options(block);
    });
}

/// The frame of every block: type, total length, body, total length again.
fn framed(block: &mut Vec<u8>, kind: u32, body: impl FnOnce(&mut Vec<u8>)) {
    debug_assert!(
        block.is_empty(),
        "one block at a time: padding counts from its start"
    );
    block.extend_from_slice(&kind.to_le_bytes());
    block.extend_from_slice(&[0; 4]);
    body(block);
    let length = u32::try_from(block.len() + 4).expect("the caller keeps blocks below 16 MiB");
    block[4..8].copy_from_slice(&length.to_le_bytes());
    block.extend_from_slice(&length.to_le_bytes());
}

/// An option whose value is text: cut at a character if it is too long for the 16 bits of its length.
fn text_option(block: &mut Vec<u8>, code: u16, text: &str) {
    const ELLIPSIS: &str = "…";
    const LONGEST: usize = 65_535;
    if text.len() <= LONGEST {
        option(block, code, text.as_bytes());
    } else {
        let kept = text.floor_char_boundary(LONGEST - ELLIPSIS.len());
        option(block, code, [&text[..kept], ELLIPSIS].concat().as_bytes());
    }
}

fn option(block: &mut Vec<u8>, code: u16, value: &[u8]) {
    let length =
        u16::try_from(value.len()).expect("text_option cuts, the others are fixed and short");
    block.extend_from_slice(&code.to_le_bytes());
    block.extend_from_slice(&length.to_le_bytes());
    block.extend_from_slice(value);
    pad(block);
}

fn end_of_options(block: &mut Vec<u8>) {
    block.extend_from_slice(&[0; 4]);
}

/// Zeros up to the next multiple of 4 bytes, which every field starts at.
fn pad(block: &mut Vec<u8>) {
    block.resize(block.len().next_multiple_of(4), 0);
}

#[cfg(test)]
mod tests {
    use super::*;
    use etherparse::{IpHeaders, PacketBuilder, PacketBuilderStep};
    use std::process::Command;

    const EPOCH: &str = "2024-02-29T12:00:00Z";

    fn epoch() -> CaptureEpoch {
        EPOCH.parse().expect("an epoch")
    }

    fn headers() -> PacketBuilderStep<IpHeaders> {
        PacketBuilder::ethernet2([2, 0, 0, 0, 0, 1], [2, 0, 0, 0, 0, 2]).ipv4(
            [10, 1, 1, 4],
            [10, 2, 1, 4],
            64,
        )
    }

    fn echo_request(sequence: u16) -> Vec<u8> {
        let mut bytes = Vec::new();
        let step = headers().icmpv4_echo_request(1, sequence);
        step.write(&mut bytes, b"payload").expect("a Vec takes it");
        bytes
    }

    fn segment() -> Vec<u8> {
        let mut bytes = Vec::new();
        let step = headers().tcp(49_152, 443, 1, 64_240).syn();
        step.write(&mut bytes, &[]).expect("a Vec takes it");
        bytes
    }

    fn datagram() -> Vec<u8> {
        let mut bytes = Vec::new();
        let step = headers().udp(49_152, 5_000);
        step.write(&mut bytes, &[7]).expect("a Vec takes it");
        bytes
    }

    /// A packet that two NICs see, one that is dropped, one without comment.
    fn write_example(path: &Path) -> Result<(), CaptureError> {
        let mut capture = CaptureWriter::create(path, epoch())?;
        let sales = capture.add_interface("SalesVM/SalesVMVMNic", "10.1.1.4 in SalesVNet/Apps")?;
        let marketing = capture.add_interface("MarketingVM/MarketingVMVMNic", "")?;
        let at = SimTime::from_nanoseconds;
        capture.write_packet(
            sales,
            at(0),
            &echo_request(1),
            1,
            &["route 10.2.0.0/16 VNetPeering"],
        )?;
        capture.write_packet(marketing, at(500_001), &echo_request(1), 1, &["delivered"])?;
        let verdict = [
            "dropped: route-none",
            "route 10.0.0.0/8 None – nächster Sprung",
        ];
        capture.write_packet(sales, at(1_000_000_000), &segment(), 2, &verdict)?;
        capture.write_packet(sales, at(2_000_000_000), &datagram(), u64::MAX, &[])?;
        capture.finish()
    }

    /// (type, body) of every block, or where the file stops being one.
    fn blocks(bytes: &[u8]) -> Result<Vec<(u32, &[u8])>, usize> {
        let word = |at: usize| -> Result<u32, usize> {
            let word = bytes.get(at..at + 4).ok_or(at)?;
            Ok(u32::from_le_bytes(word.try_into().expect("four bytes")))
        };
        let (mut at, mut blocks) = (0, Vec::new());
        while at < bytes.len() {
            let length = usize::try_from(word(at + 4)?).expect("32 bits");
            if length < 12 || length % 4 != 0 || word(at + length - 4)? != word(at + 4)? {
                return Err(at);
            }
            blocks.push((word(at)?, &bytes[at + 8..at + length - 4]));
            at += length;
        }
        Ok(blocks)
    }

    #[test]
    fn equal_calls_give_equal_bytes() {
        let folder = tempfile::tempdir().expect("folder");
        let [first, second] = ["first", "second"].map(|name| {
            let path = folder.path().join(name);
            write_example(&path).expect("written");
            std::fs::read(&path).expect("readable")
        });
        assert_eq!(first, second);
    }

    /// Byte for byte as the draft lays the blocks out.
    #[test]
    fn an_interface_and_its_packet_have_the_documented_layout() {
        let mut block = Vec::new();
        interface_description(&mut block, "vm/n", "");
        let expected = [
            &[1, 0, 0, 0, 40, 0, 0, 0][..], // type, length
            &[1, 0, 0, 0, 0, 0, 0, 0],      // Ethernet, reserved, no snap length
            &[2, 0, 4, 0, b'v', b'm', b'/', b'n'],
            &[9, 0, 1, 0, 9, 0, 0, 0], // nanoseconds
            &[0, 0, 0, 0, 40, 0, 0, 0],
        ];
        assert_eq!(block, expected.concat());
        block.clear();
        enhanced_packet(
            &mut block,
            InterfaceId(3),
            0x0102_0304_0506_0708,
            &[0xaa; 5],
            9,
            &["why"],
        );
        let expected = [
            &[6, 0, 0, 0, 64, 0, 0, 0][..],
            &[3, 0, 0, 0, 4, 3, 2, 1, 8, 7, 6, 5], // interface, upper half, lower half
            &[5, 0, 0, 0, 5, 0, 0, 0],
            &[0xaa, 0xaa, 0xaa, 0xaa, 0xaa, 0, 0, 0],
            &[5, 0, 8, 0, 9, 0, 0, 0, 0, 0, 0, 0], // packet id
            &[1, 0, 3, 0, b'w', b'h', b'y', 0],
            &[0, 0, 0, 0, 64, 0, 0, 0],
        ];
        assert_eq!(block, expected.concat());
    }

    #[test]
    fn a_cancelled_run_leaves_every_packet_so_far() {
        let folder = tempfile::tempdir().expect("folder");
        let path = folder.path().join("ping.pcapng");
        std::fs::write(&path, "an older capture").expect("written");
        let mut capture = CaptureWriter::create(&path, CaptureEpoch::default()).expect("made");
        let nic = capture.add_interface("a/b", "").expect("added");
        for packet in 0..5 {
            // Before each packet the file is a capture with those before it.
            let written = std::fs::read(&path).expect("readable");
            assert_eq!(blocks(&written).map(|blocks| blocks.len()), Ok(2 + packet));
            let time = SimTime::from_nanoseconds(packet as u64);
            capture
                .write_packet(nic, time, &echo_request(1), packet as u64, &["on its way"])
                .expect("written");
        }
        // Killed: neither `finish` nor `drop` runs.
        std::mem::forget(capture);
        let written = std::fs::read(&path).expect("readable");
        assert_eq!(blocks(&written).map(|blocks| blocks.len()), Ok(7));
        assert_eq!(std::fs::read_dir(folder.path()).expect("folder").count(), 1);
    }

    #[test]
    fn long_comments_are_cut_at_a_character() {
        let mut block = Vec::new();
        let comment = "ü".repeat(40_000);
        text_option(&mut block, 1, &comment);
        let length = usize::from(u16::from_le_bytes([block[2], block[3]]));
        let text = std::str::from_utf8(&block[4..4 + length]).expect("whole characters");
        assert!(text.ends_with("ü…"), "{length}");
        assert!(length > 65_530);

        let mut block = Vec::new();
        text_option(&mut block, 1, &comment[..65_534]);
        assert_eq!(&block[2..4], 65_534_u16.to_le_bytes());
    }

    #[test]
    fn what_no_reader_would_accept_is_refused_and_leaves_the_capture_whole() {
        let folder = tempfile::tempdir().expect("folder");
        let path = folder.path().join("capture");
        let mut capture = CaptureWriter::create(&path, CaptureEpoch::default()).expect("made");
        let error = capture
            .write_packet(InterfaceId(0), SimTime::ZERO, &[], 0, &[])
            .expect_err("there is no interface");
        assert_eq!(error.to_string(), "the capture has no interface 0");
        let nic = capture.add_interface("a/b", "").expect("added");
        let error = capture
            .write_packet(nic, SimTime::ZERO, &vec![0; MAX_BLOCK], 0, &[])
            .expect_err("too long");
        assert!(matches!(error, CaptureError::TooLong(MAX_BLOCK)), "{error}");
        capture.finish().expect("finished");
        let written = std::fs::read(&path).expect("readable");
        assert_eq!(blocks(&written).map(|blocks| blocks.len()), Ok(2));
    }

    #[test]
    fn a_capture_in_a_missing_folder_names_the_path() {
        let error = CaptureWriter::create(
            Path::new("/no/such/folder/x.pcapng"),
            CaptureEpoch::default(),
        )
        .expect_err("no such folder");
        assert!(
            error.to_string().contains("/no/such/folder/x.pcapng"),
            "{error}"
        );
    }

    /// Runs tshark over `path`. `None`, with a printed line, where it is not installed; `VNETSIM_REQUIRE_TSHARK=1` makes that a failure.
    #[expect(clippy::print_stdout, reason = "a skipped test says so")]
    fn tshark(path: &Path, arguments: &[&str]) -> Option<String> {
        let output = Command::new("tshark")
            .arg("-r")
            .arg(path)
            .args([
                "-o",
                "ip.check_checksum:TRUE",
                "-o",
                "tcp.check_checksum:TRUE",
                "-o",
                "udp.check_checksum:TRUE",
            ])
            .args(arguments)
            .output();
        let output = match output {
            Ok(output) => output,
            Err(error) => {
                let required =
                    std::env::var("VNETSIM_REQUIRE_TSHARK").is_ok_and(|value| value == "1");
                assert!(!required, "tshark is required: {error}");
                println!("skipped: tshark is not installed ({error})");
                return None;
            }
        };
        let messages = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "tshark: {messages}");
        assert!(!messages.contains("cut short"), "tshark: {messages}");
        Some(String::from_utf8(output.stdout).expect("UTF-8"))
    }

    #[test]
    fn tshark_reads_names_times_ids_and_comments() {
        let folder = tempfile::tempdir().expect("folder");
        let path = folder.path().join("example.pcapng");
        write_example(&path).expect("written");
        let fields = [
            "frame.interface_name",
            "frame.interface_description",
            "frame.time_epoch",
            "frame.packet_id",
            "frame.comment",
            "frame.protocols",
        ];
        let mut arguments = vec!["-T", "fields", "-E", "separator=|", "-E", "aggregator=;"];
        for field in fields {
            arguments.extend(["-e", field]);
        }
        let Some(table) = tshark(&path, &arguments) else {
            return;
        };
        let expected = "\
SalesVM/SalesVMVMNic|10.1.1.4 in SalesVNet/Apps|1709208000.000000000|1|route 10.2.0.0/16 VNetPeering|eth:ethertype:ip:icmp:data
MarketingVM/MarketingVMVMNic||1709208000.000500001|1|delivered|eth:ethertype:ip:icmp:data
SalesVM/SalesVMVMNic|10.1.1.4 in SalesVNet/Apps|1709208001.000000000|2|dropped: route-none;route 10.0.0.0/8 None – nächster Sprung|eth:ethertype:ip:tcp
SalesVM/SalesVMVMNic|10.1.1.4 in SalesVNet/Apps|1709208002.000000000|18446744073709551615||eth:ethertype:ip:udp:data
";
        assert_eq!(table, expected);
    }

    #[test]
    fn tshark_finds_nothing_malformed_and_no_bad_checksum() {
        let folder = tempfile::tempdir().expect("folder");
        let path = folder.path().join("example.pcapng");
        write_example(&path).expect("written");
        let bad = "_ws.malformed || ip.checksum.status == \"Bad\" || icmp.checksum.status == \"Bad\" \
             || tcp.checksum.status == \"Bad\" || udp.checksum.status == \"Bad\"";
        if let Some(found) = tshark(&path, &["-Y", bad]) {
            assert_eq!(found, "");
        }

        // The filter can find something: the same packet with a wrong header checksum.
        let mut broken = echo_request(1);
        broken[24] ^= 1;
        let mut capture = CaptureWriter::create(&path, epoch()).expect("made");
        let nic = capture.add_interface("a/b", "").expect("added");
        capture
            .write_packet(nic, SimTime::ZERO, &broken, 1, &[])
            .expect("written");
        if let Some(found) = tshark(&path, &["-Y", bad]) {
            assert_eq!(found.lines().count(), 1);
        }
    }
}
