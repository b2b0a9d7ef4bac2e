//! Packets from shard to shard: what the queues between them cost, without the forwarding.
//!
//! Two threads, each on a core of its own where there are two, pass the same packets to and fro in batches of 32. Time is per packet and
//! hand-over and counts both sides: keeping it in the outbox, the channel, taking it out, and the cache lines that move.

use std::hint::black_box;
use std::sync::Barrier;
use std::time::{Duration, Instant};

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use dataplane::Packet;
use dataplane::packet::Envelope;
use dataplane::pipeline::{InFlight, Position};
use dataplane::time::SimTime;
use engine::forward::exchange::{BATCH, Exchange, between};
use model::NicId;

/// Packets on their way at a time: as many as four bursts.
const PACKETS: usize = 1024;

fn packets() -> Vec<InFlight> {
    let packet = |port| {
        let envelope = Envelope::new([10, 1, 0, 4].into(), [10, 2, 0, 4].into());
        let packet = Packet::udp(envelope, port, 443, &[0; 22]).expect("a short datagram");
        let position = Position::Leaving(NicId::new(0));
        InFlight { position, packet }
    };
    (0..u16::try_from(PACKETS).expect("few"))
        .map(packet)
        .collect()
}

/// Passes on what comes until as many packets as wanted have been taken; looks at the header of each if `reads`.
fn pass_on(exchange: &mut Exchange, other: u32, wanted: usize, reads: bool) {
    let (entered, now) = (Instant::now(), SimTime::ZERO);
    let mut taken = 0;
    while taken < wanted {
        while let Some(batch) = exchange.receive() {
            taken += batch.packets.len();
            for packet in batch.packets {
                if reads {
                    black_box(packet.packet.ttl());
                }
                exchange.push(other, packet, entered, now);
            }
        }
        exchange.flush();
        std::hint::spin_loop();
    }
}

fn to_and_fro(rounds: usize, reads: bool) -> Duration {
    let mut ends = between(2, 2 * PACKETS / BATCH, PACKETS);
    let (mut far, mut near) = (ends.pop().expect("two"), ends.pop().expect("two"));
    let (entered, now) = (Instant::now(), SimTime::ZERO);
    for packet in packets() {
        near.push(1, packet, entered, now);
    }
    let barrier = Barrier::new(2);
    let wanted = rounds * PACKETS;
    std::thread::scope(|scope| {
        scope.spawn(|| {
            engine::forward::pin(1);
            barrier.wait();
            pass_on(&mut far, 0, wanted, reads);
        });
        engine::forward::pin(0);
        barrier.wait();
        let start = Instant::now();
        near.flush();
        pass_on(&mut near, 1, wanted, reads);
        start.elapsed()
    })
}

fn hand_over(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("hand_over");
    // Both ways at once: two hand-overs in the wall time of one.
    group.throughput(Throughput::Elements(PACKETS as u64));
    for (name, reads) in [("queues", false), ("queues_and_headers", true)] {
        group.bench_function(name, |bencher| {
            bencher.iter_custom(|rounds| {
                to_and_fro(usize::try_from(rounds).expect("few rounds"), reads)
            });
        });
    }
    group.finish();
}

criterion_group! {
    name = benches;
    config = Criterion::default()
        .sample_size(20)
        .warm_up_time(Duration::from_millis(500))
        .measurement_time(Duration::from_secs(2));
    targets = hand_over
}
criterion_main!(benches);
